// wire/registry.cpp — one row per message.
#include "wire/registry.hpp"

#include <algorithm>

#include "codec/fuzz.hpp"
#include "codec/pack.hpp"
#include "codec/unpack.hpp"
#include "wire/msg/accounting_update.hpp"
#include "wire/msg/allocation.hpp"
#include "wire/msg/assoc_mgr.hpp"
#include "wire/msg/batch_job_launch.hpp"
#include "wire/msg/burst_buffer.hpp"
#include "wire/msg/cluster.hpp"
#include "wire/msg/crontab.hpp"
#include "wire/msg/daemon_control.hpp"
#include "wire/msg/dbd_messages.hpp"
#include "wire/msg/file_bcast.hpp"
#include "wire/msg/front_end.hpp"
#include "wire/msg/hostlist.hpp"
#include "wire/msg/job_complete.hpp"
#include "wire/msg/job_control.hpp"
#include "wire/msg/job_desc.hpp"
#include "wire/msg/job_info.hpp"
#include "wire/msg/job_requests.hpp"
#include "wire/msg/job_state.hpp"
#include "wire/msg/kill_job.hpp"
#include "wire/msg/launch_tasks.hpp"
#include "wire/msg/licenses.hpp"
#include "wire/msg/node_info.hpp"
#include "wire/msg/node_registration.hpp"
#include "wire/msg/partition_info.hpp"
#include "wire/msg/persist.hpp"
#include "wire/msg/priority.hpp"
#include "wire/msg/prolog_launch.hpp"
#include "wire/msg/reservation.hpp"
#include "wire/msg/return_code.hpp"
#include "wire/msg/slurm_conf.hpp"
#include "wire/msg/srun.hpp"
#include "wire/msg/stats.hpp"
#include "wire/msg/step_create.hpp"
#include "wire/msg/step_info.hpp"
#include "wire/msg/step_layout.hpp"
#include "wire/msg/topology.hpp"
#include "wire/msg/trigger.hpp"
#include "wire/msg/update_node.hpp"

namespace flurm::wire {
namespace {

using codec::Archive, codec::between, codec::since, codec::Span, codec::until;

template <class M>
constexpr MessageInfo row(MsgType type, Span exists = {}) {
  return {type,
          exists,
          codec::detail::type_name<M>(),
          [] { return AnyMessage(std::make_shared<M>()); },
          [](Archive& ar, void* message) { ar.item(*static_cast<M*>(message)); },
          [](const void* a, const void* b) { return *static_cast<const M*>(a) == *static_cast<const M*>(b); }};
}

using enum MsgType;

constexpr MessageInfo kRows[] = {
    row<Empty>(REQUEST_NODE_REGISTRATION_STATUS),
    row<NodeRegistrationStatus>(MESSAGE_NODE_REGISTRATION_STATUS),
    row<Empty>(REQUEST_RECONFIGURE),
    row<ConfigResponse>(REQUEST_RECONFIGURE_WITH_CONFIG),
    row<Shutdown>(REQUEST_SHUTDOWN),
    row<ConfigResponse>(REQUEST_RECONFIGURE_SACKD, since(v23_11)),
    row<Empty>(REQUEST_PING),
    row<Empty>(REQUEST_CONTROL),
    row<SetDebugLevel>(REQUEST_SET_DEBUG_LEVEL),
    row<Empty>(REQUEST_HEALTH_CHECK),
    row<Empty>(REQUEST_TAKEOVER),
    row<SetDebugLevel>(REQUEST_SET_SCHEDLOG_LEVEL),
    row<SetDebugFlags>(REQUEST_SET_DEBUG_FLAGS),
    row<Reboot>(REQUEST_REBOOT_NODES),
    row<PingSlurmdResponse>(RESPONSE_PING_SLURMD),
    row<Empty>(REQUEST_ACCT_GATHER_UPDATE),
    row<AcctGatherNodeResponse>(RESPONSE_ACCT_GATHER_UPDATE),
    row<AcctGatherEnergyRequest>(REQUEST_ACCT_GATHER_ENERGY),
    row<AcctGatherNodeResponse>(RESPONSE_ACCT_GATHER_ENERGY),
    row<LicenseInfoRequest>(REQUEST_LICENSE_INFO),
    row<LicenseInfoMsg>(RESPONSE_LICENSE_INFO),
    row<SetFsDampeningFactor>(REQUEST_SET_FS_DAMPENING_FACTOR),
    row<NodeRegistrationResponse>(RESPONSE_NODE_REGISTRATION),
    row<SuspendExcUpdate>(REQUEST_SET_SUSPEND_EXC_NODES, since(v23_02)),
    row<SuspendExcUpdate>(REQUEST_SET_SUSPEND_EXC_PARTS, since(v23_02)),
    row<SuspendExcUpdate>(REQUEST_SET_SUSPEND_EXC_STATES, since(v23_02)),
    row<DbdFini>(DBD_FINI),
    row<AccountList>(DBD_ADD_ACCOUNTS),
    row<AcctCoord>(DBD_ADD_ACCOUNT_COORDS),
    row<AssocList>(DBD_ADD_ASSOCS),
    row<ClusterList>(DBD_ADD_CLUSTERS),
    row<UserList>(DBD_ADD_USERS),
    row<DbdClusterTres>(DBD_CLUSTER_TRES),
    row<DbdClusterTres>(DBD_FLUSH_JOBS),
    row<AccountCond>(DBD_GET_ACCOUNTS),
    row<AssocCond>(DBD_GET_ASSOCS),
    row<AssocUsage>(DBD_GET_ASSOC_USAGE),
    row<ClusterCond>(DBD_GET_CLUSTERS),
    row<ClusterUsage>(DBD_GET_CLUSTER_USAGE),
    row<Empty>(DBD_RECONFIG),
    row<UserCond>(DBD_GET_USERS),
    row<AccountList>(DBD_GOT_ACCOUNTS),
    row<AssocList>(DBD_GOT_ASSOCS),
    row<AssocUsage>(DBD_GOT_ASSOC_USAGE),
    row<ClusterList>(DBD_GOT_CLUSTERS),
    row<ClusterUsage>(DBD_GOT_CLUSTER_USAGE),
    row<JobList>(DBD_GOT_JOBS),
    row<NameList>(DBD_GOT_LIST),
    row<UserList>(DBD_GOT_USERS),
    row<DbdJobComplete>(DBD_JOB_COMPLETE),
    row<DbdJobStart>(DBD_JOB_START),
    row<DbdIdRc>(DBD_ID_RC),
    row<DbdJobSuspend>(DBD_JOB_SUSPEND),
    row<ModifyAccounts>(DBD_MODIFY_ACCOUNTS),
    row<ModifyAssocs>(DBD_MODIFY_ASSOCS),
    row<ModifyClusters>(DBD_MODIFY_CLUSTERS),
    row<ModifyUsers>(DBD_MODIFY_USERS),
    row<DbdNodeState>(DBD_NODE_STATE),
    row<PersistRc>(PERSIST_RC),
    row<DbdRegisterCtld>(DBD_REGISTER_CTLD),
    row<AccountCond>(DBD_REMOVE_ACCOUNTS),
    row<AcctCoord>(DBD_REMOVE_ACCOUNT_COORDS),
    row<AssocCond>(DBD_REMOVE_ASSOCS),
    row<ClusterCond>(DBD_REMOVE_CLUSTERS),
    row<UserCond>(DBD_REMOVE_USERS),
    row<DbdRollUsage>(DBD_ROLL_USAGE),
    row<DbdStepComplete>(DBD_STEP_COMPLETE),
    row<DbdStepStart>(DBD_STEP_START),
    row<JobCond>(DBD_GET_JOBS_COND),
    row<TxnCond>(DBD_GET_TXN),
    row<TxnList>(DBD_GOT_TXN),
    row<QosList>(DBD_ADD_QOS),
    row<QosCond>(DBD_GET_QOS),
    row<QosList>(DBD_GOT_QOS),
    row<QosCond>(DBD_REMOVE_QOS),
    row<ModifyQos>(DBD_MODIFY_QOS),
    row<WckeyList>(DBD_ADD_WCKEYS),
    row<WckeyCond>(DBD_GET_WCKEYS),
    row<WckeyList>(DBD_GOT_WCKEYS),
    row<WckeyCond>(DBD_REMOVE_WCKEYS),
    row<WckeyUsage>(DBD_GET_WCKEY_USAGE),
    row<WckeyUsage>(DBD_GOT_WCKEY_USAGE),
    row<ArchiveCond>(DBD_ARCHIVE_DUMP),
    row<ArchiveRec>(DBD_ARCHIVE_LOAD),
    row<ReservationRec>(DBD_ADD_RESV),
    row<ReservationRec>(DBD_REMOVE_RESV),
    row<ReservationRec>(DBD_MODIFY_RESV),
    row<ReservationCond>(DBD_GET_RESVS),
    row<ReservationList>(DBD_GOT_RESVS),
    row<ConfigName>(DBD_GET_CONFIG),
    row<ConfigList>(DBD_GOT_CONFIG),
    row<AssocCond>(DBD_GET_PROBS),
    row<AssocList>(DBD_GOT_PROBS),
    row<EventCond>(DBD_GET_EVENTS),
    row<EventList>(DBD_GOT_EVENTS),
    row<JobStartList>(DBD_SEND_MULT_JOB_START),
    row<IdRcList>(DBD_GOT_MULT_JOB_START),
    row<PackedMessageList>(DBD_SEND_MULT_MSG),
    row<PackedMessageList>(DBD_GOT_MULT_MSG),
    row<ModifyJob>(DBD_MODIFY_JOB),
    row<ResList>(DBD_ADD_RES),
    row<ResCond>(DBD_GET_RES),
    row<ResList>(DBD_GOT_RES),
    row<ResCond>(DBD_REMOVE_RES),
    row<ModifyRes>(DBD_MODIFY_RES),
    row<TresList>(DBD_ADD_TRES),
    row<TresCond>(DBD_GET_TRES),
    row<TresList>(DBD_GOT_TRES),
    row<JobList>(DBD_FIX_RUNAWAY_JOB),
    row<Empty>(DBD_GET_STATS),
    row<DbdStats>(DBD_GOT_STATS),
    row<Empty>(DBD_CLEAR_STATS),
    row<Empty>(DBD_SHUTDOWN),
    row<FederationList>(DBD_ADD_FEDERATIONS),
    row<FederationCond>(DBD_GET_FEDERATIONS),
    row<FederationList>(DBD_GOT_FEDERATIONS),
    row<ModifyFederations>(DBD_MODIFY_FEDERATIONS),
    row<FederationCond>(DBD_REMOVE_FEDERATIONS),
    row<DbdJobHeavy>(DBD_JOB_HEAVY),
    row<AddAccountsCond>(DBD_ADD_ACCOUNTS_COND, since(v23_11)),
    row<AddUsersCond>(DBD_ADD_USERS_COND, since(v23_11)),
    row<InstanceCond>(DBD_GET_INSTANCES, since(v23_11)),
    row<InstanceList>(DBD_GOT_INSTANCES, since(v23_11)),
    row<LastUpdate>(REQUEST_BUILD_INFO),
    row<SlurmConf>(RESPONSE_BUILD_INFO),
    row<JobInfoRequest>(REQUEST_JOB_INFO),
    row<JobInfoArray>(RESPONSE_JOB_INFO),
    row<JobStepInfoRequest>(REQUEST_JOB_STEP_INFO),
    row<JobStepInfoResponse>(RESPONSE_JOB_STEP_INFO),
    row<NodeInfoRequest>(REQUEST_NODE_INFO),
    row<NodeInfoArray>(RESPONSE_NODE_INFO),
    row<NodeInfoRequest>(REQUEST_PARTITION_INFO),
    row<PartitionInfoArray>(RESPONSE_PARTITION_INFO),
    row<Empty>(REQUEST_TOPO_CONFIG, since(v25_05)),
    row<TopoConfig>(RESPONSE_TOPO_CONFIG, since(v25_05)),
    row<ConfigRequest>(REQUEST_CONFIG),
    row<ConfigResponse>(RESPONSE_CONFIG),
    row<TriggerInfoMsg>(REQUEST_TRIGGER_SET),
    row<TriggerInfoMsg>(REQUEST_TRIGGER_GET),
    row<TriggerInfoMsg>(REQUEST_TRIGGER_CLEAR),
    row<TriggerInfoMsg>(RESPONSE_TRIGGER_GET),
    row<JobReady>(REQUEST_JOB_INFO_SINGLE),
    row<SharesRequest>(REQUEST_SHARE_INFO),
    row<SharesResponse>(RESPONSE_SHARE_INFO),
    row<LastUpdate>(REQUEST_RESERVATION_INFO),
    row<ReserveInfoArray>(RESPONSE_RESERVATION_INFO),
    row<PriorityFactorsRequest>(REQUEST_PRIORITY_FACTORS),
    row<PriorityFactorsResponse>(RESPONSE_PRIORITY_FACTORS),
    row<TopoInfoRequest>(REQUEST_TOPO_INFO),
    row<TopoInfoResponse>(RESPONSE_TOPO_INFO),
    row<TriggerInfoMsg>(REQUEST_TRIGGER_PULL),
    row<LastUpdate>(REQUEST_FRONT_END_INFO, until(v25_05)),
    row<FrontEndInfo>(RESPONSE_FRONT_END_INFO, until(v25_05)),
    row<StatsRequest>(REQUEST_STATS_INFO),
    row<StatsResponse>(RESPONSE_STATS_INFO),
    row<Empty>(REQUEST_BURST_BUFFER_INFO),
    row<BurstBufferInfoMsg>(RESPONSE_BURST_BUFFER_INFO),
    row<JobUser>(REQUEST_JOB_USER_INFO),
    row<NodeInfoSingle>(REQUEST_NODE_INFO_SINGLE),
    row<HostlistExpansionRequest>(REQUEST_HOSTLIST_EXPANSION, since(v25_05)),
    row<HostlistExpansionResponse>(RESPONSE_HOSTLIST_EXPANSION, since(v25_05)),
    row<AssocMgrInfoRequest>(REQUEST_ASSOC_MGR_INFO),
    row<AssocMgrInfo>(RESPONSE_ASSOC_MGR_INFO),
    row<Empty>(REQUEST_FED_INFO),
    row<FederationInfo>(RESPONSE_FED_INFO),
    row<JobReady>(REQUEST_BATCH_SCRIPT),
    row<JobScript>(RESPONSE_BATCH_SCRIPT),
    row<Empty>(REQUEST_CONTROL_STATUS),
    row<ControlStatus>(RESPONSE_CONTROL_STATUS),
    row<BurstBufferStatusRequest>(REQUEST_BURST_BUFFER_STATUS),
    row<BurstBufferStatusResponse>(RESPONSE_BURST_BUFFER_STATUS),
    row<JobStateRequest>(REQUEST_JOB_STATE, since(v23_11)),
    row<JobStateResponse>(RESPONSE_JOB_STATE, since(v23_11)),
    row<CrontabRequest>(REQUEST_CRONTAB),
    row<CrontabResponse>(RESPONSE_CRONTAB),
    row<CrontabUpdateRequest>(REQUEST_UPDATE_CRONTAB),
    row<CrontabUpdateResponse>(RESPONSE_UPDATE_CRONTAB),
    row<JobDesc>(REQUEST_UPDATE_JOB),
    row<UpdateNode>(REQUEST_UPDATE_NODE),
    row<UpdatePartition>(REQUEST_CREATE_PARTITION),
    row<DeletePartition>(REQUEST_DELETE_PARTITION),
    row<UpdatePartition>(REQUEST_UPDATE_PARTITION),
    row<UpdateReservation>(REQUEST_CREATE_RESERVATION),
    row<ReservationName>(RESPONSE_CREATE_RESERVATION),
    row<ReservationName>(REQUEST_DELETE_RESERVATION),
    row<UpdateReservation>(REQUEST_UPDATE_RESERVATION),
    row<UpdateFrontEnd>(REQUEST_UPDATE_FRONT_END, until(v25_05)),
    row<UpdateNode>(REQUEST_DELETE_NODE),
    row<UpdateNode>(REQUEST_CREATE_NODE),
    row<JobDesc>(REQUEST_RESOURCE_ALLOCATION),
    row<ResourceAllocationResponse>(RESPONSE_RESOURCE_ALLOCATION),
    row<JobDesc>(REQUEST_SUBMIT_BATCH_JOB),
    row<SubmitResponse>(RESPONSE_SUBMIT_BATCH_JOB),
    row<BatchJobLaunch>(REQUEST_BATCH_JOB_LAUNCH),
    row<JobReady>(REQUEST_RESOURCE_LAYOUT, since(v25_11)),
    row<ResourceLayout>(RESPONSE_RESOURCE_LAYOUT, since(v25_11)),
    row<JobDesc>(REQUEST_JOB_WILL_RUN),
    row<WillRunResponse>(RESPONSE_JOB_WILL_RUN),
    row<JobAllocInfo>(REQUEST_JOB_ALLOCATION_INFO),
    row<ResourceAllocationResponse>(RESPONSE_JOB_ALLOCATION_INFO),
    row<JobReady>(REQUEST_JOB_READY),
    row<ReturnCode>(RESPONSE_JOB_READY),
    row<JobAllocInfo>(REQUEST_JOB_END_TIME),
    row<JobNotify>(REQUEST_JOB_NOTIFY),
    row<SelectedStep>(REQUEST_JOB_SBCAST_CRED),
    row<JobSbcastCred>(RESPONSE_JOB_SBCAST_CRED),
    row<JobDescList>(REQUEST_HET_JOB_ALLOCATION),
    row<HetJobAllocation>(RESPONSE_HET_JOB_ALLOCATION),
    row<JobAllocInfo>(REQUEST_HET_JOB_ALLOC_INFO),
    row<JobDescList>(REQUEST_SUBMIT_BATCH_HET_JOB),
    row<JobStepCreateRequest>(REQUEST_JOB_STEP_CREATE),
    row<JobStepCreateResponse>(RESPONSE_JOB_STEP_CREATE),
    row<JobStepKill>(REQUEST_CANCEL_JOB_STEP),
    row<UpdateJobStep>(REQUEST_UPDATE_JOB_STEP),
    row<Suspend>(REQUEST_SUSPEND),
    row<StepComplete>(REQUEST_STEP_COMPLETE),
    row<CompleteJobAllocation>(REQUEST_COMPLETE_JOB_ALLOCATION),
    row<CompleteBatchScript>(REQUEST_COMPLETE_BATCH_SCRIPT),
    row<StepId>(REQUEST_JOB_STEP_STAT),
    row<JobStepStat>(RESPONSE_JOB_STEP_STAT),
    row<StepId>(REQUEST_STEP_LAYOUT),
    row<StepLayoutResponse>(RESPONSE_STEP_LAYOUT),
    row<JobRequeue>(REQUEST_JOB_REQUEUE),
    row<Empty>(REQUEST_DAEMON_STATUS),
    row<SlurmdStatus>(RESPONSE_SLURMD_STATUS),
    row<StepId>(REQUEST_JOB_STEP_PIDS),
    row<JobStepPids>(RESPONSE_JOB_STEP_PIDS),
    row<ForwardData>(REQUEST_FORWARD_DATA),
    row<SuspendInt>(REQUEST_SUSPEND_INT),
    row<JobStepKill>(REQUEST_KILL_JOB),
    row<JobArrayResponse>(RESPONSE_JOB_ARRAY_ERRORS),
    row<TopJob>(REQUEST_TOP_JOB),
    row<TokenRequest>(REQUEST_AUTH_TOKEN),
    row<TokenResponse>(RESPONSE_AUTH_TOKEN),
    row<KillJobs>(REQUEST_KILL_JOBS, since(v23_11)),
    row<KillJobsResponse>(RESPONSE_KILL_JOBS, since(v23_11)),
    row<LaunchTasks>(REQUEST_LAUNCH_TASKS),
    row<LaunchTasksResponse>(RESPONSE_LAUNCH_TASKS),
    row<TaskExit>(MESSAGE_TASK_EXIT),
    row<CancelTasks>(REQUEST_SIGNAL_TASKS),
    row<CancelTasks>(REQUEST_TERMINATE_TASKS),
    row<ReattachTasks>(REQUEST_REATTACH_TASKS),
    row<ReattachTasksResponse>(RESPONSE_REATTACH_TASKS),
    row<KillJob>(REQUEST_KILL_TIMELIMIT),
    row<KillJob>(REQUEST_TERMINATE_JOB),
    row<EpilogComplete>(MESSAGE_EPILOG_COMPLETE),
    row<KillJob>(REQUEST_ABORT_JOB),
    row<FileBcast>(REQUEST_FILE_BCAST),
    row<KillJob>(REQUEST_KILL_PREEMPTED),
    row<PrologLaunch>(REQUEST_LAUNCH_PROLOG),
    row<CompleteProlog>(REQUEST_COMPLETE_PROLOG),
    row<ReturnCode>(RESPONSE_PROLOG_EXECUTING),
    row<PersistInit>(REQUEST_PERSIST_INIT),
    row<PersistInit>(REQUEST_PERSIST_INIT_TLS, between(v24_05, v25_05)),
    row<Empty>(SRUN_PING),
    row<SrunTimeout>(SRUN_TIMEOUT),
    row<SrunNodeFail>(SRUN_NODE_FAIL),
    row<StepId>(SRUN_JOB_COMPLETE),
    row<SrunUser>(SRUN_USER_MSG),
    row<SrunNodeFail>(SRUN_STEP_MISSING),
    row<Suspend>(SRUN_REQUEST_SUSPEND),
    row<JobStepKill>(SRUN_STEP_SIGNAL),
    row<NetForward>(SRUN_NET_FORWARD),
    row<ReturnCode>(RESPONSE_SLURM_RC),
    row<ReturnCode2>(RESPONSE_SLURM_RC_MSG),
    row<Reroute>(RESPONSE_SLURM_REROUTE_MSG),
    row<Empty>(RESPONSE_FORWARD_FAILED),
    row<AccountingUpdate>(ACCOUNTING_UPDATE_MSG),
    row<Empty>(ACCOUNTING_FIRST_REG),
    row<Empty>(ACCOUNTING_REGISTER_CTLD),
};
static_assert(std::ranges::is_sorted(kRows, {}, &MessageInfo::type));

}  // namespace

std::span<const MessageInfo> messages() { return kRows; }

const MessageInfo* find_message(MsgType type) {
  auto at = std::ranges::lower_bound(kRows, type, {}, &MessageInfo::type);
  return at != std::end(kRows) && at->type == type ? at : nullptr;
}

std::string MessageInfo::pack(const void* message, std::uint16_t version) const {
  std::string out;
  {
    codec::Packer packer(out, version);
    describe(packer, const_cast<void*>(message));  // a packer only reads
  }
  return out;
}

Result<AnyMessage> MessageInfo::unpack(std::string_view body, std::uint16_t version) const {
  AnyMessage message = make();
  codec::Unpacker unpacker(body, version);
  describe(unpacker, message.get());
  if (auto done = unpacker.finish(); !done) return fail(done.error());
  return message;
}

AnyMessage MessageInfo::fuzz(std::uint64_t seed, std::uint16_t version) const {
  AnyMessage message = make();
  codec::Fuzzer fuzzer(seed, version);
  describe(fuzzer, message.get());
  return message;
}

std::string MessageInfo::dump(const void* message, std::uint16_t version, codec::Style style) const {
  std::string out;
  codec::Dumper dumper(out, version, style);
  describe(dumper, const_cast<void*>(message));  // a dumper only reads
  return out;
}

}  // namespace flurm::wire
