// noded/step_plan.cpp — see step_plan.hpp.
#include "noded/step_plan.hpp"

#include <algorithm>
#include <charconv>
#include <span>

#include "base/hostlist.hpp"
#include "conf/lines.hpp"
#include "conf/values.hpp"
#include "exec/output_pattern.hpp"
#include "exec/rlimits.hpp"
#include "fmt/format.h"
#include "noded/multi_prog.hpp"
#include "noded/spank.hpp"
#include "noded/step_reports.hpp"
#include "wire/versions.hpp"

namespace flurm::noded {
namespace {

constexpr std::uint8_t kOpenModeAppend = 1, kOpenModeTruncate = 2;
// slurm 22.05 common/slurm_mpi.h; PMIx has a number for each version of its library that srun was built with.
constexpr std::uint32_t kMpiPmi2 = 102, kMpiPmixFirst = 104, kMpiPmixLast = 107;

template <class T>
std::optional<T> number(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int32_t> nice_of(exec::Environment& env, const conf::Config& config, int own_nice) {
  if (config.propagate_prio_process == 0) return std::nullopt;
  std::int32_t nice = 0;
  if (const auto text = env.get("SLURM_PRIO_PROCESS")) nice = number<std::int32_t>(*text).value_or(0);
  env.unset("SLURM_PRIO_PROCESS");
  constexpr std::uint16_t kNicer = 2;
  return config.propagate_prio_process == kNicer ? std::max(nice, own_nice + 1) : nice;
}

bool appends(std::uint8_t open_mode, const conf::Config& config) {
  return open_mode == kOpenModeAppend || (open_mode != kOpenModeTruncate && config.job_file_append != 0);
}

void plan_streams(exec::StepLaunch& plan, const wire::BatchJobLaunch& job, const NodeFacts& facts,
                  const exec::Environment& env, const conf::Config& config) {
  exec::OutputNames names;
  names.job_id = job.job_id.v;
  names.array_job_id = job.array_job_id.v;
  names.array_task_id = job.array_task_id;
  names.host = facts.host_name;
  names.user = plan.user.name;
  names.job_name = env.get("SLURM_JOB_NAME").value_or("");
  names.work_dir = plan.work_dir;
  exec::TaskLaunch& task = plan.tasks.front();
  task.in.path = job.std_in.empty() ? "/dev/null" : exec::expand_output_pattern(job.std_in, names);
  task.out.path = exec::batch_output_path(job.std_out, names);
  task.err.path = job.std_err.empty() ? task.out.path : exec::expand_output_pattern(job.std_err, names);
  plan.append = appends(job.open_mode, config);
}

}  // namespace

std::string job_cgroup(const NodeFacts& facts, std::uint32_t job_id) {
  return fmt::format("flurm_{}_{}/job_{}", facts.cluster_name, facts.node_name, job_id);
}

namespace {

/// What every kind of step takes from the configuration.
void plan_common(exec::StepLaunch& plan, std::uint32_t job_id, const NodeFacts& facts, const StepSettings& settings,
                 const conf::Config& config, std::string_view gather_frequency, std::uint32_t profile) {
  plan.node_name = facts.node_name;
  plan.directory = exec::job_directory(settings.spool_directory, job_id);
  plan.rlimit_mask = rlimit_mask(config.propagate_rlimits, config.propagate_rlimits_except);
  plan.admin_prolog = config.task_prolog;
  plan.admin_epilog = config.task_epilog;
  plan.tracker = config.proctrack_type == "proctrack/cgroup" ? exec::TrackerKind::cgroup : exec::TrackerKind::session;
  plan.cgroup_root = settings.cgroup_root;
  plan.cgroup_path = job_cgroup(facts, job_id);
  plan.limit_memory = settings.constrain_memory && config.task_plugin.find("task/cgroup") != std::string::npos;
  plan.kill_over_memory = conf::Config::has_option(config.job_acct_gather_params, "OverMemoryKill");
  const bool gathers = config.job_acct_gather_type != "jobacct_gather/none";
  if (gathers || plan.kill_over_memory) {
    plan.sample_interval_s = sample_interval_s(gather_frequency, config.job_acct_gather_freq);
  }
  if (settings.influx && gathers) {
    if (profile == 0) profile = settings.influx->profile;
    if (profile != conf::kProfileNone && profile & conf::kProfileTask) plan.profile_interval_s = plan.sample_interval_s;
  }
  plan.log_file = settings.log_file;
  if (const conf::JobContainerConf& own = settings.job_container; !own.base_path.empty())
    plan.space = exec::StepSpace{
        .base = own.base_path,
        .make_base = own.auto_base_path,
        .shared = own.shared,
        .directories = own.directories,
        .init_script = own.init_script,
        .init_env = {fmt::format("SLURM_JOB_ID={}", job_id), fmt::format("SLURM_CONF={}", facts.slurm_conf),
                     fmt::format("SLURMD_NODENAME={}", facts.node_name)}};
}

/// What the submitting shell sent along in the environment, out of which it is taken.
void take_shell_settings(exec::StepLaunch& plan, exec::Environment& env, const StepSettings& settings,
                         const conf::Config& config) {
  if (const auto mask = env.get("SLURM_UMASK")) plan.umask = number<std::uint32_t>(*mask, 8).value_or(022) & 07777;
  if (plan.key.step_id == kBatchStep) env.unset("SLURM_UMASK");
  plan.nice = nice_of(env, config, settings.own_nice);
}

/// Where a stream of a task leads, from what srun was asked for: nothing, one task's number, or a file's name.
/// (slurm 22.05 slurmstepd_job.c, _expand_stdio_filename)
exec::TaskStream stream_of(const std::string& wanted, const exec::OutputNames& names, const wire::LaunchTasks& order) {
  using exec::StreamKind;
  if (wanted.empty()) return {StreamKind::clients, {}};
  if (std::ranges::all_of(wanted, [](char c) { return c >= '0' && c <= '9'; })) {
    const auto only = number<std::uint32_t>(wanted);
    if (!only || *only >= order.ntasks || *only == names.task_id) return {StreamKind::clients, {}};
    return {StreamKind::file, "/dev/null"};
  }
  return {StreamKind::file, exec::expand_output_pattern(wanted, names)};
}

/// What slurmstepd says first to whom it says more than errors (srun --slurmd-debug). srun counts levels from that of
/// errors until 22.05, from zero since. (slurm 22.05 slurmstepd/mgr.c, _slurmd_job_log_init; 23.02 api/step_launch.c)
std::string opening_line(const wire::LaunchTasks& order, const conf::Config& config, std::uint16_t version) {
  constexpr std::size_t kFatal = 1, kError = 2, kVerbose = 4, kMost = 7;  // debug3
  const std::size_t level = std::min(order.slurmd_debug + (version < wire::v23_02 ? kError : 0), kMost);
  if (level < kVerbose) return {};
  const std::size_t syslog = config.slurmd_syslog_debug > kMost ? kFatal : config.slurmd_syslog_debug;
  return fmt::format("slurmstepd: debug levels are stderr='{}', logfile='{}', syslog='{}'", conf::log_level_word(level),
                     conf::log_level_word(std::min<std::size_t>(config.slurmd_debug, kMost)),
                     conf::log_level_word(syslog));
}

/// Of what srun's plugin mpi/pmix put into the environment only its port is needed; the rest the order says too.
exec::StepPmix pmix_of(const wire::LaunchTasks& order, const exec::Environment& env) {
  exec::StepPmix pmix;
  pmix.text = fmt::format("{}.{}", order.step_id.job_id.v, order.step_id.step_id);
  pmix.abort_port = number<std::uint16_t>(env.get("SLURM_PMIXP_ABORT_AGENT_PORT").value_or("")).value_or(0);
  const auto names = expand_hosts(order.complete_nodelist);
  for (std::size_t i = 0; names && i < std::min(names->size(), order.tasks.size()); ++i)
    pmix.nodes.push_back({.name = (*names)[i], .tasks = order.tasks[i].global_task_ids});
  return pmix;
}

/// What srun's plugin mpi/pmi2 put into the environment for the supervisors, out of which it is taken.
exec::StepPmi take_pmi(const wire::LaunchTasks& order, const StepPlace& place, exec::Environment& env) {
  const auto text = [&](const char* name) { return std::string(env.get(name).value_or("")); };
  exec::StepPmi pmi;
  pmi.srun_port = number<std::uint16_t>(text("SLURM_PMI2_SRUN_PORT")).value_or(0);
  pmi.node_id = place.node_rank + (order.het_job_node_offset == kNoVal32 ? 0 : order.het_job_node_offset);
  pmi.task_count = order.het_job_tid_offsets && order.het_job_offset != kNoVal32
                       ? static_cast<std::uint32_t>(order.het_job_tid_offsets->size())
                       : order.ntasks;
  pmi.job_text = text("SLURM_PMI2_PMI_JOBID");
  if (pmi.job_text.empty()) pmi.job_text = fmt::format("{}.{}", order.step_id.job_id.v, order.step_id.step_id);
  pmi.process_mapping = text("SLURM_PMI2_PROC_MAPPING");
  pmi.reserved_ports = text("SLURM_STEP_RESV_PORTS");
  for (const char* name :
       {"SLURM_PMI2_SRUN_PORT", "SLURM_PMI2_PMI_JOBID", "SLURM_PMI2_PROC_MAPPING", "SLURM_PMI2_STEP_NODES"})
    env.unset(name);
  return pmi;
}

std::optional<exec::StepTerminal> terminal_of(const wire::LaunchTasks& order, const exec::Environment& env) {
  if (!(order.flags & wire::launch_pty)) return std::nullopt;
  const auto read = [&](const char* name) {
    const auto text = env.get(name);
    return text ? number<std::uint16_t>(*text).value_or(0) : std::uint16_t{0};
  };
  return exec::StepTerminal{
      .port = read("SLURM_PTY_PORT"), .rows = read("SLURM_PTY_WIN_ROW"), .columns = read("SLURM_PTY_WIN_COL")};
}

/// The entry of `host` in a list of values with repetitions over `hosts`; 0 where there is none.
std::uint64_t value_of_host(std::string_view hosts, std::string_view host, const std::vector<std::uint64_t>& values,
                            const std::vector<std::uint32_t>& repetitions) {
  const auto names = expand_hosts(hosts);
  if (!names) return 0;
  auto index = static_cast<std::uint64_t>(std::ranges::find(*names, host) - names->begin());
  if (index == names->size()) return 0;
  for (std::size_t i = 0; i < values.size() && i < repetitions.size(); ++i) {
    if (index < repetitions[i]) return values[i];
    index -= repetitions[i];
  }
  return 0;
}

}  // namespace

std::uint64_t job_memory_mib(const wire::Cred& cred, std::string_view node_name) {
  return value_of_host(cred.job_hostlist, node_name, cred.job_mem_alloc, cred.job_mem_alloc_rep_count);
}

std::uint64_t step_memory_mib(const wire::Cred& cred, std::string_view node_name) {
  const std::uint64_t mib =
      value_of_host(cred.step_hostlist, node_name, cred.step_mem_alloc, cred.step_mem_alloc_rep_count);
  return mib != 0 ? mib : job_memory_mib(cred, node_name);
}

Result<CoreRange> node_cores(const wire::Cred& cred, std::string_view node_name) {
  const auto hosts = expand_hosts(cred.job_hostlist);
  if (!hosts) return fail(Errc::node_invalid_job_credential, "nodes {}", cred.job_hostlist);
  auto index = static_cast<std::uint64_t>(std::ranges::find(*hosts, node_name) - hosts->begin());
  std::uint64_t first = 0;
  for (std::size_t i = 0; index < hosts->size() && i < cred.sock_core_rep_count.size() &&
                          i < cred.sockets_per_node.size() && i < cred.cores_per_socket.size();
       ++i) {
    const std::uint32_t of_node = std::uint32_t{cred.sockets_per_node[i]} * cred.cores_per_socket[i];
    if (index < cred.sock_core_rep_count[i]) {
      first += index * of_node;
      if (first + of_node > cred.job_core_bitmap.size() || of_node == 0) break;
      return CoreRange{.first = static_cast<std::uint32_t>(first),
                       .count = of_node,
                       .sockets = cred.sockets_per_node[i],
                       .cores_per_socket = cred.cores_per_socket[i]};
    }
    index -= cred.sock_core_rep_count[i];
    first += std::uint64_t{cred.sock_core_rep_count[i]} * of_node;
  }
  return fail(Errc::node_invalid_job_credential, "no cores for {} in it", node_name);
}

std::uint32_t step_cpus(const wire::Cred& cred, const CoreRange& cores, std::uint32_t node_cpus) {
  std::uint32_t cpus = 0;
  for (std::uint32_t i = 0; i < cores.count; ++i) cpus += cred.step_core_bitmap.test(cores.first + i);
  return std::max(cpus, 1u) * std::max(node_cpus / cores.count, 1u);
}

std::uint32_t rlimit_mask(std::string_view propagate, std::string_view except) {
  const auto bits = [](std::string_view list) {
    std::uint32_t mask = 0;
    for (const std::string_view name : conf::split_list(list)) {
      if (conf::same_word(name, "ALL")) return exec::kAllRlimits;
      std::string upper(name);
      std::ranges::transform(upper, upper.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
      mask |= exec::rlimit_bit(upper);
    }
    return mask;
  };
  if (!except.empty()) return ~bits(except);
  return bits(propagate);
}

std::uint32_t sample_interval_s(std::string_view of_job, std::string_view of_cluster) {
  for (const std::string_view list : {of_job, of_cluster}) {
    for (std::string_view item : conf::split_list(list)) {
      if (item.starts_with("task=")) item.remove_prefix(5);
      if (const auto seconds = number<std::uint32_t>(item)) return *seconds;
    }
  }
  return 30;
}

exec::StepLaunch plan_batch_step(const wire::BatchJobLaunch& job, exec::Identity user, const NodeFacts& facts,
                                 const StepSettings& settings, const conf::Config& config) {
  exec::StepLaunch plan;
  plan.key = {.job_id = job.job_id.v, .step_id = kBatchStep, .restart_count = job.restart_cnt};
  plan.user = std::move(user);
  plan_common(plan, job.job_id.v, facts, settings, config, job.acctg_freq, job.profile);
  plan.script = job.script;
  exec::TaskLaunch& task = plan.tasks.emplace_back();
  task.argv = {fmt::format("{}/{}", plan.directory, exec::kScriptName)};
  if (job.argv.size() > 1) task.argv.insert(task.argv.end(), job.argv.begin() + 1, job.argv.end());
  plan.work_dir = job.work_dir;
  exec::Environment env = batch_environment(job, plan.user, facts);
  plan_streams(plan, job, facts, env, config);
  take_shell_settings(plan, env, settings, config);
  plan.env = env.entries();
  plan.memory_mib = job_memory_mib(job.cred, facts.node_name);
  plan.spank = spank_of(job, plan, facts, settings);
  return plan;
}

Result<exec::StepLaunch> plan_task_step(const wire::LaunchTasks& order, exec::Identity user, const NodeFacts& facts,
                                        const StepSettings& settings, const conf::Config& config,
                                        const StepPlace& place, std::uint16_t version) {
  if (place.node_rank >= order.tasks.size()) return fail(Errc::einval, "node rank {}", place.node_rank);
  const std::uint32_t job_id = order.step_id.job_id.v;
  exec::StepLaunch plan;
  plan.key = {.job_id = job_id,
              .step_id = order.step_id.step_id,
              .restart_count = order.cred.job_restart_cnt,
              .het_component = order.step_id.step_het_comp};
  plan.user = std::move(user);
  plan_common(plan, job_id, facts, settings, config, order.acctg_freq, order.profile);
  plan.user_prolog = order.task_prolog;
  plan.user_epilog = order.task_epilog;
  plan.work_dir = order.cwd;
  plan.append = appends(order.open_mode, config);
  plan.memory_mib = step_memory_mib(order.cred, facts.node_name);
  plan.job_memory_mib = job_memory_mib(order.cred, facts.node_name);
  plan.node_rank = place.node_rank;
  plan.node_count = static_cast<std::uint32_t>(order.tasks.size());
  plan.node_above = node_above(order.complete_nodelist, place.node_rank);
  plan.line_buffered = order.flags & wire::launch_buffered_io;
  plan.for_debugger = order.flags & wire::launch_parallel_debug;
  plan.label_offset = order.het_job_task_offset == kNoVal32 ? 0 : order.het_job_task_offset;
  plan.client = exec::StepClient{
      .host = place.client_host,
      .io_port = order.io_port.empty() ? std::uint16_t{0} : order.io_port[place.node_rank % order.io_port.size()],
      .message_port = place.message_port,
      .version = version,
      .io_key = order.cred.signature};

  exec::Environment env = step_environment(order, plan.user, facts, place);
  if (order.mpi_plugin_id == kMpiPmi2 && order.step_id.step_id != kInteractiveStep)
    plan.pmi = take_pmi(order, place, env);
  if (order.mpi_plugin_id >= kMpiPmixFirst && order.mpi_plugin_id <= kMpiPmixLast &&
      order.step_id.step_id != kInteractiveStep)
    plan.pmix = pmix_of(order, env);
  plan.opening = opening_line(order, config, version);
  plan.terminal = terminal_of(order, env);
  plan.spank = spank_of(order, facts, settings);
  take_shell_settings(plan, env, settings, config);
  plan.env = env.entries();

  exec::OutputNames names;
  names.job_id = names.array_job_id = job_id;
  names.array_task_id = kNoVal32;
  names.step_id = order.step_id.step_id;
  names.node_index = place.node_rank;
  names.host = facts.host_name;
  names.user = plan.user.name;
  names.job_name = env.get("SLURM_JOB_NAME").value_or("");
  names.work_dir = plan.work_dir;
  for (const std::uint32_t global_id : order.tasks[place.node_rank].global_task_ids) {
    const auto local_id = static_cast<std::uint32_t>(plan.tasks.size());
    exec::TaskLaunch& task = plan.tasks.emplace_back();
    task.global_id = global_id;
    task.env = task_environment(order, place, local_id);
    if (plan.pmi) {
      task.env.push_back("PMI_JOBID=" + plan.pmi->job_text);
      task.env.push_back(fmt::format("PMI_RANK={}", global_id + plan.label_offset));
      task.env.push_back(fmt::format("PMI_SIZE={}", plan.pmi->task_count));
    }
    names.task_id = global_id;
    task.in = stream_of(order.ifname, names, order);
    task.out = stream_of(order.ofname, names, order);
    task.err = stream_of(order.efname, names, order);
    for (exec::TaskStream* stream : {&task.out, &task.err}) {
      const bool labels = (order.flags & wire::launch_label_io) && stream->kind == exec::StreamKind::file;
      if (labels && stream->path != "/dev/null") stream->kind = exec::StreamKind::labelled;
    }
    task.argv = order.argv;
    if (order.flags & wire::launch_multi_prog) {
      if (order.argv.size() < 2) return fail(Errc::einval, "no --multi-prog configuration");
      FLURM_TRY(task.argv, multi_prog_command(order.argv[1], global_id, std::span(order.argv).subspan(2)));
    }
  }
  return plan;
}

exec::StepLaunch plan_extern_step(const wire::Cred& cred, exec::Identity user, const NodeFacts& facts,
                                  const StepSettings& settings, const conf::Config& config) {
  const std::uint32_t job_id = cred.step_id.job_id.v;
  exec::StepLaunch plan;
  plan.key = {.job_id = job_id, .step_id = kExternStep, .restart_count = cred.job_restart_cnt};
  plan.user = std::move(user);
  plan_common(plan, job_id, facts, settings, config, {}, conf::kProfileNone);
  plan.admin_prolog.clear();
  plan.admin_epilog.clear();
  plan.work_dir = "/";
  plan.env = {"PATH=/usr/bin:/bin", fmt::format("SLURM_JOB_ID={}", job_id)};
  plan.memory_mib = job_memory_mib(cred, facts.node_name);
  const auto hosts = expand_hosts(cred.job_hostlist);
  if (hosts) {
    plan.node_count = static_cast<std::uint32_t>(hosts->size());
    plan.node_rank = static_cast<std::uint32_t>(std::ranges::find(*hosts, facts.node_name) - hosts->begin());
    plan.node_above = node_above(cred.job_hostlist, plan.node_rank);
  }
  plan.spank = spank_of_extern(cred, facts, settings);
  exec::TaskLaunch& task = plan.tasks.emplace_back();
  task.global_id = plan.node_rank;
  task.argv = {"sleep", "infinity"};  // it ends when somebody ends the step
  task.in.path = task.out.path = task.err.path = "/dev/null";
  return plan;
}

}  // namespace flurm::noded
