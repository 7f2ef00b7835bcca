// ctld/client_watch.hpp — the leader's eye on the clients that hold allocations.
#pragma once
#include <map>

#include "ctld/controller.hpp"
#include "io/timer.hpp"
#include "rpc/client.hpp"

namespace flurm::ctld {

/// Announces the end of a job's time limit, and with InactiveLimit asks whether its client is still there: the
/// allocation of one that is not is ended. Nothing is stored: a new leader gives every client the whole time again.
/// Loop thread only. Source: slurm 22.05 src/slurmctld/job_mgr.c job_time_limit(), srun_comm.c srun_ping(),
/// srun_timeout().
class ClientWatch {
 public:
  ClientWatch(Controller& controller, rpc::Client& client);
  void start();
  void stop();

 private:
  void beat();
  void announce_ends(const state::ClusterState& state);
  void look_for_inactive(const state::ClusterState& state);
  io::Task<> ping(model::Job job, std::uint64_t reign);
  io::Task<> end(JobId job, std::uint32_t restart_count);

  Controller& controller_;
  rpc::Client& client_;
  io::Timer timer_;
  std::uint64_t reign_ = 0;
  std::uint64_t announced_ms_ = 0;
  struct Heard {
    std::uint64_t at_ms = 0;     // when the client last answered
    std::uint64_t asked_ms = 0;  // when it was last asked
  };
  std::map<JobId, Heard> heard_;
};

}  // namespace flurm::ctld
