// tests/interop/consistent.cpp — see the header; one function per structure.
#include "consistent.hpp"

#include "wire/msg/batch_job_launch.hpp"
#include "wire/msg/job_complete.hpp"
#include "wire/msg/job_desc.hpp"
#include "wire/msg/job_info.hpp"
#include "wire/msg/kill_job.hpp"
#include "wire/msg/node_registration.hpp"
#include "wire/msg/persist.hpp"
#include "wire/msg/prolog_launch.hpp"

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

void fix(PrologLaunch& m) {
  only_gpus(m.job_gres_prep);
  fix(m.cred);
}

void fix(KillJob& m) {
  only_gpus(m.job_gres_prep);
  if (m.cred) fix(*m.cred);
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
    case MsgType::REQUEST_BATCH_JOB_LAUNCH:
      return fix(*static_cast<BatchJobLaunch*>(message));
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
    case MsgType::RESPONSE_JOB_INFO:
      return fix(*static_cast<JobInfoArray*>(message));
    case MsgType::MESSAGE_NODE_REGISTRATION_STATUS:  // the library's packer takes its length from a write position
      static_cast<NodeRegistrationStatus*>(message)->gres_info.clear();
      return;
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
      return "the packer is in slurmctld, not in the library";
    case MsgType::RESPONSE_BATCH_SCRIPT:
      return "the packer takes another type than the unpacker gives";
    case MsgType::RESPONSE_SLURM_RC_MSG:
      return "the unpacker prints the text and keeps only the code";
    default:
      return nullptr;
  }
}

}  // namespace flurm::interop
