// ctld/mail.cpp — see mail.hpp.
#include "ctld/mail.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/spawn.hpp"

namespace flurm::ctld {
namespace {

constexpr int kMailPatienceMs = 30'000, kLookMs = 10;

std::string_view verb(std::uint16_t event) {
  switch (event) {
    case model::mail_bit::begin: return "Began";
    case model::mail_bit::end: return "Ended";
    case model::mail_bit::fail: return "Failed";
    case model::mail_bit::requeue: return "Requeued";
    default: return "Changed";
  }
}

std::string duration(std::int64_t seconds) {
  const std::int64_t days = seconds / 86400;
  const std::string clock = fmt::format("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
  return days ? fmt::format("{}-{}", days, clock) : clock;
}

std::string ending(const model::Job& job) {
  const auto base = model::job_state_name({job.state.base, 0});
  if (WIFEXITED(job.exit_code)) return fmt::format(", {}, ExitCode {}", base, WEXITSTATUS(job.exit_code));
  return fmt::format(", {}", base);
}

/// How the tasks of an array ended. Source: slurm 22.05 src/slurmctld/agent.c _set_job_term_info().
std::string ending_of_tasks(const model::Job& job) {
  const int least = static_cast<int>(job.array->least_status), worst = static_cast<int>(job.array->worst_status);
  const std::string requeued = job.array->task_requeued ? ", with requeued tasks" : "";
  if (WIFSIGNALED(worst)) return fmt::format(", Mixed, MaxSignal [{}]{}", WTERMSIG(worst), requeued);
  if (!WIFEXITED(least)) return fmt::format(", Mixed, MaxExitCode [{}]{}", WEXITSTATUS(worst), requeued);
  const bool mixed = WEXITSTATUS(least) == 0 && WEXITSTATUS(worst) > 0;
  return fmt::format(", {}, ExitCode [{}-{}]{}", mixed ? "Mixed" : model::job_state_name({job.state.base, 0}),
                     WEXITSTATUS(least), WEXITSTATUS(worst), requeued);
}

std::string mail_program(const conf::Config& config) {
  if (!config.mail_prog.empty()) return config.mail_prog;
  return access("/bin/mail", X_OK) == 0 ? "/bin/mail" : "/usr/bin/mail";
}

}  // namespace

std::string mail_subject(const model::Job& job, std::uint16_t event, TimeS now) {
  namespace bit = model::mail_bit;
  if (job.array && !(job.request->mail_type & bit::array_tasks)) {
    const bool ended = event == bit::end || event == bit::fail;
    return fmt::format("Slurm Array Summary Job_id={}_* ({}) Name={} {}{}", job.array->array_job.v, job.id.v,
                       job.request->name, verb(event), ended ? ending_of_tasks(job) : "");
  }
  const std::string name = job.array && job.array->task != kNoVal32
                               ? fmt::format("{}_{} ({})", job.array->array_job.v, job.array->task, job.id.v)
                               : fmt::format("{}", job.id.v);
  std::string out = fmt::format("Slurm {} Name={} {}",
                                job.array && job.array->task != kNoVal32 ? "Array Task Job_id=" + name : "Job_id=" + name,
                                job.request->name, verb(event));
  if (event == bit::begin) out += ", Queued time " + duration(job.start_time - job.submit_time);
  if (event == bit::end || event == bit::fail || event == bit::requeue) out += ", Run time " + duration(job.run_time(now));
  if (event == bit::end || event == bit::fail) out += ending(job);
  return out;
}

Result<void> run_and_wait(const exec::SpawnSpec& spec, int patience_ms) {
  FLURM_TRY(const pid_t pid, exec::spawn(spec));
  for (int waited_ms = 0; waitpid(pid, nullptr, WNOHANG) == 0; waited_ms += kLookMs) {
    if (waited_ms >= patience_ms) {
      kill(-pid, SIGKILL);  // it leads a session of its own
      waitpid(pid, nullptr, 0);
      return fail(Errc::timed_out, "{} did not end in {} s", spec.program, patience_ms / 1000);
    }
    usleep(kLookMs * 1000);
  }
  return {};
}

Result<void> mail_user(const conf::Config& config, const model::Job& job, std::uint16_t event, TimeS now) {
  std::string to = job.request->mail_user.empty() ? job.request->user_name : job.request->mail_user;
  if (!config.mail_domain.empty() && to.find('@') == to.npos) to += "@" + config.mail_domain;
  exec::SpawnSpec spec;
  spec.program = mail_program(config);
  spec.argv = {spec.program, "-s", mail_subject(job, event, now), to};
  spec.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "SLURM_JOB_ID=" + std::to_string(job.id.v),
              "SLURM_JOB_USER=" + job.request->user_name, "SLURM_CLUSTER_NAME=" + config.cluster_name};
  return run_and_wait(spec, kMailPatienceMs);
}

}  // namespace flurm::ctld
