// conf/slurm_special.cpp — values of slurm.conf with a grammar of their own. Each function names what is allowed.
// Behaviour follows read_config.c of Slurm 22.05; words Slurm drops in silence are refused.
#include <algorithm>
#include <string>

#include "conf/slurm_keys.hpp"
#include "conf/words.hpp"

namespace flurm::conf {
namespace {

Result<std::uint32_t> parse_suspend_time(std::string_view value) {
  if (same_word(value, "NONE") || value == "-1") return kInfinite32;
  FLURM_TRY(const std::uint64_t number, parse_number(value, 0, kNoVal32 - 1, kInfinite32));
  return static_cast<std::uint32_t>(number);
}

Result<std::uint32_t> parse_cpu_bind(std::string_view value) {
  static constexpr Word kTypes[] = {{"none", 0x20},  {"no", 0x20},     {"socket", 0x8},  {"sockets", 0x8},
                                    {"ldom", 0x10},  {"ldoms", 0x10},  {"core", 0x4},    {"cores", 0x4},
                                    {"thread", 0x2}, {"threads", 0x2}, {"off", 0x80000}, {"verbose", 0x1},
                                    {"v", 0x1}};
  std::uint32_t flags = 0;
  int types = 0;
  for (std::string_view part : split_list(value, ",;")) {
    FLURM_TRY(const std::uint64_t flag, parse_word(part, kTypes));
    flags |= static_cast<std::uint32_t>(flag);
    types += flag != 1;
  }
  if (types > 1) return fail(Errc::einval, "'{}' names more than one way to bind; allowed: one, and verbose", value);
  return flags;
}

constexpr Word kGovernors[] = {{"Conservative", 0x88000000}, {"OnDemand", 0x84000000},  {"Performance", 0x82000000},
                               {"PowerSave", 0x81000000},    {"SchedUtil", 0x80400000}, {"UserSpace", 0x80800000}};

Result<void> check_rlimits(std::string_view value) {
  for (std::string_view part : split_list(value, ", \t")) {
    if (lower(part).starts_with("rlimit_")) part.remove_prefix(7);
    auto known = parse_word(part, kRlimitWords);
    if (!known) return fail(known.error());
  }
  return {};
}

}  // namespace

Result<std::uint16_t> parse_preempt_mode(std::string_view value) {
  static constexpr Word kModes[] = {
      {"OFF", kPreemptOff},         {"CLUSTER", kPreemptOff}, {"CANCEL", kPreemptCancel}, {"REQUEUE", kPreemptRequeue},
      {"SUSPEND", kPreemptSuspend}, {"ON", kPreemptSuspend},  {"GANG", kPreemptGang},     {"WITHIN", kPreemptWithin},
  };
  std::uint64_t mode = 0;
  int modes = 0;
  for (std::string_view part : split_list(value)) {
    FLURM_TRY(const std::uint64_t one, parse_word(part, kModes));
    mode |= one;
    modes += one != kPreemptGang && one != kPreemptWithin;
  }
  if (modes > 1 || mode == (kPreemptGang | kPreemptWithin))
    return fail(Errc::einval,
                "'{}' cannot be combined; allowed: one of OFF, CANCEL, REQUEUE, SUSPEND, with GANG or WITHIN", value);
  return static_cast<std::uint16_t>(mode);
}

Result<std::uint32_t> parse_node_state(std::string_view value) {
  static constexpr Word kStates[] = {
      {"UNKNOWN", kNodeUnknown},
      {"DOWN", kNodeDown},
      {"IDLE", kNodeIdle},
      {"ALLOCATED", kNodeAllocated},
      {"ERROR", kNodeError},
      {"MIXED", kNodeMixed},
      {"FUTURE", kNodeFuture},
      {"CLOUD", kNodeIdle | kNodeCloud | kNodePoweredDown},
      {"DRAIN", kNodeUnknown | kNodeDrain},
      {"DRAINED", kNodeUnknown | kNodeDrain},
      {"DRAINING", kNodeUnknown | kNodeDrain},
      {"FAIL", kNodeIdle | kNodeFail},
      {"FAILING", kNodeIdle | kNodeFail},
  };
  FLURM_TRY(const std::uint64_t state, parse_word(value, kStates));
  return static_cast<std::uint32_t>(state);
}

namespace special {

Result<void> accounting_enforce(std::string_view value, Config& out) {
  FLURM_TRY(const std::uint64_t flags, parse_flags(value, kAccountingEnforceWords));
  out.accounting_storage_enforce = static_cast<std::uint16_t>(flags);
  if ((flags & kEnforceWckeys) != 0) out.track_wckey = true;
  return {};
}

Result<void> accounting_tres(std::string_view value, Config& out) {
  out.accounting_storage_tres = std::string(value) + "," + Config{}.accounting_storage_tres;
  return {};
}

Result<void> accounting_store_flags(std::string_view value, Config& out) {
  FLURM_TRY(const std::uint64_t flags, parse_flags(value, kAccountingStoreWords));
  out.store_job_comment = (flags & 1) != 0;
  out.store_job_env = (flags & 2) != 0;
  out.store_job_script = (flags & 4) != 0;
  return {};
}

Result<void> bcast_exclude(std::string_view value, Config& out) {
  if (!same_word(value, "none"))
    for (std::string_view path : split_list(value))
      if (path[0] != '/')
        return fail(Errc::einval, "'{}' is not allowed; allowed: absolute paths, comma-separated, or none", path);
  out.bcast_exclude = value;
  return {};
}

Result<void> cpu_freq_def(std::string_view value, Config& out) {
  FLURM_TRY(const std::uint64_t governor, parse_word(value, std::span(kGovernors).first(5)));
  out.cpu_freq_def = static_cast<std::uint32_t>(governor);
  return {};
}

Result<void> cpu_freq_governors(std::string_view value, Config& out) {
  FLURM_TRY(const std::uint64_t governors, parse_flags(value, kGovernors));
  out.cpu_freq_govs = static_cast<std::uint32_t>(governors);
  return {};
}

Result<void> health_check_node_state(std::string_view value, Config& out) {
  FLURM_TRY(std::uint64_t states, parse_flags(value, kHealthCheckWords));
  if ((states & kHealthAny) == 0) states |= kHealthAny;  // CYCLE alone says how, not where
  out.health_check_node_state = static_cast<std::uint16_t>(states);
  return {};
}

Result<void> infiniband_type(std::string_view value, Config& out) {
  out.acct_gather_interconnect_type = value;
  if (auto at = value.find("infiniband"); at != value.npos)
    out.acct_gather_interconnect_type.replace(at, 10, "interconnect");
  return {};
}

Result<void> crypto_type(std::string_view value, Config& out) {
  out.cred_type = value;
  if (value.starts_with("crypto/")) out.cred_type.replace(0, 6, "cred");
  auto known = parse_word(out.cred_type, kCredTypes);
  if (!known) return fail(known.error());
  return {};
}

Result<void> job_requeue(std::string_view value, Config& out) {
  FLURM_TRY(const std::uint64_t number, parse_number(value, 0, 1));
  out.job_requeue = static_cast<std::uint16_t>(number);
  return {};
}

Result<void> log_time_format(std::string_view value, Config& out) {
  for (std::string_view part : split_list(value)) {
    if (same_word(part, "format_stderr")) continue;
    FLURM_TRY(const std::uint64_t format, parse_word(part, kLogFormatWords));
    out.log_fmt = static_cast<std::uint16_t>(format);
  }
  return {};
}

Result<void> mpi_default(std::string_view value, Config& out) {
  out.mpi_default = same_word(value, "openmpi") ? "none" : value;
  return {};
}

Result<void> preempt_mode(std::string_view value, Config& out) {
  FLURM_TRY(out.preempt_mode, parse_preempt_mode(value));
  if (out.preempt_mode == kPreemptSuspend) return fail(Errc::einval, "SUSPEND needs GANG too; allowed: SUSPEND,GANG");
  return {};
}

Result<void> priority_flags(std::string_view value, Config& out) {
  constexpr std::uint64_t kDepthOblivious = 0x8, kFairTree = 0x20;
  FLURM_TRY(std::uint64_t flags, parse_flags(value, kPriorityFlagWords));
  bool fair_tree = (flags & kDepthOblivious) == 0;
  for (std::string_view part : split_list(value)) fair_tree = fair_tree && !same_word(part, "NO_FAIR_TREE");
  out.priority_flags = static_cast<std::uint16_t>(fair_tree ? flags | kFairTree : flags & ~kFairTree);
  return {};
}

Result<void> rlimits(std::string_view value, Config& out) {
  out.propagate_rlimits = value;
  return check_rlimits(value);
}

Result<void> rlimits_except(std::string_view value, Config& out) {
  out.propagate_rlimits_except = value;
  return check_rlimits(value);
}

Result<void> select_type_param(std::string_view value, Config& out) {
  FLURM_TRY(const std::uint64_t flags, parse_flags(value, kSelectParamWords));
  int units = 0;
  for (std::string_view part : split_list(value)) {
    const std::uint64_t unit = parse_word(part, kSelectParamWords).value();
    units += (unit & (kCrCpu | kCrCore | kCrSocket | kCrMemory)) != 0;
  }
  if (units > 1)
    return fail(Errc::einval, "'{}' names more than one of CR_CPU, CR_Core, CR_Socket and CR_Memory", value);
  if ((flags & kCrCpu) != 0 && (flags & kCrOneTaskPerCore) != 0)
    return fail(Errc::einval, "CR_ONE_TASK_PER_CORE does not go with CR_CPU; allowed: with CR_Core or CR_Socket");
  out.select_type_param = static_cast<std::uint16_t>(flags);
  return {};
}

Result<void> slurmctld_port(std::string_view value, Config& out) {
  const auto dash = value.find('-');
  auto bad = [&] {
    return fail(Errc::einval, "'{}' is not allowed; allowed: a port from 1 to 65535, or first-last", value);
  };
  auto first = parse_number(value.substr(0, dash), 1, 65535);
  if (!first) return bad();
  std::uint64_t last = *first;
  if (dash != value.npos) {
    auto end = parse_number(value.substr(dash + 1), *first + 1, 65535);
    if (!end) return bad();
    last = *end;
  }
  out.slurmctld_port = static_cast<std::uint32_t>(*first);
  out.slurmctld_port_count = static_cast<std::uint16_t>(last - *first + 1);
  return {};
}

Result<void> srun_port_range(std::string_view value, Config& out) {
  const auto dash = value.find('-');
  auto first = parse_number(value.substr(0, dash), 1, 65534);
  auto last = dash == value.npos ? first : parse_number(value.substr(dash + 1), 2, 65535);
  if (!first || !last || *last <= *first)
    return fail(Errc::einval, "'{}' is not allowed; allowed: first-last, ports from 1 to 65535", value);
  out.srun_port_first = static_cast<std::uint16_t>(*first);
  out.srun_port_last = static_cast<std::uint16_t>(*last);
  return {};
}

Result<void> suspend_time(std::string_view value, Config& out) {
  FLURM_TRY(out.suspend_time, parse_suspend_time(value));
  return {};
}

Result<void> task_plugin_param(std::string_view value, Config& out) {
  static constexpr Word kParams[] = {
      {"none", 0x20},
      {"sockets", 0x8},
      {"cores", 0x4},
      {"threads", 0x2},
      {"verbose", 0x1},
      {"SlurmdOffSpec", 0x40000},
      {"OOMKillStep", 0},
      {"autobind=none", 0},
      {"autobind=threads", 0x4000},
      {"autobind=cores", 0x10000},
      {"autobind=sockets", 0x20000},
  };
  std::uint64_t flags = 0;
  int units = 0, autos = 0;
  for (std::string_view part : split_list(value)) {
    FLURM_TRY(const std::uint64_t flag, parse_word(part, kParams));
    flags |= flag;
    units += (flag & 0x2e) != 0;
    autos += lower(part).starts_with("autobind=");
  }
  if (units > 1 || autos > 1)
    return fail(Errc::einval,
                "'{}' binds twice; allowed: one of none, sockets, cores, threads, and one autobind=", value);
  out.task_plugin_param = static_cast<std::uint32_t>(flags);
  return {};
}

Result<void> node_state(std::string_view value, NodeDef& out) {
  FLURM_TRY(out.state, parse_node_state(value));
  return {};
}

Result<void> node_cpu_bind(std::string_view value, NodeDef& out) {
  FLURM_TRY(out.cpu_bind, parse_cpu_bind(value));
  return {};
}

Result<void> partition_over_subscribe(std::string_view value, PartitionDef& out) {
  const auto colon = value.find(':');
  const std::string_view word = value.substr(0, colon);
  auto bad = [&] {
    return fail(Errc::einval, "'{}' is not allowed; allowed: NO, EXCLUSIVE, YES, YES:n (n > 1), FORCE, FORCE:n", value);
  };
  std::uint64_t count = 4;
  const bool force = same_word(word, "FORCE");
  if (colon != value.npos) {
    auto number = parse_number(value.substr(colon + 1), force ? 1 : 2, kShareForce - 1);
    if (!number || !(force || same_word(word, "YES"))) return bad();
    count = *number;
  }
  if (force)
    out.max_share = static_cast<std::uint16_t>(count | kShareForce);
  else if (same_word(word, "YES"))
    out.max_share = static_cast<std::uint16_t>(count);
  else if (same_word(word, "NO"))
    out.max_share = 1;
  else if (same_word(word, "EXCLUSIVE"))
    out.max_share = 0;
  else
    return bad();
  return {};
}

Result<void> partition_over_time_limit(std::string_view value, PartitionDef& out) {
  FLURM_TRY(const std::uint64_t minutes, parse_number(value, 0, kNoVal16 - 1, kInfinite16));
  out.over_time_limit = static_cast<std::uint16_t>(minutes);
  return {};
}

Result<void> partition_preempt_mode(std::string_view value, PartitionDef& out) {
  FLURM_TRY(out.preempt_mode, parse_preempt_mode(value));
  return {};
}

Result<void> partition_priority(std::string_view value, PartitionDef& out) {
  FLURM_TRY(const std::uint64_t priority, parse_number(value, 0, kNoVal16 - 1));
  out.priority_job_factor = out.priority_tier = static_cast<std::uint16_t>(priority);
  return {};
}

Result<void> partition_select_param(std::string_view value, PartitionDef& out) {
  FLURM_TRY(const std::uint64_t param, parse_word(value, kSelectParamWords.subspan(2, 4)));  // CR_Core and CR_Socket
  out.select_param = static_cast<std::uint16_t>(param);
  return {};
}

Result<void> partition_state(std::string_view value, PartitionDef& out) {
  static constexpr Word kStates[] = {
      {"UP", kPartitionUp}, {"DOWN", kPartitionDown}, {"DRAIN", kPartitionDrain}, {"INACTIVE", kPartitionInactive}};
  FLURM_TRY(const std::uint64_t state, parse_word(value, kStates));
  out.state = static_cast<std::uint16_t>(state);
  return {};
}

Result<void> partition_suspend_time(std::string_view value, PartitionDef& out) {
  FLURM_TRY(out.suspend_time, parse_suspend_time(value));
  return {};
}

Result<void> partition_disable_root(std::string_view value, PartitionDef& out) {
  FLURM_TRY(out.disable_root_jobs, parse_bool(value));
  return {};
}

Result<void> partition_cpu_bind(std::string_view value, PartitionDef& out) {
  FLURM_TRY(out.cpu_bind, parse_cpu_bind(value));
  return {};
}

}  // namespace special
}  // namespace flurm::conf
