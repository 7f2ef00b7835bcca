// ctld/mail.cpp — see mail.hpp.
#include "ctld/mail.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/spawn.hpp"

namespace flurm::ctld {
namespace {

constexpr int kMailPatienceMs = 30'000, kMailLookMs = 10;
constexpr std::uint16_t kBegin = 1 << 0, kEnd = 1 << 1, kFail = 1 << 2, kRequeue = 1 << 3;

std::string_view verb(std::uint16_t event) {
  switch (event) {
    case kBegin: return "Began";
    case kEnd: return "Ended";
    case kFail: return "Failed";
    case kRequeue: return "Requeued";
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

std::string mail_program(const conf::Config& config) {
  if (!config.mail_prog.empty()) return config.mail_prog;
  return access("/bin/mail", X_OK) == 0 ? "/bin/mail" : "/usr/bin/mail";
}

}  // namespace

std::string mail_subject(const model::Job& job, std::uint16_t event, TimeS now) {
  const std::string name = job.array && job.array->task != kNoVal32
                               ? fmt::format("{}_{} ({})", job.array->array_job.v, job.array->task, job.id.v)
                               : fmt::format("{}", job.id.v);
  std::string out = fmt::format("Slurm {} Name={} {}",
                                job.array && job.array->task != kNoVal32 ? "Array Task Job_id=" + name : "Job_id=" + name,
                                job.request->name, verb(event));
  if (event == kBegin) out += ", Queued time " + duration(job.start_time - job.submit_time);
  if (event == kEnd || event == kFail || event == kRequeue) out += ", Run time " + duration(job.run_time(now));
  if (event == kEnd || event == kFail) out += ending(job);
  return out;
}

Result<void> mail_user(const conf::Config& config, const model::Job& job, std::uint16_t event, TimeS now) {
  std::string to = job.request->mail_user.empty() ? job.request->user_name : job.request->mail_user;
  if (!config.mail_domain.empty() && to.find('@') == to.npos) to += "@" + config.mail_domain;
  exec::SpawnSpec spec;
  spec.program = mail_program(config);
  spec.argv = {spec.program, "-s", mail_subject(job, event, now), to};
  spec.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "SLURM_JOB_ID=" + std::to_string(job.id.v),
              "SLURM_JOB_USER=" + job.request->user_name, "SLURM_CLUSTER_NAME=" + config.cluster_name};
  FLURM_TRY(const pid_t pid, exec::spawn(spec));
  for (int waited_ms = 0; waitpid(pid, nullptr, WNOHANG) == 0; waited_ms += kMailLookMs) {
    if (waited_ms >= kMailPatienceMs) {
      kill(-pid, SIGKILL);  // it leads a session of its own
      waitpid(pid, nullptr, 0);
      return fail(Errc::timed_out, "{} did not end in {} s", spec.program, kMailPatienceMs / 1000);
    }
    usleep(kMailLookMs * 1000);
  }
  return {};
}

}  // namespace flurm::ctld
