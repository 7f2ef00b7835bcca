// conf/words.cpp — word tables; numbers are those of slurm/slurm.h 22.05.
#include "conf/words.hpp"

#include "conf/config.hpp"

namespace flurm::conf {
namespace {

constexpr std::uint64_t bit(int n) { return std::uint64_t{1} << n; }

constexpr Word kDebug[] = {
    {"Accrue", bit(50)},
    {"Agent", bit(52)},
    {"AuditRPCs", 0},
    {"Backfill", bit(12)},
    {"BackfillMap", bit(27)},
    {"BurstBuffer", bit(40)},
    {"Cgroup", bit(55)},
    {"ConMgr", 0},
    {"CPU_Bind", bit(3)},
    {"CpuFrequency", bit(41)},
    {"Data", bit(8)},
    {"DB_Archive", bit(44)},
    {"DB_Assoc", bit(30)},
    {"DB_Event", bit(31)},
    {"DB_Job", bit(32)},
    {"DB_QOS", bit(33)},
    {"DB_Query", bit(34)},
    {"DB_Reservation", bit(35)},
    {"DB_Resource", bit(36)},
    {"DB_Step", bit(37)},
    {"DB_TRES", bit(45)},
    {"DB_Usage", bit(38)},
    {"DB_WCKey", bit(39)},
    {"Dependency", bit(53)},
    {"Elasticsearch", bit(46)},
    {"Energy", bit(18)},
    {"ExtSensors", bit(19)},
    {"Federation", bit(48)},
    {"FrontEnd", bit(15)},
    {"Gang", bit(13)},
    {"GLOB_SILENCE", 0},
    {"Gres", bit(6)},
    {"Hetjob", bit(49)},
    {"Interconnect", bit(22)},
    {"JAG", bit(54)},
    {"JobAccountGather", bit(54)},
    {"JobComp", 0},
    {"JobContainer", bit(24)},
    {"License", bit(20)},
    {"MPI", bit(7)},
    {"Net", bit(10)},
    {"NetRaw", bit(4)},
    {"Network", bit(10)},
    {"NetworkRaw", bit(4)},
    {"NodeFeatures", bit(47)},
    {"NO_CONF_HASH", bit(5)},
    {"Power", bit(42)},
    {"PowerSave", bit(42)},
    {"Priority", bit(11)},
    {"Profile", bit(21)},
    {"Protocol", bit(26)},
    {"Reservation", bit(14)},
    {"Route", bit(29)},
    {"Script", bit(56)},
    {"SelectType", bit(0)},
    {"Steps", bit(1)},
    {"Switch", bit(17)},
    {"TimeCray", bit(43)},
    {"TLS", 0},
    {"TraceJobs", bit(28)},
    {"Trigger", bit(2)},
    {"Triggers", bit(2)},
    {"WorkQ", bit(9)},
    {"WorkQueue", bit(9)},
};
constexpr Word kPrivate[] = {
    {"accounts", kPrivateAccounts},
    {"account", kPrivateAccounts},
    {"cloud", kPrivateCloudNodes},
    {"events", kPrivateEvents},
    {"event", kPrivateEvents},
    {"jobs", kPrivateJobs},
    {"job", kPrivateJobs},
    {"nodes", kPrivateNodes},
    {"node", kPrivateNodes},
    {"partitions", kPrivatePartitions},
    {"partition", kPrivatePartitions},
    {"reservations", kPrivateReservations},
    {"reservation", kPrivateReservations},
    {"usage", kPrivateUsage},
    {"users", kPrivateUsers},
    {"user", kPrivateUsers},
    {"all", 0xffff},
    {"none", 0},
};
constexpr Word kProlog[] = {
    {"Alloc", kPrologAlloc},
    {"Contain", kPrologAlloc | kPrologContain},
    {"DeferBatch", kPrologDeferBatch},
    {"ForceRequeueOnFail", kPrologAlloc},
    {"NoHold", kPrologAlloc | kPrologNoHold},
    {"RunInJob", kPrologAlloc | kPrologContain},
    {"Serial", kPrologSerial},
    {"X11", kPrologAlloc | kPrologContain | kPrologX11},
};
// FAIR_TREE (bit 5) is on unless one of the words that replace it is given; slurm_special.cpp takes it away.
constexpr Word kPriorityFlag[] = {
    {"ACCRUE_ALWAYS", bit(0)},   {"MAX_TRES", bit(1)},
    {"MAX_TRES_GRES", bit(1)},   {"SMALL_RELATIVE_TO_TIME", bit(2)},
    {"DEPTH_OBLIVIOUS", bit(3)}, {"CALCULATE_RUNNING", bit(4)},
    {"FAIR_TREE", bit(5)},       {"NO_FAIR_TREE", 0},
    {"INCR_ONLY", bit(6)},       {"NO_NORMAL_ALL", bit(7) | bit(8) | bit(9) | bit(10)},
    {"NO_NORMAL_ASSOC", bit(7)}, {"NO_NORMAL_PART", bit(8)},
    {"NO_NORMAL_QOS", bit(9)},   {"NO_NORMAL_TRES", bit(10)},
};
constexpr Word kPriorityReset[] = {{"NONE", 0},    {"NOW", 1},       {"DAILY", 2}, {"WEEKLY", 3},
                                   {"MONTHLY", 4}, {"QUARTERLY", 5}, {"YEARLY", 6}};
constexpr Word kReconfig[] = {{"KeepPartInfo", 1}, {"KeepPartState", 2}, {"KeepPowerSaveSettings", 0}};
constexpr Word kEnforce[] = {
    {"ALL", kEnforceAll},    {"ANY", kEnforceAny}, {"NO", kEnforceNone},   {"YES", kEnforceAny}, {"TRUE", kEnforceAny},
    {"FALSE", kEnforceNone}, {"UP", kEnforceAny},  {"DOWN", kEnforceNone}, {"1", kEnforceAny},   {"0", kEnforceNone}};
constexpr Word kHealth[] = {{"ALLOC", kHealthAlloc}, {"ANY", kHealthAny},     {"CYCLE", kHealthCycle},
                            {"IDLE", kHealthIdle},   {"MIXED", kHealthMixed}, {"NONDRAINED_IDLE", kHealthIdle},
                            {"START_ONLY", 0}};
constexpr Word kLogFormat[] = {{"iso8601_ms", 0}, {"iso8601", 1}, {"rfc5424_ms", 2}, {"rfc5424", 3},
                               {"rfc3339", 1},    {"clock", 4},   {"short", 5},      {"thread_id", 6}};
constexpr Word kRlimit[] = {{"ALL", 0},   {"NONE", 0},    {"AS", 0},     {"CORE", 0},  {"CPU", 0}, {"DATA", 0},
                            {"FSIZE", 0}, {"MEMLOCK", 0}, {"NOFILE", 0}, {"NPROC", 0}, {"RSS", 0}, {"STACK", 0}};
constexpr Word kSelectParam[] = {
    {"CR_CPU", kCrCpu},
    {"CR_CPU_Memory", kCrCpu | kCrMemory},
    {"CR_Core", kCrCore},
    {"CR_Core_Memory", kCrCore | kCrMemory},
    {"CR_Socket", kCrSocket},
    {"CR_Socket_Memory", kCrSocket | kCrMemory},
    {"CR_Memory", kCrMemory},
    {"CR_ONE_TASK_PER_CORE", kCrOneTaskPerCore},
    {"CR_CORE_DEFAULT_DIST_BLOCK", kCrCoreDefaultDistBlock},
    {"CR_LLN", kCrLln},
    {"CR_PACK_NODES", kCrPackNodes},
    {"LL_SHARED_GRES", 0},
    {"MULTIPLE_SHARING_GRES_PJ", 0},
    {"ENFORCE_BINDING_GRES", 0},
    {"ONE_TASK_PER_SHARING_GRES", 0},
    {"CR_ALLOCATE_FULL_SOCKET", 0},
    {"other_cons_res", kCrOtherConsRes},
    {"other_cons_tres", kCrOtherConsTres},
};
// "all" is every rule but the two that stop records; nojobs implies nosteps.
constexpr Word kAccounting[] = {
    {"associations", kEnforceAssocs},
    {"1", kEnforceAssocs},
    {"limits", kEnforceAssocs | kEnforceLimits},
    {"2", kEnforceAssocs | kEnforceLimits},
    {"nojobs", kEnforceNoJobs | kEnforceNoSteps},
    {"nosteps", kEnforceNoSteps},
    {"qos", kEnforceAssocs | kEnforceQos},
    {"safe", kEnforceAssocs | kEnforceLimits | kEnforceSafe},
    {"wckeys", kEnforceAssocs | kEnforceWckeys},
    {"all", 0xffff & ~(kEnforceNoJobs | kEnforceNoSteps)},
};
constexpr Word kStore[] = {{"job_comment", 1}, {"job_env", 2}, {"job_script", 4}, {"job_extra", 0}, {"no_stdio", 0}};
constexpr Word kPropagate[] = {{"0", 0}, {"1", 1}, {"2", 2}};

constexpr Word kAcctStorage[] = {
    {"accounting_storage/none", 0}, {"accounting_storage/slurmdbd", 0}, {"accounting_storage/ctld_relay", 0}};
constexpr Word kAuth[] = {{"auth/munge", 0}};
constexpr Word kCred[] = {{"cred/munge", 0}};
constexpr Word kJag[] = {{"jobacct_gather/none", 0}, {"jobacct_gather/linux", 0}, {"jobacct_gather/cgroup", 0}};
constexpr Word kJobComp[] = {{"jobcomp/none", 0},   {"jobcomp/filetxt", 0}, {"jobcomp/mysql", 0},
                             {"jobcomp/script", 0}, {"jobcomp/lua", 0},     {"jobcomp/elasticsearch", 0},
                             {"jobcomp/kafka", 0}};
constexpr Word kPreempt[] = {{"preempt/none", 0}, {"preempt/partition_prio", 0}, {"preempt/qos", 0}};
constexpr Word kPriority[] = {{"priority/basic", 0}, {"priority/multifactor", 0}};
constexpr Word kProctrack[] = {{"proctrack/cgroup", 0}, {"proctrack/linuxproc", 0}, {"proctrack/pgid", 0}};
constexpr Word kSched[] = {{"sched/backfill", 0}, {"sched/builtin", 0}};
constexpr Word kSelect[] = {{"select/linear", 0}, {"select/cons_tres", 0}, {"select/cons_res", 0}};
constexpr Word kSwitch[] = {
    {"switch/none", 0}, {"switch/hpe_slingshot", 0}, {"switch/nvidia_imex", 0}, {"switch/generic", 0}};
constexpr Word kTask[] = {{"task/none", 0}, {"task/affinity", 0}, {"task/cgroup", 0}};
constexpr Word kTopology[] = {{"topology/none", 0}, {"topology/default", 0}, {"topology/flat", 0},
                              {"topology/tree", 0}, {"topology/block", 0},   {"topology/3d_torus", 0},
                              {"topology/ring", 0}, {"topology/torus3d", 0}};
constexpr Word kMcs[] = {{"mcs/none", 0}, {"mcs/account", 0}, {"mcs/group", 0}, {"mcs/user", 0}, {"mcs/label", 0}};

}  // namespace

const std::span<const Word> kDebugFlagWords = kDebug, kPrivateDataWords = kPrivate, kPrologFlagWords = kProlog,
                            kPriorityFlagWords = kPriorityFlag, kPriorityResetWords = kPriorityReset,
                            kReconfigFlagWords = kReconfig, kEnforcePartLimitsWords = kEnforce,
                            kHealthCheckWords = kHealth, kLogFormatWords = kLogFormat, kRlimitWords = kRlimit,
                            kSelectParamWords = kSelectParam, kAccountingEnforceWords = kAccounting,
                            kAccountingStoreWords = kStore, kPropagatePrioWords = kPropagate;
const std::span<const Word> kAccountingStorageTypes = kAcctStorage, kAuthTypes = kAuth, kCredTypes = kCred,
                            kJobAcctGatherTypes = kJag, kJobCompTypes = kJobComp, kPreemptTypes = kPreempt,
                            kPriorityTypes = kPriority, kProctrackTypes = kProctrack, kSchedulerTypes = kSched,
                            kSelectTypes = kSelect, kSwitchTypes = kSwitch, kTaskPlugins = kTask,
                            kTopologyPlugins = kTopology, kMcsPlugins = kMcs;

}  // namespace flurm::conf
