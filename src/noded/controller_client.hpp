// noded/controller_client.hpp — the controllers of slurm.conf behind ControllerPort.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "conf/config.hpp"
#include "noded/ports.hpp"
#include "rpc/courier.hpp"

namespace flurm::noded {

/// Starts with the controller that answered last. The version is found by trying: a controller closes a connection
/// whose version it does not speak, and the newest that is answered stays.
class ControllerClient final : public ControllerPort {
 public:
  ControllerClient(rpc::Client& client, const conf::Config& config, std::uint32_t slurm_user_id);

  /// After a reconfiguration.
  void reset(const conf::Config& config, std::uint32_t slurm_user_id);

  io::Task<Result<std::uint32_t>> ask(Outgoing message) override;
  io::Task<Result<void>> tell(Outgoing message) override;
  io::Task<Result<std::optional<JobRun>>> job_run(std::uint32_t job_id) override;
  /// The answer itself, for requests whose answer is more than a code.
  io::Task<Result<rpc::Response>> call(Outgoing message);

  std::uint16_t version() const { return versions_[version_at_]; }

 private:
  rpc::CallOptions options() const;

  rpc::Client& client_;
  rpc::Courier courier_;
  std::vector<rpc::Address> controllers_;
  std::size_t current_ = 0;
  std::vector<std::uint16_t> versions_;  ///< in the order in which they are tried
  std::size_t version_at_ = 0;
  std::uint32_t slurm_user_id_ = 0;
  std::uint64_t timeout_ms_ = 10'000;
};

/// Where the controllers of a configuration listen.
std::vector<rpc::Address> controller_addresses(const conf::Config& config);

}  // namespace flurm::noded
