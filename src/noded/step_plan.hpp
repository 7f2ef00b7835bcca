// noded/step_plan.hpp — from the controller's launch message to the supervisor's orders.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "conf/config.hpp"
#include "exec/step_messages.hpp"
#include "noded/batch_environment.hpp"
#include "wire/cred.hpp"
#include "wire/msg/batch_job_launch.hpp"

namespace flurm::noded {

/// Where and how steps run here, from the configuration.
struct StepSettings {
  std::string spool_directory;
  std::string log_file;  ///< of this daemon
  std::string cgroup_root = "/sys/fs/cgroup";
  bool constrain_memory = false;  ///< cgroup.conf ConstrainRAMSpace
  int own_nice = 0;               ///< of this daemon, for PropagatePrioProcess=2
};

/// The orders for the batch step. `user` is who the job runs as, groups resolved.
exec::StepLaunch plan_batch_step(const wire::BatchJobLaunch& job, exec::Identity user, const NodeFacts& facts,
                                 const StepSettings& settings, const conf::Config& config);

/// MiB that the credential gives the job on `node_name`; 0 where it says nothing.
std::uint64_t job_memory_mib(const wire::Cred& cred, std::string_view node_name);

/// Mask of PropagateResourceLimits and its opposite; see exec::rlimit_bit.
std::uint32_t rlimit_mask(std::string_view propagate, std::string_view except);

/// Seconds between samples of usage: `task=` of JobAcctGatherFrequency, which the job may set; 0 is never.
std::uint32_t sample_interval_s(std::string_view of_job, std::string_view of_cluster);

}  // namespace flurm::noded
