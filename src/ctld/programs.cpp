// ctld/programs.cpp — programs that the leader runs for what happens: PrologSlurmctld, EpilogSlurmctld, triggers.
// The third part of effects.cpp.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "auth/users.hpp"
#include "base/hostlist.hpp"
#include "ctld/effects.hpp"
#include "ctld/translate/allocation.hpp"
#include "ctld/translate/cred.hpp"
#include "exec/environment.hpp"
#include "io/clock.hpp"
#include "io/timer.hpp"
#include "io/worker.hpp"

namespace flurm::ctld {
namespace {

using state::Effect;

/// A program that has ended is noticed after so long, at first and then.
constexpr std::uint64_t kLookFirstMs = 10, kLookMs = 200;
/// Where PrologEpilogTimeout sets no limit.
constexpr std::int64_t kForeverMs = std::int64_t{365} * 24 * 3600 * 1000;

void set_unless_empty(exec::Environment& env, std::string_view name, const std::string& value) {
  if (!value.empty()) env.set(name, value);
}

/// "4(x2),1"
std::string cpus_per_node(const model::Job& job) {
  std::vector<std::uint16_t> counts;
  std::vector<std::uint32_t> repetitions;
  run_length(usable_cpus(job), counts, repetitions);
  std::string out;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (!out.empty()) out += ',';
    out += std::to_string(counts[i]);
    if (repetitions[i] > 1) out += fmt::format("(x{})", repetitions[i]);
  }
  return out;
}

void add_het(exec::Environment& env, const state::ClusterState& state, const model::Job& job) {
  for (const char* word : {"PACK", "HET"}) {
    env.set(fmt::format("SLURM_{}_JOB_ID", word), std::to_string(job.het->leader().v));
    env.set(fmt::format("SLURM_{}_JOB_OFFSET", word), std::to_string(job.het->offset));
  }
  if (job.het->offset != 0) return;
  std::vector<std::string> nodes;
  for (JobId id : job.het->components) {
    const model::Job* component = state.job(id);
    if (!component || !component->allocation) continue;
    for (const model::NodeShare& share : component->allocation->shares)
      if (const model::Node* node = state.node(share.node)) nodes.push_back(node->config.name);
  }
  std::ranges::sort(nodes);
  const auto twice = std::ranges::unique(nodes);
  nodes.erase(twice.begin(), twice.end());
  const std::string list = compress_hosts_sorted(nodes);
  env.set("SLURM_PACK_JOB_NODELIST", list);
  env.set("SLURM_HET_JOB_NODELIST", list);
}

/// Source: slurm 22.05 src/slurmctld/job_mgr.c job_common_env_vars().
exec::Environment script_environment(const state::ClusterState& state, const model::Job& job, bool epilog,
                                     const std::string& group) {
  const model::JobRequest& r = *job.request;
  exec::Environment env;
  env.merge_harmless(job.payload->spank_environment);
  set_unless_empty(env, "SLURM_JOB_ACCOUNT", r.account);
  if (epilog) {
    const int status = static_cast<int>(job.exit_code);
    env.set("SLURM_JOB_DERIVED_EC", std::to_string(job.derived_exit_code));
    env.set("SLURM_JOB_EXIT_CODE2", fmt::format("{}:{}", WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                                                WIFSIGNALED(status) ? WTERMSIG(status) : 0));
    env.set("SLURM_JOB_EXIT_CODE", std::to_string(job.exit_code));
  }
  if (job.array && job.array->task != kNoVal32) {
    env.set("SLURM_ARRAY_JOB_ID", std::to_string(job.array->array_job.v));
    env.set("SLURM_ARRAY_TASK_ID", std::to_string(job.array->task));
    env.set("SLURM_ARRAY_TASK_COUNT", std::to_string(job.array->task_count));
    env.set("SLURM_ARRAY_TASK_MAX", std::to_string(job.array->task_max));
    env.set("SLURM_ARRAY_TASK_MIN", std::to_string(job.array->task_min));
    env.set("SLURM_ARRAY_TASK_STEP", std::to_string(job.array->task_step));
  }
  env.set("SLURM_CLUSTER_NAME", state.settings.cluster_name);
  set_unless_empty(env, "SLURM_JOB_COMMENT", r.comment);
  if (job.het) add_het(env, state, job);
  env.set("SLURM_JOB_GID", std::to_string(r.group_id));
  env.set("SLURM_JOB_GROUP", group);
  env.set("SLURM_JOBID", std::to_string(job.id.v));
  env.set("SLURM_JOB_ID", std::to_string(job.id.v));
  set_unless_empty(env, "SLURM_JOB_LICENSES", r.licenses);
  env.set("SLURM_JOB_NAME", r.name);
  if (job.allocation) {
    env.set("SLURM_JOB_NODELIST", job.allocation->nodes);
    env.set("SLURM_JOB_CPUS_PER_NODE", cpus_per_node(job));
    env.set("SLURM_JOB_NUM_NODES", std::to_string(job.allocation->shares.size()));
  }
  env.set("SLURM_JOB_PARTITION", job.partition);
  set_unless_empty(env, "SLURM_JOB_RESERVATION", job.reservation);
  env.set("SLURM_JOB_RESTART_COUNT", std::to_string(job.restart_count));
  env.set("SLURM_JOB_UID", std::to_string(r.user_id));
  env.set("SLURM_JOB_USER", r.user_name);
  set_unless_empty(env, "SLURM_WCKEY", r.wckey);
  set_unless_empty(env, "SLURM_JOB_CONSTRAINTS", r.features);
  set_unless_empty(env, "SLURM_JOB_STDERR", r.std_err);
  set_unless_empty(env, "SLURM_JOB_STDIN", r.std_in);
  set_unless_empty(env, "SLURM_JOB_STDOUT", r.std_out);
  set_unless_empty(env, "SLURM_JOB_WORK_DIR", r.work_dir);
  env.set("SLURM_SCRIPT_CONTEXT", epilog ? "epilog_slurmctld" : "prolog_slurmctld");
  return env;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    if (blank != 0) out.emplace_back(text.substr(0, blank));
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return out;
}

}  // namespace

io::Task<Result<int>> Effects::run_program(exec::SpawnSpec spec, std::int64_t patience_ms) {
  const std::uint64_t reign = reign_;
  const Result<pid_t> started = exec::spawn(spec);
  if (!started) co_return std::unexpected(started.error());
  auto waiting = program_ended(*started, patience_ms, reign);
  co_return co_await waiting;
}

io::Task<Result<int>> Effects::program_ended(pid_t pid, std::int64_t patience_ms, std::uint64_t reign) {
  const auto deadline = io::Deadline::in_ms(static_cast<std::uint64_t>(patience_ms));
  int status = 0;
  for (std::uint64_t look_ms = kLookFirstMs; waitpid(pid, &status, WNOHANG) == 0;
       look_ms = std::min(2 * look_ms, kLookMs)) {
    if (reign != reign_ || deadline.left_ms() == 0) {
      kill(-pid, SIGKILL);  // it leads a session of its own
      while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
      }
      co_return reign != reign_ ? fail(Errc::closed, "ended with our leadership")
                                : fail(Errc::timed_out, "took too long");
    }
    auto pause = rest(look_ms);
    co_await pause;
  }
  co_return status;
}

io::Task<> Effects::run_controller_script(Effect effect) {
  const bool epilog = effect.kind == Effect::Kind::controller_epilog;
  const std::uint64_t reign = reign_;
  const auto config = controller_.config;
  const std::string program = epilog ? config->epilog_slurmctld : config->prolog_slurmctld;
  const auto state = controller_.replica.snapshot();
  const auto job = state->jobs.get(effect.job.v);
  bool failed = false;
  if (job && job->restart_count == effect.restart_count && !program.empty()) {
    auto asking = io::on_worker(controller_.loop, [&users = controller_.users, gid = job->request->group_id] {
      return users.group_name(gid).value_or(std::to_string(gid));
    });
    const std::string group = co_await asking;
    exec::SpawnSpec spec;
    spec.program = program;
    spec.env = script_environment(*state, *job, epilog, group).entries();
    const std::int64_t patience_ms =
        config->prolog_epilog_timeout == kNoVal16 ? kForeverMs : std::int64_t{config->prolog_epilog_timeout} * 1000;
    auto running = run_program(std::move(spec), patience_ms);
    const Result<int> ended = co_await running;
    if (reign != reign_) co_return;  // the next leader runs it
    // One that was killed is no failure: with it ends what an administrator ends.
    failed = ended ? WIFEXITED(*ended) && WEXITSTATUS(*ended) != 0 : true;
    if (failed)
      log(Level::error, epilog ? "job.controller_epilog_failed" : "job.controller_prolog_failed",
          {{"job_id", effect.job.v},
           {"program", program},
           {"error", ended ? fmt::format("exit status {}", WEXITSTATUS(*ended)) : ended.error().text}});
  }
  auto report = propose(state::ControllerScriptEnded{.job = effect.job,
                                                     .restart_count = effect.restart_count,
                                                     .effect = effect.id,
                                                     .epilog = epilog,
                                                     .failed = failed});
  co_await report;
}

/// Its user is SlurmUser, as which we run; or any, where that is root.
io::Task<> Effects::run_trigger(Effect effect) {
  const std::uint64_t reign = reign_;
  // What two leaders run twice does harm: this one is done when it begins.
  auto done = propose(state::EffectsDone{.effects = {effect.id}});
  co_await done;
  if (reign != reign_) co_return;
  exec::SpawnSpec spec;
  spec.argv = words_of(effect.text);
  if (spec.argv.empty()) co_return;
  spec.program = spec.argv.front();
  spec.argv.front() = spec.program.substr(spec.program.rfind('/') + 1);
  if (!effect.host.empty()) spec.argv.push_back(effect.host);
  for (char** entry = environ; entry && *entry; ++entry) spec.env.emplace_back(*entry);
  Result<pid_t> pid = fail(Errc::error);
  if (geteuid() != 0 || effect.user_id == 0) {
    pid = exec::spawn(spec);
  } else {
    auto asking = io::on_worker(
        controller_.loop,
        [&users = controller_.users, uid = effect.user_id, gid = effect.group_id]() -> Result<exec::Identity> {
          FLURM_TRY(const auth::User user, users.by_uid(uid));
          FLURM_TRY(const std::vector<gid_t> groups, users.groups_of(user));
          return exec::Identity{.uid = uid, .gid = gid, .gids = {groups.begin(), groups.end()}, .name = user.name};
        });
    const Result<exec::Identity> user = co_await asking;
    pid = user ? exec::spawn_as(spec, *user) : Result<pid_t>(std::unexpected(user.error()));
  }
  if (!pid) {
    log(Level::error, "trigger.failed", {{"program", spec.program}, {"error", pid.error().text}});
    co_return;
  }
  log(Level::info, "trigger.run", {{"program", spec.program}, {"argument", effect.host}});
  auto waiting = program_ended(*pid, kForeverMs, reign);
  (void)co_await waiting;
}

}  // namespace flurm::ctld
