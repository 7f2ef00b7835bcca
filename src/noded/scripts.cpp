// noded/scripts.cpp — see scripts.hpp.
#include "noded/scripts.hpp"

#include <signal.h>

#include "base/log.hpp"
#include "exec/spawn.hpp"
#include "io/event.hpp"

namespace flurm::noded {
namespace {

constexpr std::uint64_t kKilledWaitMs = 5000;  // a process that SIGKILL does not end is stuck in the kernel

io::Task<bool> exited(io::OneShot<int> exit, std::uint64_t timeout_ms, int* status) {
  auto waiting = exit.wait(timeout_ms == 0 ? io::Deadline::never() : io::Deadline::in_ms(timeout_ms));
  auto result = co_await waiting;
  if (result) *status = *result;
  co_return result.has_value();
}

}  // namespace

io::Task<ScriptResult> run_script(io::Loop& loop, io::ChildWatch& children, ScriptCall call) {
  ScriptResult result;
  auto started = exec::start_script({.program = call.program, .argv = call.argv, .env = call.env.entries()});
  if (!started) {
    log(Level::error, "noded.script_failed", {{"kind", call.kind}, {"error", started.error().text}});
    result.wait_status = 127 << 8;
    co_return result;
  }
  io::OneShot<int> exit(loop);
  children.watch(started->pid, [exit](int status, const rusage&) { exit.set(status); });
  auto first = exited(exit, call.timeout_ms, &result.wait_status);
  if (bool done = co_await first; !done) {
    result.timed_out = true;
    result.wait_status = SIGKILL;
    kill(-started->pid, SIGKILL);
    io::OneShot<int> again(loop);
    children.watch(started->pid, [again](int status, const rusage&) { again.set(status); });
    auto second = exited(again, kKilledWaitMs, &result.wait_status);
    (void)co_await second;
  }
  result.output = exec::script_output(started->output, call.output_max);
  if (result.wait_status != 0) {
    log(Level::error, "noded.script_failed",
        {{"kind", call.kind},
         {"program", call.program},
         {"status", result.wait_status},
         {"timed_out", result.timed_out},
         {"output", result.output}});
  }
  co_return result;
}

io::Task<int> run_scripts(io::Loop& loop, io::ChildWatch& children, std::string pattern, ScriptCall call) {
  int status = 0;
  for (const std::string& program : exec::matching_paths(pattern)) {
    ScriptCall one = call;
    one.program = program;
    auto running = run_script(loop, children, std::move(one));
    const ScriptResult result = co_await running;
    if (result.wait_status != 0) status = result.wait_status;
  }
  co_return status;
}

}  // namespace flurm::noded
