// conf/config.hpp — slurm.conf as a value. Members carry the names of Slurm's own configuration record
// (slurm_conf_t), numbers and flag bits are Slurm's, and initial values are the defaults of Slurm 22.05.
// An empty string is "not set". Times are seconds unless the name says otherwise; memory is MiB.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "conf/lines.hpp"

namespace flurm::conf {

/// Set in def_mem_per_cpu and max_mem_per_cpu when the amount is per CPU; clear when it is per node.
inline constexpr std::uint64_t kMemPerCpu = 0x8000000000000000;
/// Set in PartitionDef::max_share for OverSubscribe=FORCE.
inline constexpr std::uint16_t kShareForce = 0x8000;

/// SelectTypeParameters.
enum SelectParam : std::uint16_t {
  kCrCpu = 0x1,
  kCrSocket = 0x2,
  kCrCore = 0x4,
  kCrBoard = 0x8,
  kCrMemory = 0x10,
  kCrOtherConsRes = 0x20,
  kCrOneTaskPerCore = 0x100,
  kCrPackNodes = 0x200,
  kCrOtherConsTres = 0x800,
  kCrCoreDefaultDistBlock = 0x1000,
  kCrLln = 0x4000,
};
/// PreemptMode.
enum PreemptMode : std::uint16_t {
  kPreemptOff = 0,
  kPreemptSuspend = 0x1,
  kPreemptRequeue = 0x2,
  kPreemptCancel = 0x8,
  kPreemptWithin = 0x4000,
  kPreemptGang = 0x8000,
};
/// Partition state: may jobs be submitted, may they start.
enum PartitionState : std::uint16_t {
  kPartitionInactive = 0,
  kPartitionDown = 0x1,
  kPartitionDrain = 0x2,
  kPartitionUp = 0x3,
};
/// Initial node states; flags from the second line on.
enum NodeState : std::uint32_t {
  kNodeUnknown = 0,
  kNodeDown = 1,
  kNodeIdle = 2,
  kNodeAllocated = 3,
  kNodeError = 4,
  kNodeMixed = 5,
  kNodeFuture = 6,
  kNodeCloud = 0x80,
  kNodeDrain = 0x200,
  kNodeCompleting = 0x400,
  kNodeNoRespond = 0x800,
  kNodePoweredDown = 0x1000,
  kNodeFail = 0x2000,
};
enum EnforcePartLimits : std::uint16_t { kEnforceNone = 0, kEnforceAll = 1, kEnforceAny = 2 };
/// AccountingStorageEnforce.
enum AccountingEnforce : std::uint16_t {
  kEnforceAssocs = 0x1,
  kEnforceLimits = 0x2,
  kEnforceWckeys = 0x4,
  kEnforceQos = 0x8,
  kEnforceSafe = 0x10,
  kEnforceNoJobs = 0x20,
  kEnforceNoSteps = 0x40,
  kEnforceTres = 0x80,
};
enum PrologFlag : std::uint16_t {
  kPrologAlloc = 0x1,
  kPrologNoHold = 0x2,
  kPrologContain = 0x4,
  kPrologSerial = 0x8,
  kPrologX11 = 0x10,
  kPrologDeferBatch = 0x20,
};
enum PrivateData : std::uint16_t {
  kPrivateJobs = 0x1,
  kPrivateNodes = 0x2,
  kPrivatePartitions = 0x4,
  kPrivateUsage = 0x8,
  kPrivateUsers = 0x10,
  kPrivateAccounts = 0x20,
  kPrivateReservations = 0x40,
  kPrivateCloudNodes = 0x80,
  kPrivateEvents = 0x100,
};
/// HealthCheckNodeState.
enum HealthCheck : std::uint16_t {
  kHealthIdle = 0x1,
  kHealthAlloc = 0x2,
  kHealthMixed = 0x4,
  kHealthAny = 0xf,
  kHealthCycle = 0x8000,
};
/// SlurmctldDebug and kin: 0 quiet, 1 fatal, 2 error, 3 info, 4 verbose, 5…9 debug…debug5.
inline constexpr std::uint16_t kLogInfo = 3, kLogLevelEnd = 10;

/// One SlurmctldHost line, or ControlMachine/BackupController of old files. "localhost" stays as written.
struct ControllerHost {
  std::string name, addr;
  bool operator==(const ControllerHost&) const = default;
};

/// One node: what NodeName, its DEFAULT and derived values give. Counts are totals per node unless named otherwise.
struct NodeDef {
  std::string name, hostname, addr, bcast_addr;
  std::uint16_t port = 0;  ///< SlurmdPort when the line names none
  std::uint16_t cpus = 1, boards = 1, sockets = 1, cores_per_socket = 1, threads_per_core = 1;
  std::uint64_t real_memory = 1;  ///< MiB
  std::uint32_t tmp_disk = 0;     ///< MiB
  std::uint32_t weight = 1;
  std::string features, gres;
  std::uint32_t state = kNodeUnknown;  ///< NodeState, with flags
  std::string reason;
  std::uint16_t core_spec_count = 0;
  std::string cpu_spec_list;
  std::uint64_t mem_spec_limit = 0;  ///< MiB
  std::string tres_weights;
  std::uint32_t cpu_bind = 0;
  bool operator==(const NodeDef&) const = default;

  std::uint32_t cores() const { return std::uint32_t{sockets} * cores_per_socket; }
};

/// One PartitionName line. Empty allow_* and deny_* lists restrict nobody.
struct PartitionDef {
  std::string name;
  std::string nodes;                      ///< as written
  std::vector<std::uint32_t> node_index;  ///< into Config::nodes, ascending, unique
  std::string allow_alloc_nodes, allow_accounts, allow_groups, allow_qos, deny_accounts, deny_qos;
  std::string alternate, qos, tres_billing_weights;
  bool is_default = false, hidden = false, lln = false, root_only = false, req_resv = false;
  bool exclusive_user = false, exclusive_topo = false, power_down_on_idle = false;
  std::uint8_t disable_root_jobs = kNoVal8;  ///< 0, 1, or kNoVal8: as Config::disable_root_jobs
  std::uint32_t cpu_bind = 0;
  std::uint16_t select_param = 0;                          ///< SelectParam; 0: as Config::select_type_param
  std::uint32_t default_time_min = kNoVal32;               ///< minutes, kInfinite32, or kNoVal32: as max_time_min
  std::uint32_t max_time_min = kInfinite32;                ///< minutes
  std::uint64_t def_mem_per_cpu = 0, max_mem_per_cpu = 0;  ///< MiB with kMemPerCpu; 0: as Config
  std::uint64_t def_cpu_per_gpu = 0, def_mem_per_gpu = 0;  ///< 0: not set
  std::uint32_t max_nodes = kInfinite32, min_nodes = 0, max_cpus_per_node = kInfinite32;
  std::uint32_t max_cpus_per_socket = kInfinite32;
  std::uint32_t grace_time = 0;
  std::uint16_t max_share = 1;               ///< OverSubscribe: 0 EXCLUSIVE, 1 NO, n YES:n; kShareForce for FORCE
  std::uint16_t over_time_limit = kNoVal16;  ///< minutes
  std::uint16_t preempt_mode = kNoVal16;     ///< PreemptMode; kNoVal16: as Config
  std::uint16_t priority_job_factor = 1, priority_tier = 1;
  std::uint16_t resume_timeout = kNoVal16, suspend_timeout = kNoVal16;
  std::uint32_t suspend_time = kNoVal32;
  std::uint16_t state = kPartitionUp;  ///< PartitionState
  std::string topology;                ///< 25.05
  bool operator==(const PartitionDef&) const = default;
};

/// NodeSet: a name that Nodes= of partitions may use.
struct NodeSetDef {
  std::string name, nodes, feature;
  bool operator==(const NodeSetDef&) const = default;
};

/// DownNodes: nodes to start in a state other than the one on their NodeName line.
struct DownNodes {
  std::vector<std::uint32_t> node_index;
  std::uint32_t state = kNodeDown;
  std::string reason = "Set in slurm.conf";
  bool operator==(const DownNodes&) const = default;
};

/// Everything slurm.conf says. Keys of later releases that 22.05 lacks stand at the end.
struct Config {
  std::vector<ControllerHost> controllers;  ///< first is the primary
  std::vector<NodeDef> nodes;               ///< in the order of the file
  std::vector<Line> node_defaults;          ///< NodeName=DEFAULT lines, for nodes that come later
  std::vector<PartitionDef> partitions;
  std::vector<NodeSetDef> node_sets;
  std::vector<DownNodes> down_nodes;
  std::uint32_t hash_val = 0;  ///< of the text, as slurmd sends it

  std::uint16_t accounting_storage_enforce = 0;  ///< AccountingEnforce
  std::string accounting_storage_backup_host, accounting_storage_ext_host, accounting_storage_host = "localhost";
  std::string accounting_storage_params, accounting_storage_pass;
  std::uint16_t accounting_storage_port = 0;
  /// The key's value with the TRES that always count behind it.
  std::string accounting_storage_tres = "cpu,mem,energy,node,billing,fs/disk,vmem,pages";
  std::string accounting_storage_type = "accounting_storage/none", accounting_storage_user = "root";
  bool store_job_comment = false, store_job_env = false, store_job_script = false;  ///< AccountingStoreFlags
  std::string acct_gather_energy_type = "acct_gather_energy/none";
  std::string acct_gather_filesystem_type = "acct_gather_filesystem/none";
  std::string acct_gather_interconnect_type = "acct_gather_interconnect/none";
  std::string acct_gather_profile_type = "acct_gather_profile/none";
  std::uint16_t acct_gather_node_freq = 0;
  bool allow_spec_resources_usage = false;
  std::string authalttypes, authalt_params, authinfo, authtype = "auth/munge";
  std::uint16_t batch_start_timeout = 10;
  std::string bb_type, bcast_exclude = "/lib,/usr/lib,/lib64,/usr/lib64", bcast_parameters;
  std::string cli_filter_plugins, cluster_name, comm_params;
  std::uint16_t complete_wait = 0;
  std::string core_spec_plugin = "core_spec/none";
  std::uint32_t cpu_freq_def = kNoVal32, cpu_freq_govs = 0x86800000;  ///< OnDemand, Performance, UserSpace
  std::string cred_type = "cred/munge";
  std::uint64_t debug_flags = 0;
  std::uint64_t def_mem_per_cpu = 0;  ///< MiB with kMemPerCpu; 0: unlimited
  std::uint64_t def_cpu_per_gpu = 0, def_mem_per_gpu = 0;
  std::string dependency_params;
  bool disable_root_jobs = false;
  std::uint16_t eio_timeout = 60;
  std::uint16_t enforce_part_limits = kEnforceNone;
  std::string epilog, epilog_slurmctld;
  std::uint32_t epilog_msg_time = 2000;  ///< microseconds
  std::uint16_t ext_sensors_freq = 0;
  std::string ext_sensors_type = "ext_sensors/none", fed_params;
  std::uint16_t fs_dampening_factor = 1;
  std::uint32_t first_job_id = 1, max_job_id = 0x03ff0000;
  std::uint16_t get_env_timeout = 2;
  std::string gpu_freq_def = "high,memory=high", gres_plugins;
  std::uint16_t group_force = 1, group_time = 600;
  std::uint16_t health_check_interval = 0, health_check_node_state = kHealthAny;
  std::string health_check_program;
  std::uint16_t inactive_limit = 0;
  std::string interactive_step_opts = "--interactive --preserve-env --pty $SHELL";
  std::string job_acct_gather_freq = "30", job_acct_gather_params, job_acct_gather_type = "jobacct_gather/none";
  std::string job_comp_host = "localhost", job_comp_loc = "/var/log/slurm_jobcomp.log", job_comp_params, job_comp_pass;
  std::uint32_t job_comp_port = 0;
  std::string job_comp_type = "jobcomp/none", job_comp_user = "root";
  std::string job_container_plugin = "job_container/none";
  std::string job_credential_private_key, job_credential_public_certificate;
  std::uint16_t job_file_append = 0, job_requeue = 1;
  std::string job_submit_plugins;
  std::uint32_t keepalive_time = kNoVal32, keepalive_interval = kNoVal32, keepalive_probes = kNoVal32;
  std::uint16_t kill_on_bad_exit = 0, kill_wait = 30;
  std::string launch_params, launch_type = "launch/slurm", licenses;
  std::uint16_t log_fmt = 0;  ///< 0 iso8601_ms, 1 iso8601, 2 rfc5424_ms, 3 rfc5424, 4 clock, 5 short, 6 thread_id
  std::string mail_domain, mail_prog;  ///< mail_prog empty: /bin/mail or /usr/bin/mail, whichever exists
  std::uint32_t max_array_sz = 1001, max_dbd_msgs = 0, max_job_cnt = 10000, max_node_cnt = 0, max_step_cnt = 40000;
  std::uint64_t max_mem_per_cpu = 0;  ///< MiB with kMemPerCpu; 0: unlimited
  std::uint16_t max_tasks_per_node = 512;
  std::string mcs_plugin = "mcs/none", mcs_plugin_params;
  std::uint16_t msg_timeout = 10;
  std::uint32_t min_job_age = 300;
  std::string mpi_default = "none", mpi_params, node_features_plugins;
  std::uint16_t over_time_limit = 0;  ///< minutes
  std::string plugindir, plugstack, power_parameters, power_plugin;
  std::uint32_t preempt_exempt_time = 0;
  std::uint16_t preempt_mode = kPreemptOff;
  std::string preempt_type = "preempt/none", prep_params, prep_plugins = "prep/script";
  std::uint32_t priority_decay_hl = 604800, priority_calc_period = 300, priority_max_age = 604800;
  bool priority_favor_small = false;
  std::uint16_t priority_flags = 0x20;  ///< FAIR_TREE
  std::string priority_params;
  std::uint16_t priority_reset_period = 0;  ///< 0 none, 1 now, 2 daily, 3 weekly, 4 monthly, 5 quarterly, 6 yearly
  std::string priority_type = "priority/basic", priority_weight_tres;
  std::string site_factor_params, site_factor_plugin = "site_factor/none";
  std::uint32_t priority_weight_age = 0, priority_weight_assoc = 0, priority_weight_fs = 0, priority_weight_js = 0;
  std::uint32_t priority_weight_part = 0, priority_weight_qos = 0;
  std::uint16_t private_data = 0;  ///< PrivateData
  std::string proctrack_type = "proctrack/cgroup", prolog, prolog_slurmctld;
  std::uint16_t prolog_epilog_timeout = kNoVal16, prolog_flags = 0, propagate_prio_process = 0;
  std::string propagate_rlimits = "ALL", propagate_rlimits_except;
  std::string reboot_program;
  std::uint16_t reconfig_flags = 0;  ///< 1 KeepPartInfo, 2 KeepPartState
  std::string requeue_exit, requeue_exit_hold, resume_fail_program, resume_program;
  std::uint16_t resume_rate = 300, resume_timeout = 60;
  std::string resv_epilog, resv_prolog;
  std::uint16_t resv_over_run = 0;  ///< minutes
  std::uint16_t ret2service = 0;
  std::string route_plugin = "route/default", sched_logfile, sched_params, schedtype = "sched/backfill", scron_params;
  std::uint16_t sched_log_level = 0, sched_time_slice = 30;
  std::string select_type = "select/linear";
  std::uint16_t select_type_param = 0;  ///< SelectParam
  std::string slurm_user_name = "root", slurmd_user_name = "root";
  std::string slurmctld_addr, slurmctld_logfile, slurmctld_params, slurmctld_pidfile = "/var/run/slurmctld.pid";
  std::string slurmctld_plugstack, slurmctld_primary_off_prog, slurmctld_primary_on_prog;
  std::uint16_t slurmctld_debug = kLogInfo, slurmctld_syslog_debug = kLogLevelEnd;
  std::uint32_t slurmctld_port = 6817;
  std::uint16_t slurmctld_port_count = 1, slurmctld_timeout = 120;
  std::uint16_t slurmd_debug = kLogInfo, slurmd_syslog_debug = kLogLevelEnd, slurmd_timeout = 300;
  std::string slurmd_logfile, slurmd_params, slurmd_pidfile = "/var/run/slurmd.pid";
  std::string slurmd_spooldir = "/var/spool/slurmd";  ///< %h NodeHostname, %n NodeName
  std::uint32_t slurmd_port = 6818;
  std::string srun_epilog, srun_prolog;
  std::uint16_t srun_port_first = 0, srun_port_last = 0;  ///< both 0: any
  std::string state_save_location = "/var/spool";
  std::string suspend_exc_nodes, suspend_exc_parts, suspend_program;
  std::uint16_t suspend_rate = 60, suspend_timeout = 30;
  std::uint32_t suspend_time = kInfinite32;
  std::string switch_param, switch_type = "switch/none";
  std::string task_epilog, task_plugin = "task/none", task_prolog;
  std::uint32_t task_plugin_param = 0;
  std::uint16_t tcp_timeout = 2;
  std::string tmp_fs = "/tmp", topology_param, topology_plugin = "topology/none";
  bool track_wckey = false;
  std::uint16_t tree_width = 50;
  std::string unkillable_program;
  std::uint16_t unkillable_timeout = 60;
  bool use_pam = false;
  std::uint16_t vsize_factor = 0, wait_time = 0;
  std::string x11_params;

  // Keys of 23.02 and later.
  std::uint32_t max_batch_requeue = 5;
  std::string preempt_params, suspend_exc_states, hash_plugin, tls_type, tls_params, certmgr_type, certmgr_params;
  std::string certgen_type, certgen_params, data_parser_params, cli_filter_params, http_parser_type, url_parser_type;
  std::string metrics_type, metrics_params, metrics_auth_users, namespace_type, job_comp_pass_script;
  std::string license_params, slurmctld_http_auth_params, slurmd_http_auth_params;
  std::uint16_t epilog_timeout = kNoVal16, prolog_timeout = kNoVal16, health_check_timeout = 60;

  bool operator==(const Config&) const = default;

  /// SlurmdParameters=config_overrides: nodes count as configured, whatever they register with.
  bool config_overrides() const;
  /// True when `list` (SchedulerParameters and kin) holds `option`, alone or as "option=…"; the part behind '='
  /// goes to `value`.
  static bool has_option(const std::string& list, std::string_view option, std::string* value = nullptr);
};

/// `path` for one node: first %h becomes the host name, first %n the node name (slurm.conf(5), SlurmdSpoolDir).
std::string expand_node_path(std::string path, const NodeDef& node);

}  // namespace flurm::conf
