// tests/interop/consistent.cpp — see the header; one function per structure.
#include "consistent.hpp"

#include "wire/msg/allocation.hpp"
#include "wire/msg/assoc_mgr.hpp"
#include "wire/msg/batch_job_launch.hpp"
#include "wire/msg/cluster.hpp"
#include "wire/msg/crontab.hpp"
#include "wire/msg/dbd_messages.hpp"
#include "wire/msg/file_bcast.hpp"
#include "wire/msg/job_complete.hpp"
#include "wire/msg/job_desc.hpp"
#include "wire/msg/job_info.hpp"
#include "wire/msg/kill_job.hpp"
#include "wire/msg/launch_tasks.hpp"
#include "wire/msg/node_registration.hpp"
#include "wire/msg/persist.hpp"
#include "wire/msg/priority.hpp"
#include "wire/msg/prolog_launch.hpp"
#include "wire/msg/reservation.hpp"
#include "wire/msg/slurm_conf.hpp"
#include "wire/msg/stats.hpp"
#include "wire/msg/step_create.hpp"
#include "wire/msg/step_layout.hpp"

namespace flurm::interop {
namespace {

using namespace wire;

/// The library keeps only resources whose plugin is configured: "gpu" in the test's slurm.conf.
template <class Gres>
void only_gpus(std::vector<Gres>& list) {
  for (Gres& gres : list) {
    gres.plugin_id = gres_plugin_id("gpu");
    if (gres.gres_cnt_node_alloc) gres.gres_cnt_node_alloc->resize(gres.node_cnt);
    if (gres.node_cnt > 0) continue;
    gres.gres_cnt_node_alloc.reset();
    gres.gres_bit_alloc.reset();
    if constexpr (requires { gres.gres_bit_step_alloc; }) {
      gres.gres_bit_step_alloc.reset();
      gres.gres_cnt_step_alloc.reset();
    }
  }
}

/// The library's packer notes what the user left to the defaults (slurm/slurm.h USE_DEFAULT_*).
void fix(JobDesc& m) {
  if (!m.account) m.bitflags |= 1 << 25;
  if (!m.partition) m.bitflags |= 1 << 26;
  if (!m.qos) m.bitflags |= 1 << 27;
  if (!m.wckey) m.bitflags |= 1 << 28;
}

void fix(JobDescList& m) {
  for (JobDesc& job : m.jobs) fix(job);
}

void fix(Cred& cred) {
  only_gpus(cred.job_gres_list);
  only_gpus(cred.step_gres_list);
  cred.signed_bytes = pack_cred_body(cred, v22_05);
}

void fix(BatchJobLaunch& m) {
  m.cred_version = 0;
  fix(m.cred);
}

void fix(LaunchTasks& m) {
  m.cred_version = 0;
  fix(m.cred);
}

void fix(FileBcast& m) {
  m.cred.signed_bytes = pack_cred_body(m.cred, v22_05);
  if (m.cred.signature.empty()) m.cred.signature = "x";
}

void fix(PrologLaunch& m) {
  only_gpus(m.job_gres_prep);
  fix(m.cred);
}

void fix(KillJob& m) {
  only_gpus(m.job_gres_prep);
  if (m.cred) fix(*m.cred);
}

/// The library refuses an empty signature.
void fix(JobSbcastCred& m) {
  if (m.sbcast_cred.signature.empty()) m.sbcast_cred.signature = "signed";
}

void fix(JobAcctInfo& m) {
  std::size_t n = m.tres_ids.size();
  for (auto* each :
       {&m.tres_usage_in_max, &m.tres_usage_in_max_nodeid, &m.tres_usage_in_max_taskid, &m.tres_usage_in_min,
        &m.tres_usage_in_min_nodeid, &m.tres_usage_in_min_taskid, &m.tres_usage_in_tot, &m.tres_usage_out_max,
        &m.tres_usage_out_max_nodeid, &m.tres_usage_out_max_taskid, &m.tres_usage_out_min, &m.tres_usage_out_min_nodeid,
        &m.tres_usage_out_min_taskid, &m.tres_usage_out_tot}) {
    each->resize(n);
  }
}

template <class WithJobAcct>
void fix_jobacct(WithJobAcct& m) {
  if (m.jobacct) fix(*m.jobacct);
}

void fix(SlurmConf& m) {
  m.control_machine.resize(m.control_addr.size());
  if (!m.acct_gather_conf) m.acct_gather_conf.emplace();  // the packer looks for names in it unasked
}

/// Lists of counts end with their only 0.
void fix(UpdateReservation& m) {
  for (auto* counts : {&m.node_cnts, &m.core_cnts}) {
    for (std::uint32_t& each : *counts) each |= 1;
    if (!counts->empty()) counts->back() = 0;
  }
}

void fix(SharesResponse& m) {
  for (AssocSharesObject& assoc : m.assoc_shares_list) {
    assoc.tres_run_secs.resize(m.tres_names.size());
    assoc.tres_grp_mins.resize(m.tres_names.size());
    assoc.usage_tres_raw.resize(m.tres_names.size());
  }
}

/// One number per TRES of the list; nothing where there is none.
void fix(AssocMgrInfo& m) {
  const std::size_t n = m.tres_names.size();
  for (AssocWithUsage& each : m.assoc_list) {
    for (auto* row : {&each.grp_tres_mins_ctld, &each.grp_tres_run_mins_ctld, &each.grp_tres_ctld,
                      &each.max_tres_mins_ctld, &each.max_tres_run_mins_ctld, &each.max_tres_ctld,
                      &each.max_tres_pn_ctld, &each.usage.grp_used_tres, &each.usage.grp_used_tres_run_secs})
      row->resize(n);
    each.usage.usage_tres_raw.resize(n);
  }
  for (QosWithUsage& each : m.qos_list) {
    for (auto* row : {&each.grp_tres_mins_ctld, &each.grp_tres_run_mins_ctld, &each.grp_tres_ctld,
                      &each.max_tres_mins_pj_ctld, &each.max_tres_run_mins_pa_ctld, &each.max_tres_run_mins_pu_ctld,
                      &each.max_tres_pa_ctld, &each.max_tres_pj_ctld, &each.max_tres_pn_ctld, &each.max_tres_pu_ctld,
                      &each.min_tres_pj_ctld, &each.usage.grp_used_tres, &each.usage.grp_used_tres_run_secs})
      row->resize(n);
    each.usage.usage_tres_raw.resize(n);
    for (auto* list : {&each.usage.user_limit_list, &each.usage.acct_limit_list})
      for (UsedLimits& used : *list) {
        used.tres.resize(n);
        used.tres_run_secs.resize(n);
      }
  }
}

void fix(StatsResponse& m) {
  m.rpc_queue_count.resize(m.rpc_queue_type_id.size());
  m.rpc_dump_hostlist.resize(m.rpc_dump_types.size());
}

void fix(PriorityFactorsResponse& m) {
  if (!m.priority_factors_list) return;
  for (PriorityFactorsObject& job : *m.priority_factors_list) {
    std::size_t n = job.prio_factors.priority_tres.size();
    job.prio_factors.assoc_mgr_tres_name_array.resize(n);
    job.prio_factors.tres_weights.resize(n);
  }
}

/// Whether connections are open is the sender's own knowledge.
void fix(ClusterRec& m) {
  m.fed_recv_open = m.fed_send_open = false;
  m.rpc_version = v22_05;  // larger ones are lowered
}

void fix(FederationInfo& m) {
  if (!m.federation || !m.federation->cluster_list) return;
  for (ClusterRec& cluster : *m.federation->cluster_list) fix(cluster);
}

void fix(OptionalFederation& m) {
  if (!m.federation) m.federation.emplace();  // a list ends with what is not there
  if (!m.federation->cluster_list) return;
  for (ClusterRec& cluster : *m.federation->cluster_list) fix(cluster);
}

/// Indexes of nodes are the controller's own to make.
void fix(DbdJobStart& m) { m.node_inx.clear(); }

/// Steps of the same job are merged, and those of job 0 dropped.
void fix(JobCond& m) {
  if (m.step_list.size() > 1) m.step_list.resize(1);
  for (SelectedStep& each : m.step_list) each.step_id.job_id.v |= 1;
}

/// Hourly, daily, monthly.
void fix(DbdStats& m) {
  m.dbd_rollup_stats.kinds.resize(3);
  for (RollupStats& each : m.rollup_stats) each.kinds.resize(3);
}

template <class Record>
void fix_each(Listed<Record>& m) {
  for (Record& each : m.list) fix(each);
}

void fix(Reroute& m) {
  if (m.working_cluster_rec) fix(*m.working_cluster_rec);
}

void fix(ResourceAllocationResponse& m) {
  if (m.node_addr && m.node_addr->empty()) m.node_addr.reset();
  if (m.node_addr) m.node_cnt = static_cast<std::uint32_t>(m.node_addr->size());
  if (m.working_cluster_rec) fix(*m.working_cluster_rec);
}

void fix(HetJobAllocation& m) {
  for (ResourceAllocationResponse& component : m.components) fix(component);
}

void fix(JobInfoArray& m) {
  for (JobInfo& job : m.job_array) {
    if (!job.job_resrcs) continue;
    JobResources& res = *job.job_resrcs;
    res.nhosts = static_cast<std::uint32_t>(res.cpus.size());
    res.cpu_array_value.resize(res.cpu_array_reps.size());
  }
}

}  // namespace

void make_consistent(MsgType type, void* message) {
  switch (type) {
    case MsgType::REQUEST_SUBMIT_BATCH_JOB:
    case MsgType::REQUEST_RESOURCE_ALLOCATION:
    case MsgType::REQUEST_JOB_WILL_RUN:
    case MsgType::REQUEST_UPDATE_JOB:
      return fix(*static_cast<JobDesc*>(message));
    case MsgType::REQUEST_HET_JOB_ALLOCATION:
    case MsgType::REQUEST_SUBMIT_BATCH_HET_JOB:
      return fix(*static_cast<JobDescList*>(message));
    case MsgType::REQUEST_UPDATE_CRONTAB:
      return fix(static_cast<CrontabUpdateRequest*>(message)->jobs);
    case MsgType::RESPONSE_BUILD_INFO:
      return fix(*static_cast<SlurmConf*>(message));
    case MsgType::REQUEST_CREATE_RESERVATION:
    case MsgType::REQUEST_UPDATE_RESERVATION:
      return fix(*static_cast<UpdateReservation*>(message));
    case MsgType::RESPONSE_STATS_INFO:
      return fix(*static_cast<StatsResponse*>(message));
    case MsgType::RESPONSE_SHARE_INFO:
      return fix(*static_cast<SharesResponse*>(message));
    case MsgType::RESPONSE_PRIORITY_FACTORS:
      return fix(*static_cast<PriorityFactorsResponse*>(message));
    case MsgType::RESPONSE_FED_INFO:
      return fix(*static_cast<FederationInfo*>(message));
    case MsgType::RESPONSE_SLURM_REROUTE_MSG:
      return fix(*static_cast<Reroute*>(message));
    case MsgType::RESPONSE_RESOURCE_ALLOCATION:
    case MsgType::RESPONSE_JOB_ALLOCATION_INFO:
      return fix(*static_cast<ResourceAllocationResponse*>(message));
    case MsgType::RESPONSE_HET_JOB_ALLOCATION:
      return fix(*static_cast<HetJobAllocation*>(message));
    case MsgType::REQUEST_BATCH_JOB_LAUNCH:
      return fix(*static_cast<BatchJobLaunch*>(message));
    case MsgType::REQUEST_LAUNCH_TASKS:
      return fix(*static_cast<LaunchTasks*>(message));
    case MsgType::REQUEST_REATTACH_TASKS:
      return fix(static_cast<ReattachTasks*>(message)->cred);
    case MsgType::REQUEST_FILE_BCAST:
      return fix(*static_cast<FileBcast*>(message));
    case MsgType::RESPONSE_JOB_STEP_STAT:
      return fix_jobacct(*static_cast<JobStepStat*>(message));
    case MsgType::REQUEST_LAUNCH_PROLOG:
      return fix(*static_cast<PrologLaunch*>(message));
    case MsgType::REQUEST_TERMINATE_JOB:
    case MsgType::REQUEST_ABORT_JOB:
    case MsgType::REQUEST_KILL_TIMELIMIT:
    case MsgType::REQUEST_KILL_PREEMPTED:
      return fix(*static_cast<KillJob*>(message));
    case MsgType::REQUEST_STEP_COMPLETE:
      return fix_jobacct(*static_cast<StepComplete*>(message));
    case MsgType::REQUEST_COMPLETE_BATCH_SCRIPT:
      return fix_jobacct(*static_cast<CompleteBatchScript*>(message));
    case MsgType::RESPONSE_JOB_SBCAST_CRED:
      return fix(*static_cast<JobSbcastCred*>(message));
    case MsgType::RESPONSE_JOB_INFO:
      return fix(*static_cast<JobInfoArray*>(message));
    case MsgType::MESSAGE_NODE_REGISTRATION_STATUS:  // the library's packer takes its length from a write position
      static_cast<NodeRegistrationStatus*>(message)->gres_info.clear();
      return;
    case MsgType::RESPONSE_ASSOC_MGR_INFO:
      return fix(*static_cast<AssocMgrInfo*>(message));
    case MsgType::DBD_ADD_CLUSTERS:
    case MsgType::DBD_GOT_CLUSTERS:
      return fix_each(*static_cast<ClusterList*>(message));
    case MsgType::DBD_MODIFY_CLUSTERS:
      return fix(static_cast<ModifyClusters*>(message)->rec);
    case MsgType::DBD_GET_CLUSTER_USAGE:
    case MsgType::DBD_GOT_CLUSTER_USAGE:
      return fix(static_cast<ClusterUsage*>(message)->rec);
    case MsgType::DBD_ADD_FEDERATIONS:
    case MsgType::DBD_GOT_FEDERATIONS:
      return fix_each(*static_cast<FederationList*>(message));
    case MsgType::DBD_MODIFY_FEDERATIONS:
      return fix(static_cast<ModifyFederations*>(message)->rec);
    case MsgType::DBD_JOB_START:
      return fix(*static_cast<DbdJobStart*>(message));
    case MsgType::DBD_SEND_MULT_JOB_START:
      return fix_each(*static_cast<JobStartList*>(message));
    case MsgType::DBD_STEP_START:
      static_cast<DbdStepStart*>(message)->node_inx.clear();
      return;
    case MsgType::DBD_STEP_COMPLETE:
      return fix_jobacct(*static_cast<DbdStepComplete*>(message));
    case MsgType::DBD_GET_JOBS_COND:
      return fix(*static_cast<JobCond*>(message));
    case MsgType::DBD_MODIFY_JOB:
      return fix(static_cast<ModifyJob*>(message)->cond);
    case MsgType::DBD_ARCHIVE_DUMP:
      return fix(static_cast<ArchiveCond*>(message)->job_cond);
    case MsgType::DBD_GOT_STATS:
      return fix(*static_cast<DbdStats*>(message));
    case MsgType::REQUEST_PERSIST_INIT:  // the version is checked
      static_cast<PersistInit*>(message)->version = v22_05;
      return;
    default:
      return;
  }
}

const char* one_way_reason(MsgType type) {
  switch (type) {
    case MsgType::RESPONSE_JOB_INFO:
    case MsgType::RESPONSE_NODE_INFO:
    case MsgType::RESPONSE_PARTITION_INFO:
    case MsgType::RESPONSE_LICENSE_INFO:
    case MsgType::RESPONSE_JOB_STEP_INFO:
    case MsgType::RESPONSE_RESERVATION_INFO:
    case MsgType::RESPONSE_BURST_BUFFER_INFO:
    case MsgType::RESPONSE_FRONT_END_INFO:
    case MsgType::RESPONSE_ASSOC_MGR_INFO:
    case MsgType::RESPONSE_STATS_INFO:
      return "the packer is in slurmctld, not in the library";
    case MsgType::RESPONSE_BATCH_SCRIPT:
      return "the packer takes another type than the unpacker gives";
    case MsgType::DBD_GOT_STATS:
      return "the packer is in slurmdbd, not in the library";
    case MsgType::DBD_SEND_MULT_MSG:
    case MsgType::DBD_GOT_MULT_MSG:
      return "the packer sends what was put into its buffers, the unpacker only points to what came";
    case MsgType::RESPONSE_SLURM_RC_MSG:
      return "the unpacker prints the text and keeps only the code";
    case MsgType::RESPONSE_PRIORITY_FACTORS:
      return "the packer takes the TRES names from the controller's tables";
    default:
      return nullptr;
  }
}

}  // namespace flurm::interop
