// wire/msg/launch_tasks.hpp — srun hands a step to its nodes, and sattach joins one.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/addr.hpp"
#include "wire/cred.hpp"
#include "wire/msg/cpu_groups.hpp"

namespace flurm::wire {

/// Global ids of the tasks of one node.
struct NodeTasks {
  std::vector<std::uint32_t> global_task_ids;
  bool operator==(const NodeTasks&) const = default;
};
void fields(codec::Archive& ar, NodeTasks& m);

/// An option of a SPANK plugin.
struct JobOption {
  std::uint32_t type = 0;
  std::string option, optarg;
  bool operator==(const JobOption&) const = default;
};
void fields(codec::Archive& ar, JobOption& m);

/// flags of LaunchTasks (slurm 22.05 slurm_protocol_defs.h LAUNCH_*).
enum LaunchFlag : std::uint32_t {
  launch_parallel_debug = 1u << 0,
  launch_multi_prog = 1u << 1,
  launch_pty = 1u << 2,
  launch_buffered_io = 1u << 3,
  launch_label_io = 1u << 4,
  launch_no_alloc = 1u << 6,
  launch_overcommit = 1u << 7,
};

/// REQUEST_LAUNCH_TASKS. `tasks` has an entry per node of complete_nodelist, in its order. ofname, efname, ifname:
/// empty is "over the connection to srun". Ports are spread over the nodes: node n takes entry n modulo their number.
struct LaunchTasks {
  StepId step_id;
  std::uint32_t uid = 0, gid = 0;  // until 23.02; later in the credential alone
  std::string user_name;
  std::vector<std::uint32_t> gids;
  std::uint32_t het_job_node_offset = kNoVal32, het_job_id = kNoVal32;
  std::optional<std::vector<std::vector<std::uint32_t>>> het_job_tids;
  std::optional<std::vector<std::uint32_t>> het_job_tid_offsets;
  std::uint32_t het_job_offset = kNoVal32, het_job_step_cnt = kNoVal32;
  std::vector<std::uint32_t> het_job_step_task_cnts;
  std::uint32_t het_job_task_offset = kNoVal32;
  std::string het_job_node_list;
  std::uint32_t mpi_plugin_id = 0;
  std::uint32_t ntasks = 0;
  std::uint16_t ntasks_per_board = 0, ntasks_per_core = 0, ntasks_per_tres = 0, ntasks_per_socket = 0;
  std::uint64_t job_mem_lim = 0, step_mem_lim = 0;  // MiB
  std::uint16_t cpus_per_task = 0;
  std::vector<std::uint16_t> cpt_compact_array;
  std::vector<std::uint32_t> cpt_compact_reps;
  std::string tres_per_task;
  std::uint16_t threads_per_core = 0;
  std::uint32_t task_dist = 0;
  std::uint16_t node_cpus = 0, job_core_spec = kNoVal16, accel_bind_type = 0;
  std::uint16_t cred_version = 0;  // 0: the message's
  Cred cred;
  std::vector<NodeTasks> tasks;
  std::vector<std::uint16_t> resp_port;
  Addr orig_addr;
  std::vector<std::string> env, spank_job_env;
  std::string container, cwd;
  std::uint16_t cpu_bind_type = 0;
  std::string cpu_bind;
  std::uint16_t mem_bind_type = 0;
  std::string mem_bind;
  std::vector<std::string> argv;
  std::uint32_t flags = 0;
  std::string ofname, efname, ifname;
  std::vector<std::uint16_t> io_port;
  std::string alloc_tls_cert;
  std::uint32_t profile = 0;
  std::string task_prolog, task_epilog;
  std::uint16_t slurmd_debug = 0;
  std::vector<JobOption> options;
  std::string alias_list, complete_nodelist;
  std::uint8_t open_mode = 0;
  std::string acctg_freq;
  std::uint32_t cpu_freq_min = kNoVal32, cpu_freq_max = kNoVal32, cpu_freq_gov = kNoVal32;
  std::string tres_bind, tres_freq;
  std::uint16_t x11 = 0;
  std::string x11_alloc_host;
  std::uint16_t x11_alloc_port = 0;
  std::string x11_magic_cookie, x11_target;
  std::uint16_t x11_target_port = 0;
  std::string stepmgr;
  bool oom_kill_step = false;
  bool operator==(const LaunchTasks&) const = default;
};
void fields(codec::Archive& ar, LaunchTasks& m);

/// REQUEST_REATTACH_TASKS. Until 23.02 the key of the I/O connection is the credential's signature.
struct ReattachTasks {
  std::string tls_cert;
  StepId step_id;
  std::string io_key;
  std::vector<std::uint16_t> resp_port, io_port;
  Cred cred;
  bool operator==(const ReattachTasks&) const = default;
};
void fields(codec::Archive& ar, ReattachTasks& m);

/// RESPONSE_REATTACH_TASKS.
struct ReattachTasksResponse {
  std::string node_name;
  std::uint32_t return_code = 0;
  std::vector<std::uint32_t> gtids, local_pids;
  std::vector<std::string> executable_names;
  bool operator==(const ReattachTasksResponse&) const = default;
};
void fields(codec::Archive& ar, ReattachTasksResponse& m);

}  // namespace flurm::wire
