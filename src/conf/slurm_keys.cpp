// conf/slurm_keys.cpp — every key of slurm.conf, one row each: name, what FLURM does with it, where it goes, what is
// allowed. Facts: the option tables of read_config.c, Slurm 22.05 to 26.05.
#include "conf/slurm_keys.hpp"

#include "conf/words.hpp"

namespace flurm::conf {
namespace {

constexpr Support acted = Support::acted, clients = Support::clients, later = Support::later;

template <class T, class M>
Key<T> plain(std::string_view name, Support support, M T::*member) {
  return {.name = name, .support = support, .field = member};
}
template <class T, class M>
Key<T> bounded(std::string_view name, Support support, M T::*member, std::uint64_t low,
               std::uint64_t high = std::numeric_limits<std::uint64_t>::max()) {
  return {.name = name, .support = support, .field = member, .low = low, .high = high};
}
template <class T, class M>
Key<T> timed(std::string_view name, Support support, M T::*member, Kind kind) {
  return {.name = name, .support = support, .field = member, .kind = kind};
}
template <class T, class M>
Key<T> word(std::string_view name, Support support, M T::*member, std::span<const Word> words) {
  return {.name = name, .support = support, .field = member, .kind = Kind::word, .words = words};
}
template <class T, class M>
Key<T> flags(std::string_view name, Support support, M T::*member, std::span<const Word> words) {
  return {.name = name, .support = support, .field = member, .kind = Kind::flags, .words = words};
}
template <class T>
Key<T> choice(std::string_view name, Support support, std::string T::*member, std::span<const Word> choices) {
  return {.name = name, .support = support, .field = member, .choices = choices};
}
template <class T>
Key<T> own(std::string_view name, Support support, Result<void> (*read)(std::string_view, T&)) {
  return {.name = name, .support = support, .custom = read};
}
Key<Config> gone(std::string_view name, std::string_view why) {
  return {.name = name, .support = Support::removed, .removed = why};
}

/// Accepted for Slurm's sake; nothing is kept.
Result<void> unused(std::string_view, Config&) { return {}; }

/// Memory per CPU and per node share a member, so that only one of the two can be given.
Result<void> set_memory(std::string_view value, std::uint64_t mode, std::uint64_t& out) {
  FLURM_TRY(const std::uint64_t mib, parse_number(value, 0, kMemPerCpu - 1, kInfinite64, true));
  if (out != 0 && (out & kMemPerCpu) != mode)
    return fail(Errc::einval, "memory per CPU and per node exclude each other; allowed: one of the two");
  out = mib | mode;
  return {};
}
template <class T>
Result<void> def_mem_per_cpu(std::string_view value, T& out) {
  return set_memory(value, kMemPerCpu, out.def_mem_per_cpu);
}
template <class T>
Result<void> def_mem_per_node(std::string_view value, T& out) {
  return set_memory(value, 0, out.def_mem_per_cpu);
}
template <class T>
Result<void> max_mem_per_cpu(std::string_view value, T& out) {
  return set_memory(value, kMemPerCpu, out.max_mem_per_cpu);
}
template <class T>
Result<void> max_mem_per_node(std::string_view value, T& out) {
  return set_memory(value, 0, out.max_mem_per_cpu);
}

}  // namespace

std::span<const Key<Config>> slurm_keys() {
  using C = Config;
  static const Key<C> kKeys[] = {
      plain("AccountingStorageBackupHost", acted, &C::accounting_storage_backup_host),
      own<C>("AccountingStorageEnforce", acted, special::accounting_enforce),
      plain("AccountingStorageExternalHost", later, &C::accounting_storage_ext_host),
      plain("AccountingStorageHost", acted, &C::accounting_storage_host),
      plain("AccountingStorageParameters", later, &C::accounting_storage_params),
      plain("AccountingStoragePass", acted, &C::accounting_storage_pass),
      plain("AccountingStoragePort", acted, &C::accounting_storage_port),
      own<C>("AccountingStorageTRES", acted, special::accounting_tres),
      choice("AccountingStorageType", acted, &C::accounting_storage_type, kAccountingStorageTypes),
      plain("AccountingStorageUser", later, &C::accounting_storage_user),
      own<C>("AccountingStoreFlags", acted, special::accounting_store_flags),
      plain("AcctGatherEnergyType", later, &C::acct_gather_energy_type),
      plain("AcctGatherFilesystemType", later, &C::acct_gather_filesystem_type),
      own<C>("AcctGatherInfinibandType", later, special::infiniband_type),
      plain("AcctGatherInterconnectType", later, &C::acct_gather_interconnect_type),
      plain("AcctGatherNodeFreq", later, &C::acct_gather_node_freq),
      plain("AcctGatherProfileType", acted, &C::acct_gather_profile_type),
      plain("AllowSpecResourcesUsage", acted, &C::allow_spec_resources_usage),
      plain("AuthAltParameters", later, &C::authalt_params),
      plain("AuthAltTypes", later, &C::authalttypes),
      plain("AuthInfo", acted, &C::authinfo),
      choice("AuthType", acted, &C::authtype, kAuthTypes),
      plain("BatchStartTimeout", acted, &C::batch_start_timeout),
      own<C>("BcastExclude", clients, special::bcast_exclude),
      plain("BcastParameters", clients, &C::bcast_parameters),
      own<C>("BurstBufferParameters", later, unused),
      plain("BurstBufferType", later, &C::bb_type),
      plain("CertgenParameters", later, &C::certgen_params),
      plain("CertgenType", later, &C::certgen_type),
      plain("CertmgrParameters", later, &C::certmgr_params),
      plain("CertmgrType", later, &C::certmgr_type),
      plain("CliFilterParameters", clients, &C::cli_filter_params),
      plain("CliFilterPlugins", clients, &C::cli_filter_plugins),
      plain("ClusterName", acted, &C::cluster_name),
      plain("CommunicationParameters", clients, &C::comm_params),
      plain("CompleteWait", later, &C::complete_wait),
      plain("CoreSpecPlugin", later, &C::core_spec_plugin),
      own<C>("CpuFreqDef", later, special::cpu_freq_def),
      own<C>("CpuFreqGovernors", later, special::cpu_freq_governors),
      choice("CredType", acted, &C::cred_type, kCredTypes),
      own<C>("CryptoType", acted, special::crypto_type),
      plain("DataParserParameters", later, &C::data_parser_params),
      flags("DebugFlags", later, &C::debug_flags, kDebugFlagWords),
      plain("DefCPUPerGPU", acted, &C::def_cpu_per_gpu),
      own<C>("DefMemPerCPU", acted, def_mem_per_cpu<C>),
      plain("DefMemPerGPU", acted, &C::def_mem_per_gpu),
      own<C>("DefMemPerNode", acted, def_mem_per_node<C>),
      plain("DependencyParameters", acted, &C::dependency_params),
      plain("DisableRootJobs", acted, &C::disable_root_jobs),
      plain("EioTimeout", clients, &C::eio_timeout),
      word("EnforcePartLimits", acted, &C::enforce_part_limits, kEnforcePartLimitsWords),
      plain("Epilog", acted, &C::epilog),
      plain("EpilogMsgTime", later, &C::epilog_msg_time),
      plain("EpilogSlurmctld", acted, &C::epilog_slurmctld),
      plain("EpilogTimeout", acted, &C::epilog_timeout),
      plain("ExtSensorsFreq", later, &C::ext_sensors_freq),
      plain("ExtSensorsType", later, &C::ext_sensors_type),
      plain("FairShareDampeningFactor", acted, &C::fs_dampening_factor),
      plain("FederationParameters", later, &C::fed_params),
      bounded("FirstJobId", acted, &C::first_job_id, 1),
      plain("GetEnvTimeout", later, &C::get_env_timeout),
      plain("GpuFreqDef", later, &C::gpu_freq_def),
      plain("GresTypes", acted, &C::gres_plugins),
      plain("GroupUpdateForce", later, &C::group_force),
      plain("GroupUpdateTime", later, &C::group_time),
      plain("HashPlugin", later, &C::hash_plugin),
      plain("HealthCheckInterval", acted, &C::health_check_interval),
      own<C>("HealthCheckNodeState", acted, special::health_check_node_state),
      plain("HealthCheckProgram", acted, &C::health_check_program),
      plain("HealthCheckTimeout", later, &C::health_check_timeout),
      plain("HttpParserType", later, &C::http_parser_type),
      plain("InactiveLimit", acted, &C::inactive_limit),
      plain("InteractiveStepOptions", clients, &C::interactive_step_opts),
      plain("JobAcctGatherFrequency", acted, &C::job_acct_gather_freq),
      plain("JobAcctGatherParams", acted, &C::job_acct_gather_params),
      choice("JobAcctGatherType", acted, &C::job_acct_gather_type, kJobAcctGatherTypes),
      plain("JobCompHost", later, &C::job_comp_host),
      plain("JobCompLoc", later, &C::job_comp_loc),
      plain("JobCompParams", later, &C::job_comp_params),
      plain("JobCompPass", later, &C::job_comp_pass),
      plain("JobCompPassScript", later, &C::job_comp_pass_script),
      plain("JobCompPort", later, &C::job_comp_port),
      choice("JobCompType", later, &C::job_comp_type, kJobCompTypes),
      plain("JobCompUser", later, &C::job_comp_user),
      plain("JobContainerType", acted, &C::job_container_plugin),
      plain("JobCredentialPrivateKey", later, &C::job_credential_private_key),
      plain("JobCredentialPublicCertificate", later, &C::job_credential_public_certificate),
      bounded("JobFileAppend", acted, &C::job_file_append, 0, 1),
      own<C>("JobRequeue", acted, special::job_requeue),
      plain("JobSubmitPlugins", later, &C::job_submit_plugins),
      bounded("KeepAliveTime", clients, &C::keepalive_time, 0, 0x7fffffff),
      plain("KillOnBadExit", clients, &C::kill_on_bad_exit),
      plain("KillWait", acted, &C::kill_wait),
      plain("LaunchParameters", later, &C::launch_params),
      plain("LaunchType", clients, &C::launch_type),
      plain("LicenseParameters", later, &C::license_params),
      plain("Licenses", acted, &C::licenses),
      own<C>("LogTimeFormat", later, special::log_time_format),
      plain("MailDomain", acted, &C::mail_domain),
      plain("MailProg", acted, &C::mail_prog),
      bounded("MaxArraySize", acted, &C::max_array_sz, 0, 4000001),
      plain("MaxBatchRequeue", acted, &C::max_batch_requeue),
      bounded("MaxDBDMsgs", acted, &C::max_dbd_msgs, 10000),
      bounded("MaxJobCount", acted, &C::max_job_cnt, 1),
      bounded("MaxJobId", acted, &C::max_job_id, 1, 0x03ffffff),
      own<C>("MaxMemPerCPU", acted, max_mem_per_cpu<C>),
      own<C>("MaxMemPerNode", acted, max_mem_per_node<C>),
      plain("MaxNodeCount", acted, &C::max_node_cnt),
      bounded("MaxStepCount", acted, &C::max_step_cnt, 1),
      bounded("MaxTasksPerNode", acted, &C::max_tasks_per_node, 1),
      plain("MCSParameters", acted, &C::mcs_plugin_params),
      choice("MCSPlugin", acted, &C::mcs_plugin, kMcsPlugins),
      plain("MessageTimeout", acted, &C::msg_timeout),
      plain("MetricsAuthUsers", later, &C::metrics_auth_users),
      plain("MetricsParameters", later, &C::metrics_params),
      plain("MetricsType", later, &C::metrics_type),
      bounded("MinJobAge", acted, &C::min_job_age, 2),
      own<C>("MpiDefault", clients, special::mpi_default),
      plain("MpiParams", acted, &C::mpi_params),
      plain("NamespaceType", later, &C::namespace_type),
      plain("NodeFeaturesPlugins", later, &C::node_features_plugins),
      plain("OverTimeLimit", acted, &C::over_time_limit),
      plain("PluginDir", acted, &C::plugindir),
      plain("PlugStackConfig", acted, &C::plugstack),
      plain("PowerParameters", later, &C::power_parameters),
      plain("PowerPlugin", later, &C::power_plugin),
      timed("PreemptExemptTime", acted, &C::preempt_exempt_time, Kind::seconds),
      own<C>("PreemptMode", acted, special::preempt_mode),
      plain("PreemptParameters", acted, &C::preempt_params),
      choice("PreemptType", acted, &C::preempt_type, kPreemptTypes),
      plain("PrEpParameters", later, &C::prep_params),
      plain("PrEpPlugins", later, &C::prep_plugins),
      timed("PriorityCalcPeriod", acted, &C::priority_calc_period, Kind::minutes_as_seconds),
      timed("PriorityDecayHalfLife", acted, &C::priority_decay_hl, Kind::minutes_as_seconds),
      plain("PriorityFavorSmall", acted, &C::priority_favor_small),
      own<C>("PriorityFlags", acted, special::priority_flags),
      timed("PriorityMaxAge", acted, &C::priority_max_age, Kind::minutes_as_seconds),
      plain("PriorityParameters", later, &C::priority_params),
      plain("PrioritySiteFactorParameters", later, &C::site_factor_params),
      plain("PrioritySiteFactorPlugin", later, &C::site_factor_plugin),
      choice("PriorityType", acted, &C::priority_type, kPriorityTypes),
      word("PriorityUsageResetPeriod", acted, &C::priority_reset_period, kPriorityResetWords),
      plain("PriorityWeightAge", acted, &C::priority_weight_age),
      plain("PriorityWeightAssoc", acted, &C::priority_weight_assoc),
      plain("PriorityWeightFairshare", acted, &C::priority_weight_fs),
      plain("PriorityWeightJobSize", acted, &C::priority_weight_js),
      plain("PriorityWeightPartition", acted, &C::priority_weight_part),
      plain("PriorityWeightQOS", acted, &C::priority_weight_qos),
      plain("PriorityWeightTRES", acted, &C::priority_weight_tres),
      flags("PrivateData", acted, &C::private_data, kPrivateDataWords),
      choice("ProctrackType", acted, &C::proctrack_type, kProctrackTypes),
      plain("Prolog", acted, &C::prolog),
      plain("PrologEpilogTimeout", acted, &C::prolog_epilog_timeout),
      flags("PrologFlags", acted, &C::prolog_flags, kPrologFlagWords),
      plain("PrologSlurmctld", acted, &C::prolog_slurmctld),
      plain("PrologTimeout", acted, &C::prolog_timeout),
      word("PropagatePrioProcess", acted, &C::propagate_prio_process, kPropagatePrioWords),
      own<C>("PropagateResourceLimits", clients, special::rlimits),
      own<C>("PropagateResourceLimitsExcept", clients, special::rlimits_except),
      plain("RebootProgram", acted, &C::reboot_program),
      flags("ReconfigFlags", later, &C::reconfig_flags, kReconfigFlagWords),
      plain("RequeueExit", acted, &C::requeue_exit),
      plain("RequeueExitHold", acted, &C::requeue_exit_hold),
      plain("ResumeFailProgram", later, &C::resume_fail_program),
      plain("ResumeProgram", later, &C::resume_program),
      plain("ResumeRate", later, &C::resume_rate),
      plain("ResumeTimeout", acted, &C::resume_timeout),
      plain("ResvEpilog", acted, &C::resv_epilog),
      plain("ResvOverRun", acted, &C::resv_over_run),
      plain("ResvProlog", acted, &C::resv_prolog),
      bounded("ReturnToService", acted, &C::ret2service, 0, 2),
      plain("RoutePlugin", later, &C::route_plugin),
      plain("SbcastParameters", clients, &C::bcast_parameters),
      plain("SchedulerParameters", acted, &C::sched_params),
      bounded("SchedulerTimeSlice", acted, &C::sched_time_slice, 5),
      choice("SchedulerType", acted, &C::schedtype, kSchedulerTypes),
      plain("ScronParameters", acted, &C::scron_params),
      choice("SelectType", acted, &C::select_type, kSelectTypes),
      own<C>("SelectTypeParameters", acted, special::select_type_param),
      plain("SlurmctldAddr", acted, &C::slurmctld_addr),
      timed("SlurmctldDebug", acted, &C::slurmctld_debug, Kind::log_level),
      plain("SlurmctldHttpAuthParameters", later, &C::slurmctld_http_auth_params),
      plain("SlurmctldLogFile", acted, &C::slurmctld_logfile),
      plain("SlurmctldParameters", acted, &C::slurmctld_params),
      plain("SlurmctldPidFile", acted, &C::slurmctld_pidfile),
      plain("SlurmctldPlugstack", later, &C::slurmctld_plugstack),
      own<C>("SlurmctldPort", acted, special::slurmctld_port),
      plain("SlurmctldPrimaryOffProg", later, &C::slurmctld_primary_off_prog),
      plain("SlurmctldPrimaryOnProg", later, &C::slurmctld_primary_on_prog),
      timed("SlurmctldSyslogDebug", later, &C::slurmctld_syslog_debug, Kind::log_level),
      plain("SlurmctldTimeout", later, &C::slurmctld_timeout),
      timed("SlurmdDebug", acted, &C::slurmd_debug, Kind::log_level),
      plain("SlurmdHttpAuthParameters", later, &C::slurmd_http_auth_params),
      plain("SlurmdLogFile", acted, &C::slurmd_logfile),
      plain("SlurmdParameters", acted, &C::slurmd_params),
      plain("SlurmdPidFile", acted, &C::slurmd_pidfile),
      bounded("SlurmdPort", acted, &C::slurmd_port, 1, 65535),
      plain("SlurmdSpoolDir", acted, &C::slurmd_spooldir),
      timed("SlurmdSyslogDebug", later, &C::slurmd_syslog_debug, Kind::log_level),
      plain("SlurmdTimeout", acted, &C::slurmd_timeout),
      plain("SlurmdUser", acted, &C::slurmd_user_name),
      plain("SlurmSchedLogFile", later, &C::sched_logfile),
      bounded("SlurmSchedLogLevel", later, &C::sched_log_level, 0, 1),
      plain("SlurmUser", acted, &C::slurm_user_name),
      plain("SrunEpilog", clients, &C::srun_epilog),
      own<C>("SrunPortRange", clients, special::srun_port_range),
      plain("SrunProlog", clients, &C::srun_prolog),
      plain("StateSaveLocation", clients, &C::state_save_location),
      plain("SuspendExcNodes", later, &C::suspend_exc_nodes),
      plain("SuspendExcParts", later, &C::suspend_exc_parts),
      plain("SuspendExcStates", later, &C::suspend_exc_states),
      plain("SuspendProgram", later, &C::suspend_program),
      plain("SuspendRate", later, &C::suspend_rate),
      own<C>("SuspendTime", later, special::suspend_time),
      plain("SuspendTimeout", later, &C::suspend_timeout),
      plain("SwitchParameters", later, &C::switch_param),
      choice("SwitchType", later, &C::switch_type, kSwitchTypes),
      plain("TaskEpilog", acted, &C::task_epilog),
      choice("TaskPlugin", acted, &C::task_plugin, kTaskPlugins),
      own<C>("TaskPluginParam", later, special::task_plugin_param),
      plain("TaskProlog", acted, &C::task_prolog),
      plain("TCPTimeout", clients, &C::tcp_timeout),
      plain("TLSParameters", later, &C::tls_params),
      plain("TLSType", later, &C::tls_type),
      plain("TmpFS", acted, &C::tmp_fs),
      plain("TopologyParam", acted, &C::topology_param),
      choice("TopologyPlugin", acted, &C::topology_plugin, kTopologyPlugins),
      plain("TrackWCKey", acted, &C::track_wckey),
      bounded("TreeWidth", clients, &C::tree_width, 1, 65533),
      plain("UnkillableStepProgram", later, &C::unkillable_program),
      plain("UnkillableStepTimeout", later, &C::unkillable_timeout),
      plain("UrlParserType", later, &C::url_parser_type),
      plain("UsePAM", later, &C::use_pam),
      plain("VSizeFactor", later, &C::vsize_factor),
      plain("WaitTime", clients, &C::wait_time),
      plain("X11Parameters", acted, &C::x11_params),
      gone("AccountingStorageLoc", "was removed in 22.05; delete the line"),
      gone("AccountingStoreJobComment", "was removed in 22.05; write AccountingStoreFlags=job_comment"),
      gone("FastSchedule", "was removed in 20.02; write SlurmdParameters=config_overrides for what FastSchedule=2 did"),
      gone("SallocDefaultCommand", "was removed in 21.08; write LaunchParameters=use_interactive_step"),
      gone("SchedulerAuth", "has no effect; delete the line"),
      gone("FrontendName", "needs Slurm's front-end mode, which neither Debian's Slurm nor FLURM has"),
  };
  return kKeys;
}

std::span<const Key<NodeDef>> node_keys() {
  using N = NodeDef;
  static const Key<N> kKeys[] = {
      bounded("Boards", acted, &N::boards, 1, 65533),
      bounded("CoresPerSocket", acted, &N::cores_per_socket, 1, 65533),
      plain("CoreSpecCount", later, &N::core_spec_count),
      bounded("CPUs", acted, &N::cpus, 1, 65533),
      bounded("Procs", acted, &N::cpus, 1, 65533),
      plain("CPUSpecList", later, &N::cpu_spec_list),
      own<N>("CpuBind", later, special::node_cpu_bind),
      plain("Feature", acted, &N::features),
      plain("Features", acted, &N::features),
      plain("Gres", acted, &N::gres),
      bounded("MemSpecLimit", later, &N::mem_spec_limit, 0, kMemPerCpu - 1),
      bounded("RealMemory", acted, &N::real_memory, 1, kMemPerCpu - 1),
      plain("Reason", acted, &N::reason),
      bounded("Sockets", acted, &N::sockets, 1, 65533),
      own<N>("State", acted, special::node_state),
      bounded("ThreadsPerCore", acted, &N::threads_per_core, 1, 65533),
      bounded("TmpDisk", acted, &N::tmp_disk, 0, kNoVal32 - 1),
      plain("TRESWeights", later, &N::tres_weights),
      bounded("Weight", acted, &N::weight, 0, kNoVal32),
  };
  return kKeys;
}

std::span<const Key<PartitionDef>> partition_keys() {
  using P = PartitionDef;
  static const Key<P> kKeys[] = {
      plain("AllocNodes", acted, &P::allow_alloc_nodes),
      plain("AllowAccounts", acted, &P::allow_accounts),
      plain("AllowGroups", acted, &P::allow_groups),
      plain("AllowQos", acted, &P::allow_qos),
      plain("Alternate", acted, &P::alternate),
      own<P>("CpuBind", later, special::partition_cpu_bind),
      plain("DefCPUPerGPU", acted, &P::def_cpu_per_gpu),
      own<P>("DefMemPerCPU", acted, def_mem_per_cpu<P>),
      plain("DefMemPerGPU", acted, &P::def_mem_per_gpu),
      own<P>("DefMemPerNode", acted, def_mem_per_node<P>),
      plain("Default", acted, &P::is_default),
      timed("DefaultTime", acted, &P::default_time_min, Kind::minutes),
      plain("DenyAccounts", acted, &P::deny_accounts),
      plain("DenyQos", acted, &P::deny_qos),
      own<P>("DisableRootJobs", acted, special::partition_disable_root),
      plain("ExclusiveTopo", later, &P::exclusive_topo),
      plain("ExclusiveUser", later, &P::exclusive_user),
      plain("GraceTime", acted, &P::grace_time),
      plain("Hidden", acted, &P::hidden),
      plain("LLN", later, &P::lln),
      plain("MaxCPUsPerNode", acted, &P::max_cpus_per_node),
      plain("MaxCPUsPerSocket", later, &P::max_cpus_per_socket),
      own<P>("MaxMemPerCPU", acted, max_mem_per_cpu<P>),
      own<P>("MaxMemPerNode", acted, max_mem_per_node<P>),
      plain("MaxNodes", acted, &P::max_nodes),
      timed("MaxTime", acted, &P::max_time_min, Kind::minutes),
      plain("MinNodes", acted, &P::min_nodes),
      plain("Nodes", acted, &P::nodes),
      own<P>("OverSubscribe", acted, special::partition_over_subscribe),
      own<P>("OverTimeLimit", acted, special::partition_over_time_limit),
      plain("PowerDownOnIdle", later, &P::power_down_on_idle),
      own<P>("PreemptMode", acted, special::partition_preempt_mode),
      own<P>("Priority", acted, special::partition_priority),
      plain("PriorityJobFactor", acted, &P::priority_job_factor),
      plain("PriorityTier", acted, &P::priority_tier),
      plain("QOS", acted, &P::qos),
      plain("ReqResv", acted, &P::req_resv),
      plain("ResumeTimeout", later, &P::resume_timeout),
      plain("RootOnly", acted, &P::root_only),
      own<P>("SelectTypeParameters", later, special::partition_select_param),
      own<P>("Shared", acted, special::partition_over_subscribe),
      own<P>("State", acted, special::partition_state),
      own<P>("SuspendTime", later, special::partition_suspend_time),
      plain("SuspendTimeout", later, &P::suspend_timeout),
      plain("Topology", later, &P::topology),
      plain("TRESBillingWeights", acted, &P::tres_billing_weights),
  };
  return kKeys;
}

}  // namespace flurm::conf
