// model/partition.hpp — a partition, and the settings of the whole cluster that commands depend on.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "model/job.hpp"
#include "model/node.hpp"

namespace flurm::model {

namespace partition_flag {
inline constexpr std::uint32_t is_default = 0x0001, hidden = 0x0002, no_root = 0x0004, root_only = 0x0008,
                               req_resv = 0x0010, lln = 0x0020, exclusive_user = 0x0040;
}
namespace partition_state {
inline constexpr std::uint16_t submit = 1, sched = 2, down = submit, up = submit | sched, drain = sched, inactive = 0;
}
/// Bits of SelectTypeParameters (slurm 22.05 slurm/slurm.h CR_*).
namespace cr_bit {
inline constexpr std::uint16_t cpu = 0x1, socket = 0x2, core = 0x4, memory = 0x10, one_task_per_core = 0x100,
                               core_default_dist_block = 0x1000, least_loaded = 0x4000;
}
/// Bit of Partition::max_share: jobs share resources whatever they ask for (slurm 22.05 slurm/slurm.h SHARED_FORCE).
inline constexpr std::uint16_t kShareForce = 0x8000;

struct Partition {
  std::string name;
  std::string nodes_text;  // as configured
  std::string nodesets;
  std::vector<NodeId> nodes;  // sorted; filled by the state from nodes_text
  std::uint32_t flags = 0;
  std::uint16_t state_up = partition_state::up;
  std::uint32_t max_time = kInfinite32, default_time = kNoVal32;  // minutes
  std::uint32_t max_nodes = kInfinite32, min_nodes = 0;
  std::uint32_t max_cpus_per_node = kInfinite32, max_cpus_per_socket = kInfinite32;
  std::uint64_t def_mem_per_cpu = 0, max_mem_per_cpu = 0;  // MiB; kMemoryPerCpu bit as in Slurm; 0 unlimited
  std::uint16_t max_share = 1;
  std::uint16_t over_time_limit = kNoVal16;
  std::uint16_t preempt_mode = kNoVal16;
  std::uint16_t priority_job_factor = 1, priority_tier = 1;
  std::uint16_t cr_type = 0;
  std::uint32_t grace_time = 0;
  std::uint16_t resume_timeout = kNoVal16, suspend_timeout = kNoVal16;
  std::uint32_t suspend_time = kNoVal32;
  std::uint32_t cpu_bind = 0;
  std::string allow_accounts, allow_groups, allow_alloc_nodes, allow_qos, qos, alternate, deny_accounts, deny_qos,
      billing_weights, job_defaults;
  std::uint32_t total_nodes = 0, total_cpus = 0;
  bool operator==(const Partition&) const = default;
};

/// What priority/multifactor weighs jobs with: PriorityWeight* and the like of slurm.conf.
struct PriorityRule {
  std::uint32_t age = 0, job_size = 0, partition = 0;
  std::string tres;  // "CPU=1000,Mem=2000"
  std::uint32_t max_age_s = 604800, calc_period_s = 300;
  std::uint16_t flags = 0;  // priority_flag
  bool favor_small = false;
  std::uint32_t half_life_s = 604800;  // PriorityDecayHalfLife of what has been used; 0: it does not fade
  std::uint16_t usage_reset = 0;       // PriorityUsageResetPeriod: 0 none, 1 now, 2 daily … 6 yearly
  std::uint32_t fair_share = 0, association = 0, qos = 0;
  std::uint16_t damping = 1;  // FairShareDampeningFactor
  bool operator==(const PriorityRule&) const = default;
};

/// Bits of PreemptMode (slurm 22.05 slurm/slurm.h PREEMPT_MODE_*).
namespace preempt_mode {
inline constexpr std::uint16_t off = 0, suspend = 0x1, requeue = 0x2, cancel = 0x8, within = 0x4000, gang = 0x8000;
}
/// How jobs give way to others: PreemptType, PreemptMode and the like of slurm.conf.
struct PreemptRule {
  enum class By : std::uint8_t { nothing, partition, qos };
  By by = By::nothing;
  std::uint16_t mode = preempt_mode::off;  // where neither partition nor QOS has one
  std::uint32_t exempt_s = 0;              // PreemptExemptTime: how long a job runs undisturbed; kInfinite32: not at all
  bool youngest_first = false;
  bool strict_order = false;
  std::uint16_t reorder_count = 1;
  bool send_user_signal = false;     // of a job that is to be preempted, its --signal
  std::uint16_t time_slice_s = 30;   // SchedulerTimeSlice, of jobs that take turns
  bool enabled() const { return by != By::nothing && mode != preempt_mode::off; }
  bool gang() const { return mode & preempt_mode::gang; }
  bool operator==(const PreemptRule&) const = default;
};

/// Settings that `apply` and the planner need, taken from slurm.conf by the controller and put in the log.
/// A switch of topology/tree, with all nodes that hang below it.
struct Switch {
  std::string name;
  std::uint16_t level = 0;      // 0: a leaf
  std::uint32_t link_speed = 1;
  std::string nodes, switches;  // hostlists; `switches`: those right below
  bool operator==(const Switch&) const = default;
};

/// Bits of Settings::enforce (slurm 22.05 src/common/read_config.h ACCOUNTING_ENFORCE_*).
namespace enforce_flag {
inline constexpr std::uint16_t assocs = 0x1, limits = 0x2, wckeys = 0x4, qos = 0x8, safe = 0x10, no_jobs = 0x20,
                               no_steps = 0x40;
}
/// Which jobs leave their nodes to those of their label alone.
enum class McsSelect : std::uint8_t { never, always, on_demand };  // on_demand: with --exclusive=mcs

struct Settings {
  std::string cluster_name;
  std::uint32_t slurm_user = 0;
  std::uint32_t first_job_id = 1, max_job_id = 0x03ff0000, max_job_count = 10000, max_array_size = 1001;
  std::uint32_t min_job_age_s = 300, kill_wait_s = 30, over_time_limit = 0, batch_start_timeout_s = 10;
  std::uint16_t return_to_service = 0;
  bool job_requeue = true;
  std::uint16_t kill_on_bad_exit = 0;
  std::uint16_t enforce_part_limits = 0;  // 0 no, 1 all, 2 any (slurm 22.05 PARTITION_ENFORCE_*)
  std::uint64_t def_mem_per_cpu = 0, max_mem_per_cpu = 0;
  std::uint16_t max_tasks_per_node = 512;
  std::string licenses;  // "lica:8,licb:4"
  bool select_linear = false;
  std::uint16_t cr_type = 0;  // CR_* bits of SelectTypeParameters
  bool multifactor = false;
  std::uint16_t max_batch_requeue = 5;
  bool backfill = true;
  TaskSet requeue_exit, requeue_exit_hold;  // exit codes after which a job starts over, or waits held to do so
  bool kill_invalid_dependency = false;     // for jobs that do not say themselves
  bool ignore_prefer_validation = false;    // --prefer may name what no node can be for the job
  PriorityRule priority;                    // with `multifactor`
  bool prolog_at_start = false;             // PrologFlags=Alloc: nodes are told of a job before its first step
  bool extern_step = false;                 // PrologFlags=Contain: and have a step for what comes from outside
  std::string gres_types;                   // GresTypes: the kinds of generic resources
  std::string counted_gres;                 // of AccountingStorageTRES: "gpu,gpu:tesla"
  std::uint32_t requeue_wait_s = 0;         // how long a job waits that starts over; 0: only one that failed does
  bool controller_prolog = false;           // PrologSlurmctld: a program that the leader runs before a job's launch
  bool controller_epilog = false;           // EpilogSlurmctld, at its end
  std::vector<Switch> switches;             // TopologyPlugin=topology/tree
  bool topology_optional = false;           // only jobs that ask for it (--switches) heed them
  std::uint32_t switch_wait_max_s = 300;    // how long a job waits for few switches
  McsSelect mcs_select = McsSelect::never;  // MCSParameters: whether labels set nodes apart
  std::uint32_t reboot_timeout_s = 60;      // ResumeTimeout: how long a node may take to come back
  std::uint16_t enforce = 0;                // AccountingStorageEnforce: enforce_flag
  bool track_wckey = false;                 // TrackWCKey
  bool accounting = false;                  // AccountingStorageType is slurmdbd: it is told of jobs, nodes, reservations
  bool store_script = false, store_environment = false;  // AccountingStoreFlags
  PreemptRule preempt;
  std::uint16_t step_port_min = 1, step_port_max = 0;  // MpiParams=ports=: what steps may have for themselves
  bool step_ports_by_default = false;       // MpiParams is set: steps that do not say get some
  std::uint32_t reports_max = 0;            // MaxDBDMsgs: beyond so many that wait, steps go unreported
  bool operator==(const Settings&) const = default;
};

/// The job's own time limit, or the one that the partition gives it, in minutes; kInfinite32 without limit.
inline std::uint32_t time_limit_in(const Job& job, const Partition& partition) {
  if (job.time_limit != kNoVal32) return job.time_limit;
  return partition.default_time != kNoVal32 ? partition.default_time : partition.max_time;
}

/// The job's nodes are for jobs of its label alone.
inline bool sets_nodes_apart(const JobRequest& request, McsSelect select) {
  constexpr std::uint16_t kExclusiveMcs = 3;
  return !request.mcs_label.empty() &&
         (select == McsSelect::always || (select == McsSelect::on_demand && request.shared == kExclusiveMcs));
}

void fields(codec::Archive& ar, Partition& partition);
void fields(codec::Archive& ar, PriorityRule& rule);
void fields(codec::Archive& ar, PreemptRule& rule);
void fields(codec::Archive& ar, Switch& one);
void fields(codec::Archive& ar, Settings& settings);

}  // namespace flurm::model
