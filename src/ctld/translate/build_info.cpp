// ctld/translate/build_info.cpp — see build_info.hpp. Most members have one name on both sides.
#include "ctld/translate/build_info.hpp"

#include <algorithm>

#include "conf/lines.hpp"
#include "fmt/core.h"

namespace flurm::ctld {
namespace {

/// Switches that travel as one word (slurm/slurm.h CTL_CONF_*).
std::uint32_t conf_flags(const conf::Config& conf) {
  using conf::Config;
  std::uint32_t flags = 0;
  auto add = [&](bool on, std::uint32_t bit) { flags |= on ? bit : 0; };
  // Slurm looks for this word in the whole text.
  add(conf::lower(conf.slurmd_params).find("config_override") != std::string::npos, 0x1);
  add(conf.store_job_comment, 0x2);
  add(conf.disable_root_jobs, 0x4);
  add(conf.allow_spec_resources_usage, 0x8);
  add(conf.use_pam, 0x10);
  add(conf.track_wckey, 0x20);
  add(!Config::has_option(conf.comm_params, "DisableIPv4"), 0x40);
  add(Config::has_option(conf.comm_params, "EnableIPv6"), 0x80);
  add(conf.store_job_script, 0x200);
  add(conf.store_job_env, 0x400);
  return flags;
}

std::vector<wire::ConfigKeyPair> cgroup_pairs(const conf::CgroupConf& c) {
  auto yes = [](bool on) { return std::string(on ? "yes" : "no"); };
  auto percent = [](double value) { return fmt::format("{:.1f}%", value); };
  std::vector<wire::ConfigKeyPair> pairs = {
      {"AllowedKmemSpace", ""},
      {"AllowedRAMSpace", percent(c.allowed_ram_percent)},
      {"AllowedSwapSpace", percent(c.allowed_swap_percent)},
      {"CgroupAutomount", yes(c.automount)},
      {"CgroupMountpoint", c.mountpoint},
      {"CgroupPlugin", c.plugin},
      {"ConstrainCores", yes(c.constrain_cores)},
      {"ConstrainDevices", yes(c.constrain_devices)},
      {"ConstrainKmemSpace", "no"},
      {"ConstrainRAMSpace", yes(c.constrain_ram)},
      {"ConstrainSwapSpace", yes(c.constrain_swap)},
      {"IgnoreSystemd", yes(c.ignore_systemd)},
      {"IgnoreSystemdOnFailure", yes(c.ignore_systemd_on_failure)},
      {"MaxKmemPercent", "100.0%"},
      {"MaxRAMPercent", percent(c.max_ram_percent_of_node)},
      {"MaxSwapPercent", percent(c.max_swap_percent_of_node)},
      {"MemorySwappiness", c.memory_swappiness == kNoVal64 ? "" : std::to_string(c.memory_swappiness)},
      {"MinKmemSpace", "30 MB"},
      {"MinRAMSpace", fmt::format("{} MB", c.min_ram_mib)},
  };
  return pairs;
}

std::vector<std::string> one(const std::string& script) {
  return script.empty() ? std::vector<std::string>{} : std::vector<std::string>{script};
}

/// Members with the same name and meaning.
void copy(const conf::Config& conf, wire::SlurmConf& out) {
  out.accounting_storage_enforce = conf.accounting_storage_enforce;
  out.accounting_storage_backup_host = conf.accounting_storage_backup_host;
  out.accounting_storage_host = conf.accounting_storage_host;
  out.accounting_storage_ext_host = conf.accounting_storage_ext_host;
  out.accounting_storage_params = conf.accounting_storage_params;
  out.accounting_storage_port = conf.accounting_storage_port;
  out.accounting_storage_tres = conf.accounting_storage_tres;
  out.accounting_storage_type = conf.accounting_storage_type;
  out.accounting_storage_user = conf.accounting_storage_user;
  out.acct_gather_energy_type = conf.acct_gather_energy_type;
  out.acct_gather_filesystem_type = conf.acct_gather_filesystem_type;
  out.acct_gather_interconnect_type = conf.acct_gather_interconnect_type;
  out.acct_gather_node_freq = conf.acct_gather_node_freq;
  out.acct_gather_profile_type = conf.acct_gather_profile_type;
  out.authalttypes = conf.authalttypes;
  out.authalt_params = conf.authalt_params;
  out.authinfo = conf.authinfo;
  out.authtype = conf.authtype;
  out.batch_start_timeout = conf.batch_start_timeout;
  out.bb_type = conf.bb_type;
  out.bcast_exclude = conf.bcast_exclude;
  out.bcast_parameters = conf.bcast_parameters;
  out.certmgr_params = conf.certmgr_params;
  out.certmgr_type = conf.certmgr_type;
  out.cli_filter_params = conf.cli_filter_params;
  out.cli_filter_plugins = conf.cli_filter_plugins;
  out.cluster_name = conf.cluster_name;
  out.comm_params = conf.comm_params;
  out.complete_wait = conf.complete_wait;
  out.core_spec_plugin = conf.core_spec_plugin;
  out.cpu_freq_def = conf.cpu_freq_def;
  out.cpu_freq_govs = conf.cpu_freq_govs;
  out.cred_type = conf.cred_type;
  out.def_mem_per_cpu = conf.def_mem_per_cpu;
  out.debug_flags = conf.debug_flags;
  out.dependency_params = conf.dependency_params;
  out.eio_timeout = conf.eio_timeout;
  out.enforce_part_limits = conf.enforce_part_limits;
  out.epilog_msg_time = conf.epilog_msg_time;
  out.ext_sensors_type = conf.ext_sensors_type;
  out.ext_sensors_freq = conf.ext_sensors_freq;
  out.epilog_timeout = conf.epilog_timeout;
  out.fed_params = conf.fed_params;
  out.first_job_id = conf.first_job_id;
  out.fs_dampening_factor = conf.fs_dampening_factor;
  out.get_env_timeout = conf.get_env_timeout;
  out.gres_plugins = conf.gres_plugins;
  out.group_time = conf.group_time;
  out.group_force = conf.group_force;
  out.gpu_freq_def = conf.gpu_freq_def;
  out.hash_plugin = conf.hash_plugin;
  out.hash_val = conf.hash_val;
  out.health_check_interval = conf.health_check_interval;
  out.health_check_node_state = conf.health_check_node_state;
  out.health_check_program = conf.health_check_program;
  out.health_check_timeout = conf.health_check_timeout;
  out.http_parser_type = conf.http_parser_type;
  out.inactive_limit = conf.inactive_limit;
  out.interactive_step_opts = conf.interactive_step_opts;
  out.job_acct_gather_freq = conf.job_acct_gather_freq;
  out.job_acct_gather_type = conf.job_acct_gather_type;
  out.job_acct_gather_params = conf.job_acct_gather_params;
  out.job_comp_host = conf.job_comp_host;
  out.job_comp_loc = conf.job_comp_loc;
  out.job_comp_params = conf.job_comp_params;
  out.job_comp_port = conf.job_comp_port;
  out.job_comp_type = conf.job_comp_type;
  out.job_comp_user = conf.job_comp_user;
  out.job_credential_private_key = conf.job_credential_private_key;
  out.job_credential_public_certificate = conf.job_credential_public_certificate;
  out.job_file_append = conf.job_file_append;
  out.job_requeue = conf.job_requeue;
  out.job_submit_plugins = conf.job_submit_plugins;
  out.kill_on_bad_exit = conf.kill_on_bad_exit;
  out.kill_wait = conf.kill_wait;
  out.launch_params = conf.launch_params;
  out.launch_type = conf.launch_type;
  out.license_params = conf.license_params;
  out.licenses = conf.licenses;
  out.log_fmt = conf.log_fmt;
  out.max_array_sz = conf.max_array_sz;
  out.max_batch_requeue = conf.max_batch_requeue;
  out.max_dbd_msgs = conf.max_dbd_msgs;
  out.mail_domain = conf.mail_domain;
  out.mail_prog = conf.mail_prog;
  out.max_job_cnt = conf.max_job_cnt;
  out.max_job_id = conf.max_job_id;
  out.max_mem_per_cpu = conf.max_mem_per_cpu;
  out.max_node_cnt = conf.max_node_cnt;
  out.max_step_cnt = conf.max_step_cnt;
  out.max_tasks_per_node = conf.max_tasks_per_node;
  out.mcs_plugin = conf.mcs_plugin;
  out.mcs_plugin_params = conf.mcs_plugin_params;
  out.metrics_auth_users = conf.metrics_auth_users;
  out.metrics_params = conf.metrics_params;
  out.metrics_type = conf.metrics_type;
  out.min_job_age = conf.min_job_age;
  out.mpi_default = conf.mpi_default;
  out.mpi_params = conf.mpi_params;
  out.msg_timeout = conf.msg_timeout;
  out.node_features_plugins = conf.node_features_plugins;
  out.over_time_limit = conf.over_time_limit;
  out.plugindir = conf.plugindir;
  out.plugstack = conf.plugstack;
  out.power_parameters = conf.power_parameters;
  out.power_plugin = conf.power_plugin;
  out.preempt_mode = conf.preempt_mode;
  out.preempt_params = conf.preempt_params;
  out.preempt_type = conf.preempt_type;
  out.preempt_exempt_time = conf.preempt_exempt_time;
  out.prep_params = conf.prep_params;
  out.prep_plugins = conf.prep_plugins;
  out.priority_decay_hl = conf.priority_decay_hl;
  out.priority_calc_period = conf.priority_calc_period;
  out.priority_flags = conf.priority_flags;
  out.priority_max_age = conf.priority_max_age;
  out.priority_params = conf.priority_params;
  out.priority_reset_period = conf.priority_reset_period;
  out.priority_type = conf.priority_type;
  out.priority_weight_age = conf.priority_weight_age;
  out.priority_weight_assoc = conf.priority_weight_assoc;
  out.priority_weight_fs = conf.priority_weight_fs;
  out.priority_weight_js = conf.priority_weight_js;
  out.priority_weight_part = conf.priority_weight_part;
  out.priority_weight_qos = conf.priority_weight_qos;
  out.priority_weight_tres = conf.priority_weight_tres;
  out.private_data = conf.private_data;
  out.proctrack_type = conf.proctrack_type;
  out.prolog_epilog_timeout = conf.prolog_epilog_timeout;
  out.prolog_timeout = conf.prolog_timeout;
  out.prolog_flags = conf.prolog_flags;
  out.propagate_prio_process = conf.propagate_prio_process;
  out.propagate_rlimits = conf.propagate_rlimits;
  out.propagate_rlimits_except = conf.propagate_rlimits_except;
  out.reboot_program = conf.reboot_program;
  out.reconfig_flags = conf.reconfig_flags;
  out.requeue_exit = conf.requeue_exit;
  out.requeue_exit_hold = conf.requeue_exit_hold;
  out.resume_fail_program = conf.resume_fail_program;
  out.resume_program = conf.resume_program;
  out.resume_rate = conf.resume_rate;
  out.resume_timeout = conf.resume_timeout;
  out.resv_epilog = conf.resv_epilog;
  out.resv_over_run = conf.resv_over_run;
  out.resv_prolog = conf.resv_prolog;
  out.ret2service = conf.ret2service;
  out.route_plugin = conf.route_plugin;
  out.sched_params = conf.sched_params;
  out.sched_logfile = conf.sched_logfile;
  out.sched_log_level = conf.sched_log_level;
  out.sched_time_slice = conf.sched_time_slice;
  out.schedtype = conf.schedtype;
  out.scron_params = conf.scron_params;
  out.select_type = conf.select_type;
  out.select_type_param = conf.select_type_param;
  out.slurm_user_name = conf.slurm_user_name;
  out.slurmd_user_name = conf.slurmd_user_name;
  out.slurmctld_addr = conf.slurmctld_addr;
  out.slurmctld_debug = conf.slurmctld_debug;
  out.slurmctld_http_auth_params = conf.slurmctld_http_auth_params;
  out.slurmctld_logfile = conf.slurmctld_logfile;
  out.slurmctld_params = conf.slurmctld_params;
  out.slurmctld_pidfile = conf.slurmctld_pidfile;
  out.slurmctld_plugstack = conf.slurmctld_plugstack;
  out.slurmctld_port = conf.slurmctld_port;
  out.slurmctld_port_count = conf.slurmctld_port_count;
  out.slurmctld_primary_off_prog = conf.slurmctld_primary_off_prog;
  out.slurmctld_primary_on_prog = conf.slurmctld_primary_on_prog;
  out.slurmctld_syslog_debug = conf.slurmctld_syslog_debug;
  out.slurmctld_timeout = conf.slurmctld_timeout;
  out.slurmd_debug = conf.slurmd_debug;
  out.slurmd_http_auth_params = conf.slurmd_http_auth_params;
  out.slurmd_logfile = conf.slurmd_logfile;
  out.slurmd_params = conf.slurmd_params;
  out.slurmd_pidfile = conf.slurmd_pidfile;
  out.slurmd_port = conf.slurmd_port;
  out.slurmd_spooldir = conf.slurmd_spooldir;
  out.slurmd_syslog_debug = conf.slurmd_syslog_debug;
  out.slurmd_timeout = conf.slurmd_timeout;
  out.srun_epilog = conf.srun_epilog;
  out.srun_prolog = conf.srun_prolog;
  out.state_save_location = conf.state_save_location;
  out.suspend_exc_nodes = conf.suspend_exc_nodes;
  out.suspend_exc_parts = conf.suspend_exc_parts;
  out.suspend_exc_states = conf.suspend_exc_states;
  out.suspend_program = conf.suspend_program;
  out.suspend_rate = conf.suspend_rate;
  out.suspend_time = conf.suspend_time;
  out.suspend_timeout = conf.suspend_timeout;
  out.switch_param = conf.switch_param;
  out.switch_type = conf.switch_type;
  out.task_epilog = conf.task_epilog;
  out.task_prolog = conf.task_prolog;
  out.task_plugin = conf.task_plugin;
  out.task_plugin_param = conf.task_plugin_param;
  out.tcp_timeout = conf.tcp_timeout;
  out.tls_params = conf.tls_params;
  out.tls_type = conf.tls_type;
  out.tmp_fs = conf.tmp_fs;
  out.topology_param = conf.topology_param;
  out.topology_plugin = conf.topology_plugin;
  out.tree_width = conf.tree_width;
  out.unkillable_program = conf.unkillable_program;
  out.unkillable_timeout = conf.unkillable_timeout;
  out.url_parser_type = conf.url_parser_type;
  out.vsize_factor = conf.vsize_factor;
  out.wait_time = conf.wait_time;
  out.x11_params = conf.x11_params;
}

}  // namespace

wire::SlurmConf build_info(const conf::Config& conf, const BuildFacts& facts) {
  wire::SlurmConf out;
  copy(conf, out);
  out.last_update = facts.now;
  out.boot_time = facts.boot_time;
  out.next_job_id = facts.next_job_id;
  out.version = facts.version;
  out.slurm_conf = facts.slurm_conf_path;
  out.slurm_user_id = facts.slurm_user_id;
  out.slurmd_user_id = facts.slurmd_user_id;
  if (out.plugindir.empty()) out.plugindir = facts.plugindir;
  if (out.mail_prog.empty()) out.mail_prog = facts.mail_prog;

  // Slurm counts the nodes it knows; MaxNodeCount only makes room for more.
  out.max_node_cnt = std::max(conf.max_node_cnt, static_cast<std::uint32_t>(conf.nodes.size()));

  out.conf_flags = conf_flags(conf);
  for (const conf::ControllerHost& host : conf.controllers) {
    out.control_machine.push_back(conf::same_word(host.name, "localhost") ? facts.host : host.name);
    out.control_addr.push_back(host.addr);
  }
  const bool cgroup = std::ranges::any_of(
      std::initializer_list<const std::string*>{&conf.job_acct_gather_type, &conf.proctrack_type, &conf.task_plugin},
      [](const std::string* type) { return type->find("cgroup") != std::string::npos; });
  if (cgroup) out.cgroup_conf = cgroup_pairs(facts.cgroup_conf != nullptr ? *facts.cgroup_conf : conf::CgroupConf{});
  if (conf.def_cpu_per_gpu > 0 || conf.def_mem_per_gpu > 0) {
    out.job_defaults_list.emplace();
    if (conf.def_cpu_per_gpu > 0) out.job_defaults_list->push_back({1, conf.def_cpu_per_gpu});
    if (conf.def_mem_per_gpu > 0) out.job_defaults_list->push_back({2, conf.def_mem_per_gpu});
  }
  out.epilog = one(conf.epilog);
  out.epilog_slurmctld = one(conf.epilog_slurmctld);
  out.prolog = one(conf.prolog);
  out.prolog_slurmctld = one(conf.prolog_slurmctld);
  out.priority_favor_small = conf.priority_favor_small ? 1 : 0;
  out.namespace_plugin = conf.namespace_type.empty() ? conf.job_container_plugin : conf.namespace_type;
  out.data_parser_parameters = conf.data_parser_params;
  out.srun_port_range_low = conf.srun_port_first;
  out.srun_port_range_high = conf.srun_port_last;
  return out;
}

}  // namespace flurm::ctld
