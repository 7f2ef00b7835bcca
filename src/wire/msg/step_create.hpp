// wire/msg/step_create.hpp — steps as srun asks for them and slurmctld grants them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/cred.hpp"
#include "wire/msg/step_layout.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// What srun will tell the nodes, for a controller that launches the step itself when its turn comes (26.05+).
struct LaunchParams {
  std::vector<std::string> argv, env;
  std::string container, cwd;
  std::uint32_t msg_timeout = 0;
  std::uint16_t ntasks_per_board = 0, ntasks_per_core = 0, ntasks_per_tres = 0, ntasks_per_socket = 0;
  bool buffered_stdio = false, labelio = false;
  std::string output_filename, error_filename, input_filename;
  bool multi_prog = false, no_alloc = false;
  std::uint32_t slurmd_debug = 0;
  std::uint32_t het_job_node_offset = kNoVal32, het_job_id = kNoVal32, het_job_nnodes = kNoVal32,
                het_job_ntasks = kNoVal32, het_job_step_cnt = kNoVal32, het_job_offset = kNoVal32,
                het_job_task_offset = kNoVal32;
  std::string het_job_node_list;
  bool parallel_debug = false;
  std::uint32_t profile = 0;
  std::string task_prolog, task_epilog;
  std::uint16_t cpu_bind_type = 0;
  std::string cpu_bind;
  std::uint32_t cpu_freq_min = kNoVal32, cpu_freq_max = kNoVal32, cpu_freq_gov = kNoVal32;
  std::uint16_t mem_bind_type = 0;
  std::string mem_bind;
  std::uint16_t accel_bind_type = 0, max_sockets = 0, max_cores = 0, max_threads = 0, cpus_per_task = 0;
  std::vector<std::uint16_t> cpt_compact_array;
  std::vector<std::uint32_t> cpt_compact_reps;
  std::uint16_t threads_per_core = 0;
  std::uint32_t task_dist = 0;
  std::uint16_t tree_width = 0;
  bool preserve_env = false;
  std::string mpi_plugin_name;
  std::uint8_t open_mode = 0;
  std::string acctg_freq;
  bool pty = false;
  std::vector<std::string> spank_job_env;
  std::string tres_bind, tres_freq;
  std::uint16_t oom_kill_step = 0;
  bool operator==(const LaunchParams&) const = default;
};
void fields(codec::Archive& ar, LaunchParams& m);

/// Bits of JobStepCreateRequest::flags (slurm 22.05 slurm/slurm.h SSF_*).
enum StepFlag : std::uint32_t {
  step_exclusive = 1 << 0,      ///< does not share CPUs with other steps
  step_no_kill = 1 << 1,        ///< goes on when a node fails
  step_overcommit = 1 << 2,     ///< more tasks than CPUs
  step_whole = 1 << 3,          ///< takes all that the job has on its nodes (srun without --exact)
  step_interactive = 1 << 4,    ///< salloc's shell on the first node
  step_mem_zero = 1 << 5,       ///< --mem=0: all memory, and it does not count
  step_overlap_force = 1 << 6,  ///< shares with every other step
};

/// REQUEST_JOB_STEP_CREATE. Unset numbers are NO_VAL; time_limit in minutes; pn_min_memory in MiB, top bit: per CPU.
struct JobStepCreateRequest {
  StepId step_id;
  std::uint32_t array_task_id = kNoVal32;
  std::uint32_t user_id = 0, min_nodes = 0, max_nodes = 0;
  std::string container, container_id, container_type;
  std::uint32_t cpu_count = 0, cpu_freq_min = kNoVal32, cpu_freq_max = kNoVal32, cpu_freq_gov = kNoVal32, num_tasks = 0;
  std::uint64_t pn_min_memory = 0;
  std::uint32_t time_limit = kNoVal32;
  std::uint16_t threads_per_core = kNoVal16, ntasks_per_core = kNoVal16;
  std::uint16_t relative = kNoVal16;  // the first node, counted from the allocation's first
  std::uint32_t task_dist = 0;
  std::uint16_t plane_size = kNoVal16;  // tasks per node with any other distribution
  std::uint16_t port = 0;               // where srun listens
  std::uint16_t immediate = 0;          // seconds
  std::uint16_t resv_port_cnt = kNoVal16;
  std::uint32_t srun_pid = 0;
  std::uint32_t flags = 0;  // StepFlag
  std::string host, name, network, node_list, exc_nodes, features;
  std::uint32_t step_het_comp_cnt = 0;
  std::string step_het_grps;
  std::string cpus_per_tres, mem_per_tres;
  std::uint16_t ntasks_per_tres = kNoVal16;
  std::string cwd, std_err, std_in, std_out;
  std::string submit_line, tres_bind, tres_freq, tres_per_step, tres_per_node, tres_per_socket, tres_per_task;
  std::optional<LaunchParams> launch_params;
  bool operator==(const JobStepCreateRequest&) const = default;
};
void fields(codec::Archive& ar, JobStepCreateRequest& m);

/// RESPONSE_JOB_STEP_CREATE. Only 26.05 knows it without a credential. Until 23.02 the job id is not sent.
struct JobStepCreateResponse {
  std::uint32_t def_cpu_bind_type = 0;
  std::string resv_ports;
  StepId step_id;
  std::optional<StepLayout> step_layout;
  std::string stepmgr;
  std::optional<Cred> cred;
  std::uint32_t state = 0;
  std::uint16_t use_protocol_ver = 0;
  bool operator==(const JobStepCreateResponse&) const = default;
};
void fields(codec::Archive& ar, JobStepCreateResponse& m);

/// RESPONSE_JOB_SBCAST_CRED.
struct JobSbcastCred {
  JobId job_id;
  std::string node_list;
  SbcastCred sbcast_cred;
  bool operator==(const JobSbcastCred&) const = default;
};
void fields(codec::Archive& ar, JobSbcastCred& m);

/// REQUEST_UPDATE_JOB_STEP. step_id NO_VAL: all steps of the job. time_limit in minutes, 0 leaves it.
struct UpdateJobStep {
  StepId step_id;
  std::uint32_t time_limit = 0;
  bool operator==(const UpdateJobStep&) const = default;
};
void fields(codec::Archive& ar, UpdateJobStep& m);

}  // namespace flurm::wire
