// noded/step_plan.cpp — see step_plan.hpp.
#include "noded/step_plan.hpp"

#include <algorithm>
#include <charconv>

#include "base/hostlist.hpp"
#include "conf/lines.hpp"
#include "exec/output_pattern.hpp"
#include "exec/rlimits.hpp"
#include "fmt/format.h"

namespace flurm::noded {
namespace {

constexpr std::uint8_t kOpenModeAppend = 1, kOpenModeTruncate = 2;

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
  plan.stdin_path = job.std_in.empty() ? "/dev/null" : exec::expand_output_pattern(job.std_in, names);
  plan.stdout_path = exec::batch_output_path(job.std_out, names);
  plan.stderr_path = job.std_err.empty() ? plan.stdout_path : exec::expand_output_pattern(job.std_err, names);
  plan.append = job.open_mode == kOpenModeAppend || (job.open_mode != kOpenModeTruncate && config.job_file_append != 0);
}

}  // namespace

std::uint64_t job_memory_mib(const wire::Cred& cred, std::string_view node_name) {
  const auto hosts = expand_hosts(cred.job_hostlist);
  if (!hosts) return 0;
  std::uint64_t index = static_cast<std::uint64_t>(std::ranges::find(*hosts, node_name) - hosts->begin());
  if (index == hosts->size()) return 0;
  for (std::size_t i = 0; i < cred.job_mem_alloc.size() && i < cred.job_mem_alloc_rep_count.size(); ++i) {
    if (index < cred.job_mem_alloc_rep_count[i]) return cred.job_mem_alloc[i];
    index -= cred.job_mem_alloc_rep_count[i];
  }
  return 0;
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
  plan.node_name = facts.node_name;
  plan.directory = exec::job_directory(settings.spool_directory, job.job_id.v);
  plan.script = job.script;
  if (job.argv.size() > 1) plan.arguments.assign(job.argv.begin() + 1, job.argv.end());
  plan.work_dir = job.work_dir;
  exec::Environment env = batch_environment(job, plan.user, facts);
  plan_streams(plan, job, facts, env, config);
  if (const auto mask = env.get("SLURM_UMASK")) plan.umask = number<std::uint32_t>(*mask, 8).value_or(022) & 07777;
  env.unset("SLURM_UMASK");
  plan.nice = nice_of(env, config, settings.own_nice);
  plan.env = env.entries();
  plan.rlimit_mask = rlimit_mask(config.propagate_rlimits, config.propagate_rlimits_except);
  plan.memory_mib = job_memory_mib(job.cred, facts.node_name);
  plan.admin_prolog = config.task_prolog;
  plan.admin_epilog = config.task_epilog;
  plan.tracker = config.proctrack_type == "proctrack/cgroup" ? exec::TrackerKind::cgroup : exec::TrackerKind::session;
  plan.cgroup_root = settings.cgroup_root;
  plan.cgroup_path = fmt::format("flurm_{}/job_{}", facts.node_name, job.job_id.v);
  plan.limit_memory = settings.constrain_memory && config.task_plugin.find("task/cgroup") != std::string::npos;
  plan.kill_over_memory = conf::Config::has_option(config.job_acct_gather_params, "OverMemoryKill");
  const bool gathers = config.job_acct_gather_type != "jobacct_gather/none";
  if (gathers || plan.kill_over_memory) {
    plan.sample_interval_s = sample_interval_s(job.acctg_freq, config.job_acct_gather_freq);
  }
  plan.log_file = settings.log_file;
  return plan;
}

}  // namespace flurm::noded
