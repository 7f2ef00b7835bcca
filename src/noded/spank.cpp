// noded/spank.cpp — see spank.hpp.
#include "noded/spank.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "base/bitmap.hpp"
#include "base/log.hpp"
#include "exec/plugstack.hpp"
#include "exec/spawn.hpp"
#include "io/event.hpp"

namespace flurm::noded {
namespace {

constexpr std::uint32_t kSpankOption = 0x4400;  // slurm 22.05 common/plugstack.c OPT_TYPE_SPANK
constexpr int kStartMs = 60'000;
constexpr std::uint64_t kEndMs = 5'000;

std::string cores_text(const wire::Bits& all, const CoreRange& range) {
  Bitmap here(range.count);
  for (std::uint32_t i = 0; i < range.count; ++i)
    if (all.test(range.first + i)) here.set(i);
  return here.list();
}

exec::StepSpank common(const wire::Cred& cred, const NodeFacts& facts, const StepSettings& settings) {
  exec::StepSpank spank;
  spank.plugstack = settings.plugstack;
  spank.plugin_dir = settings.plugin_dir;
  spank.array_job_id = cred.step_id.job_id.v;
  if (const auto cores = node_cores(cred, facts.node_name)) {
    spank.job_cores = cores_text(cred.job_core_bitmap, *cores);
    spank.step_cores = cores_text(cred.step_core_bitmap, *cores);
  }
  spank.job_memory_mib = job_memory_mib(cred, facts.node_name);
  spank.step_memory_mib = step_memory_mib(cred, facts.node_name);
  return spank;
}

std::uint32_t number_in(const exec::Environment& env, std::string_view name, std::uint32_t otherwise) {
  const auto text = env.get(name);
  std::uint32_t value = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc{}) return otherwise;
  return value;
}

}  // namespace

bool has_spank_plugins(const StepSettings& settings) {
  std::vector<std::string> problems;
  const auto entries = exec::read_plugstack(settings.plugstack, problems);
  return !entries || !entries->empty();  // what cannot be read is for the plugins' program to complain about
}

std::string spank_program(const std::string& supervisor) {
  return supervisor.substr(0, supervisor.rfind('/') + 1) + "flurmspank";
}

exec::StepSpank spank_of(const wire::BatchJobLaunch& job, const exec::StepLaunch& plan, const NodeFacts& facts,
                         const StepSettings& settings) {
  exec::StepSpank spank = common(job.cred, facts, settings);
  spank.argv = plan.tasks.front().argv;
  spank.task_count = job.ntasks;
  spank.cpus = job.cpus_per_node.empty() ? std::uint16_t{0} : job.cpus_per_node.front();
  spank.cpus_per_task = spank.cpus;
  spank.array_job_id = job.array_job_id.v;
  spank.array_task_id = job.array_task_id;
  return spank;
}

exec::StepSpank spank_of(const wire::LaunchTasks& order, const NodeFacts& facts, const StepSettings& settings) {
  exec::StepSpank spank = common(order.cred, facts, settings);
  for (const wire::JobOption& option : order.options) {
    const std::size_t colon = option.option.find(':');
    if (option.type != kSpankOption || colon == std::string::npos) continue;
    spank.options.push_back(
        {.name = option.option.substr(0, colon), .plugin = option.option.substr(colon + 1), .value = option.optarg});
  }
  spank.argv = order.argv;
  spank.task_count = order.ntasks;
  spank.cpus = order.node_cpus;
  spank.cpus_per_task = order.cpus_per_task;
  const exec::Environment env(order.env);
  spank.array_job_id = number_in(env, "SLURM_ARRAY_JOB_ID", spank.array_job_id);
  spank.array_task_id = number_in(env, "SLURM_ARRAY_TASK_ID", kNoVal32);
  return spank;
}

exec::StepSpank spank_of_extern(const wire::Cred& cred, const NodeFacts& facts, const StepSettings& settings) {
  exec::StepSpank spank = common(cred, facts, settings);
  spank.task_count = cred.job_nhosts;
  return spank;
}

// --- beside the daemon --------------------------------------------------------------------------------------------

Result<SpankScripts> SpankHost::start(const std::string& program, const StepSettings& settings) {
  if (!has_spank_plugins(settings)) return SpankScripts{};
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0) return fail(Errc::node_setup_environment, "pipe");
  exec::Fd theirs(in[0]);
  alive_ = exec::Fd(in[1]);
  if (pipe2(out, O_CLOEXEC) != 0) return fail(Errc::node_setup_environment, "pipe");
  exec::Fd answer(out[0]);
  exec::Fd says(out[1]), log(fcntl(2, F_DUPFD_CLOEXEC, 3));
  FLURM_TRY(pid_, exec::spawn({.program = program,
                               .argv = {"flurmspank", "slurmd", settings.plugstack, settings.plugin_dir},
                               .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                               .stdin_fd = theirs.get(),
                               .stdout_fd = says.get(),
                               .stderr_fd = log.get()}));
  says.reset();
  std::string line;
  while (!line.ends_with('\n')) {
    pollfd waiting{answer.get(), POLLIN, 0};
    std::array<char, 256> buffer;
    if (poll(&waiting, 1, kStartMs) <= 0) break;
    const ssize_t n = read(answer.get(), buffer.data(), buffer.size());
    if (n <= 0) break;
    line.append(buffer.data(), static_cast<std::size_t>(n));
  }
  if (!line.ends_with('\n')) {
    kill(pid_, SIGKILL);
    return fail(exec::kPluginFailed, "SPANK plugins of {} did not start", settings.plugstack);
  }
  return SpankScripts{.prolog = line.find("prolog=1") != std::string::npos,
                      .epilog = line.find("epilog=1") != std::string::npos};
}

void SpankHost::watch(io::ChildWatch& children) {
  if (pid_ == 0) return;
  children.watch(pid_, [this](int status, const rusage&) {
    pid_ = 0;
    if (alive_) log(Level::error, "noded.spank_ended", {{"status", status}});
  });
}

io::Task<void> SpankHost::end(io::Loop& loop, io::ChildWatch& children) {
  alive_.reset();
  if (pid_ == 0) co_return;
  io::OneShot<int> exit(loop);
  children.watch(pid_, [exit](int status, const rusage&) { exit.set(status); });
  auto waiting = exit.wait(io::Deadline::in_ms(kEndMs));
  (void)co_await waiting;
}

}  // namespace flurm::noded
