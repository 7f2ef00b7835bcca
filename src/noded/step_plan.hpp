// noded/step_plan.hpp — from the controller's launch message to the supervisor's orders.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "conf/config.hpp"
#include "conf/other_conf.hpp"
#include "exec/step_messages.hpp"
#include "noded/batch_environment.hpp"
#include "noded/step_environment.hpp"
#include "wire/cred.hpp"
#include "wire/msg/batch_job_launch.hpp"
#include "wire/msg/launch_tasks.hpp"

namespace flurm::noded {

/// Where and how steps run here, from the configuration.
struct StepSettings {
  std::string spool_directory;
  std::string log_file;  ///< of this daemon
  std::string cgroup_root = "/sys/fs/cgroup";
  bool constrain_memory = false;   ///< cgroup.conf ConstrainRAMSpace
  bool constrain_devices = false;  ///< cgroup.conf ConstrainDevices
  /// job_container.conf; without a base_path jobs have no directories for themselves. %h and %n are expanded.
  conf::JobContainerConf job_container;
  std::optional<conf::OciConf> oci;        ///< without it, steps that ask for a container run without one, as in Slurm
  std::optional<conf::InfluxConf> influx;  ///< where samples of tasks go
  std::string plugstack, plugin_dir;       ///< of SPANK plugins: path of plugstack.conf; directories, ':' between
  int own_nice = 0;                        ///< of this daemon, for PropagatePrioProcess=2
};

/// The orders for the batch step. `user` is who the job runs as, groups resolved.
exec::StepLaunch plan_batch_step(const wire::BatchJobLaunch& job, exec::Identity user, const NodeFacts& facts,
                                 const StepSettings& settings, const conf::Config& config);

/// The orders for srun's step on the node that `place` describes. version: of srun's protocol.
/// Errors: einval (a --multi-prog file that cannot be understood, or a rank beyond the step's nodes).
Result<exec::StepLaunch> plan_task_step(const wire::LaunchTasks& order, exec::Identity user, const NodeFacts& facts,
                                        const StepSettings& settings, const conf::Config& config,
                                        const StepPlace& place, std::uint16_t version);

/// The orders for the step that holds what is started for the job from outside (PrologFlags=Contain).
exec::StepLaunch plan_extern_step(const wire::Cred& cred, exec::Identity user, const NodeFacts& facts,
                                  const StepSettings& settings, const conf::Config& config);

/// The job's control group, below the root: "flurm_cluster_n1/job_12". A machine may be in several clusters.
std::string job_cgroup(const NodeFacts& facts, std::uint32_t job_id);

/// MiB that the credential gives the job on `node_name`; 0 where it says nothing.
std::uint64_t job_memory_mib(const wire::Cred& cred, std::string_view node_name);
/// MiB that it gives the step there; the job's where it says nothing about the step.
std::uint64_t step_memory_mib(const wire::Cred& cred, std::string_view node_name);

/// Which bits of the credential's core bitmaps are this node's.
struct CoreRange {
  std::uint32_t first = 0, count = 0;
  std::uint16_t sockets = 0, cores_per_socket = 0;
};
/// Errors: node_invalid_job_credential (the node is not in it, or its counts do not fit).
Result<CoreRange> node_cores(const wire::Cred& cred, std::string_view node_name);
/// CPUs of the node that the credential gives the step, at least one. node_cpus: that the node has.
std::uint32_t step_cpus(const wire::Cred& cred, const CoreRange& cores, std::uint32_t node_cpus);

/// Mask of PropagateResourceLimits and its opposite; see exec::rlimit_bit.
std::uint32_t rlimit_mask(std::string_view propagate, std::string_view except);

/// Seconds between samples of usage: `task=` of JobAcctGatherFrequency, which the job may set; 0 is never.
std::uint32_t sample_interval_s(std::string_view of_job, std::string_view of_cluster);

}  // namespace flurm::noded
