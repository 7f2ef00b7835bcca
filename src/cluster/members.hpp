// cluster/members.hpp — who the controllers are, and the secret that they share.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace flurm::cluster {

struct Member {
  std::uint64_t id = 0;    ///< member_id(name), except where a log knows a single controller by another
  std::string name;        ///< as SlurmctldHost or FLURM_CLUSTER_NODES has it
  std::string host;        ///< where its controller port listens: a name or numeric address
  std::uint16_t port = 0;  ///< of the controller link
  bool operator==(const Member&) const = default;
};

constexpr std::size_t kMembersMax = 7;

/// A member's number: a hash of its name, so that it stays the same when lines are added or change places. > 1.
std::uint64_t member_id(std::string_view name);

/// One entry of FLURM_CLUSTER_NODES: "host" or "host:port"; "flurm@" before it, an Erlang node's name, is passed over.
/// Errors: einval.
Result<Member> parse_member(std::string_view text, std::uint16_t default_port);

/// name@host:port, as the log keeps it.
std::string member_text(const Member& member);
/// The other way; nullopt when it is none.
std::optional<Member> read_member_text(std::uint64_t id, std::string_view text);

/// Errors: einval when there are too many, when one is named twice, or when two have the same id or address.
Result<void> check_members(const std::vector<Member>& members);

/// The secret in `path`, without white space at its end. Errors: io; eperm when others than its owner may read it;
/// einval when it is empty or larger than 4096 bytes.
Result<std::string> read_secret(const std::string& path);

}  // namespace flurm::cluster
