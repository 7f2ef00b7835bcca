// wire/msg/slurm_conf.hpp — the configuration that runs, as `scontrol show config` prints it: RESPONSE_BUILD_INFO.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/msg/partition_info.hpp"

namespace flurm::wire {

/// One line of a table of settings.
struct ConfigKeyPair {
  std::string name, value;
  bool operator==(const ConfigKeyPair&) const = default;
};
void fields(codec::Archive& ar, ConfigKeyPair& m);

/// Such a table under a name.
struct ConfigPluginParams {
  std::string name;
  std::optional<std::vector<ConfigKeyPair>> key_pairs;
  bool operator==(const ConfigPluginParams&) const = default;
};
void fields(codec::Archive& ar, ConfigPluginParams& m);

/// RESPONSE_BUILD_INFO. Named after slurm_conf_t of slurm/slurm.h, which documents each member. Until 23.11 there is
/// one prolog and one epilog: the first of the lists travels. Members that a release dropped travel to older clients
/// only.
struct SlurmConf {
  TimeS last_update;
  std::uint16_t accounting_storage_enforce = 0;
  std::string accounting_storage_backup_host, accounting_storage_host, accounting_storage_ext_host,
      accounting_storage_params;
  std::uint16_t accounting_storage_port = 0;
  std::string accounting_storage_tres, accounting_storage_type, accounting_storage_user;
  std::optional<std::vector<ConfigKeyPair>> acct_gather_conf;
  std::string acct_gather_energy_type, acct_gather_filesystem_type, acct_gather_interconnect_type;
  std::uint16_t acct_gather_node_freq = 0;
  std::string acct_gather_profile_type, authalttypes, authalt_params, authinfo, authtype;
  std::uint16_t batch_start_timeout = 0;
  TimeS boot_time;
  std::string bb_type, bcast_exclude, bcast_parameters, certmgr_params, certmgr_type;
  std::optional<std::vector<ConfigKeyPair>> cgroup_conf;
  std::string cli_filter_params, cli_filter_plugins, cluster_name, comm_params;
  std::uint16_t complete_wait = 0;
  std::uint32_t conf_flags = 0;
  std::vector<std::string> control_addr, control_machine;
  std::string core_spec_plugin;
  std::uint32_t cpu_freq_def = 0, cpu_freq_govs = 0;
  std::string cred_type, data_parser_parameters;
  std::uint64_t def_mem_per_cpu = 0;  // MiB; top bit set: per CPU
  std::uint64_t debug_flags = 0;
  std::string dependency_params;
  std::uint16_t eio_timeout = 0, enforce_part_limits = 0;
  std::vector<std::string> epilog;
  std::uint32_t epilog_msg_time = 0;
  std::optional<std::vector<ConfigKeyPair>> ext_sensors_conf;
  std::string ext_sensors_type;
  std::uint16_t ext_sensors_freq = 0;
  std::vector<std::string> epilog_slurmctld;
  std::uint16_t epilog_timeout = 0;
  std::string fed_params;
  std::uint32_t first_job_id = 0;
  std::uint16_t fs_dampening_factor = 0, get_env_timeout = 0;
  std::string gres_plugins;
  std::uint16_t group_time = 0, group_force = 0;
  std::string gpu_freq_def, hash_plugin;
  std::uint32_t hash_val = 0;
  std::uint16_t health_check_interval = 0, health_check_node_state = 0;
  std::string health_check_program;
  std::uint16_t health_check_timeout = 0;
  std::string http_parser_type;
  std::uint16_t inactive_limit = 0;
  std::string interactive_step_opts, job_acct_gather_freq, job_acct_gather_type, job_acct_gather_params, job_comp_host,
      job_comp_loc, job_comp_params;
  std::uint32_t job_comp_port = 0;
  std::string job_comp_type, job_comp_user, namespace_plugin, job_credential_private_key,
      job_credential_public_certificate;
  std::optional<std::vector<JobDefaults>> job_defaults_list;
  std::uint16_t job_file_append = 0, job_requeue = 0;
  std::string job_submit_plugins;
  std::uint16_t kill_on_bad_exit = 0, kill_wait = 0;
  std::string launch_params, launch_type, license_params, licenses;
  std::uint16_t log_fmt = 0;
  std::uint32_t max_array_sz = 0, max_batch_requeue = 0, max_dbd_msgs = 0;
  std::string mail_domain, mail_prog;
  std::uint32_t max_job_cnt = 0, max_job_id = 0;
  std::uint64_t max_mem_per_cpu = 0;  // MiB; top bit set: per CPU
  std::uint32_t max_node_cnt = 0, max_step_cnt = 0;
  std::uint16_t max_tasks_per_node = 0;
  std::string mcs_plugin, mcs_plugin_params, metrics_auth_users, metrics_params, metrics_type;
  std::uint32_t min_job_age = 0;
  std::optional<std::vector<ConfigKeyPair>> mpi_conf;
  std::string mpi_default, mpi_params;
  std::uint16_t msg_timeout = 0;
  std::uint32_t next_job_id = 0;
  std::optional<std::vector<ConfigPluginParams>> node_features_conf;
  std::string node_features_plugins, node_prefix;
  std::uint16_t over_time_limit = 0;
  std::string plugindir, plugstack, power_parameters, power_plugin;
  std::uint16_t preempt_mode = 0;
  std::string preempt_params, preempt_type;
  std::uint32_t preempt_exempt_time = 0;
  std::string prep_params, prep_plugins;
  std::uint32_t priority_decay_hl = 0, priority_calc_period = 0;
  std::uint16_t priority_favor_small = 0, priority_flags = 0;
  std::uint32_t priority_max_age = 0;
  std::string priority_params;
  std::uint16_t priority_reset_period = 0;
  std::string priority_type;
  std::uint32_t priority_weight_age = 0, priority_weight_assoc = 0, priority_weight_fs = 0, priority_weight_js = 0,
                priority_weight_part = 0, priority_weight_qos = 0;
  std::string priority_weight_tres;
  std::uint16_t private_data = 0;
  std::string proctrack_type;
  std::vector<std::string> prolog;
  std::uint16_t prolog_epilog_timeout = 0;
  std::vector<std::string> prolog_slurmctld;
  std::uint16_t prolog_timeout = 0, prolog_flags = 0, propagate_prio_process = 0;
  std::string propagate_rlimits, propagate_rlimits_except, reboot_program;
  std::uint16_t reconfig_flags = 0;
  std::string requeue_exit, requeue_exit_hold, resume_fail_program, resume_program;
  std::uint16_t resume_rate = 0;
  std::uint16_t resume_timeout = 0;  // s
  std::string resv_epilog;
  std::uint16_t resv_over_run = 0;
  std::string resv_prolog;
  std::uint16_t ret2service = 0;
  std::string route_plugin, sched_params, sched_logfile;
  std::uint16_t sched_log_level = 0, sched_time_slice = 0;
  std::string schedtype, scron_params, select_type;
  std::optional<std::vector<ConfigKeyPair>> select_conf_key_pairs;
  std::uint16_t select_type_param = 0;
  std::string slurm_conf;
  std::uint32_t slurm_user_id = 0;
  std::string slurm_user_name;
  std::uint32_t slurmd_user_id = 0;
  std::string slurmd_user_name, slurmctld_addr;
  std::uint16_t slurmctld_debug = 0;
  std::string slurmctld_http_auth_params, slurmctld_logfile, slurmctld_params, slurmctld_pidfile, slurmctld_plugstack;
  std::optional<std::vector<ConfigPluginParams>> slurmctld_plugstack_conf;
  std::uint32_t slurmctld_port = 0;
  std::uint16_t slurmctld_port_count = 0;
  std::string slurmctld_primary_off_prog, slurmctld_primary_on_prog;
  std::uint16_t slurmctld_syslog_debug = 0, slurmctld_timeout = 0, slurmd_debug = 0;
  std::string slurmd_http_auth_params, slurmd_logfile, slurmd_params, slurmd_pidfile;
  std::uint32_t slurmd_port = 0;
  std::string slurmd_spooldir;
  std::uint16_t slurmd_syslog_debug = 0, slurmd_timeout = 0;
  std::string srun_epilog;
  std::uint16_t srun_port_range_low = 0, srun_port_range_high = 0;
  std::string srun_prolog, state_save_location, suspend_exc_nodes, suspend_exc_parts, suspend_exc_states,
      suspend_program;
  std::uint16_t suspend_rate = 0;
  std::uint32_t suspend_time = 0;     // s
  std::uint16_t suspend_timeout = 0;  // s
  std::string switch_param, switch_type, task_epilog, task_prolog, task_plugin;
  std::uint32_t task_plugin_param = 0;
  std::uint16_t tcp_timeout = 0;
  std::string tls_params, tls_type, tmp_fs, topology_param, topology_plugin;
  std::uint16_t tree_width = 0;
  std::string unkillable_program;
  std::uint16_t unkillable_timeout = 0;
  std::string url_parser_type, version;
  std::uint16_t vsize_factor = 0, wait_time = 0;
  std::string x11_params;
  bool operator==(const SlurmConf&) const = default;
};
void fields(codec::Archive& ar, SlurmConf& m);

}  // namespace flurm::wire
