// cluster/handshake.hpp — the first thing on every connection: both sides prove that they know the secret.
// The messages and the reasons are in docs/cluster.md.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"

namespace flurm::cluster {

/// Changes when a message of the link changes its form.
constexpr std::uint16_t kProtocol = 1;

/// What the connection is for once both sides are known.
enum class Purpose : std::uint8_t { log = 1, calls = 2 };

/// What a member proves with.
struct Party {
  std::uint64_t self = 0;
  std::vector<std::uint64_t> others;  ///< whose logs it talks to; calls may come from anybody who knows the secret
  std::string cluster;                ///< digest of the cluster's name
  std::string secret;
};

Party make_party(std::uint64_t self, std::vector<std::uint64_t> others, const std::string& cluster_name,
                 std::string secret);

struct Caller {
  std::uint64_t from = 0;
  Purpose purpose{};
};

/// The caller's half, on a fresh connection to `to`. Nothing beyond the handshake is read. Errors: eperm (with the
/// reason: what the other side is not), protocol_version, closed, timed_out, io.
io::Task<Result<void>> greet(std::shared_ptr<io::Stream> stream, std::shared_ptr<const Party> party, std::uint64_t to,
                             Purpose purpose, io::Deadline deadline);

/// The called side's half. received: what was read already, no more than a hello. Errors as above.
io::Task<Result<Caller>> receive(std::shared_ptr<io::Stream> stream, std::shared_ptr<const Party> party,
                                 io::Deadline deadline, std::string received = {});

}  // namespace flurm::cluster
