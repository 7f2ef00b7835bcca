// stepd/supervisor_usage.cpp — what a step and its tasks use.
#include <sys/resource.h>

#include <algorithm>
#include <map>

#include "exec/process_table.hpp"
#include "fmt/format.h"
#include "stepd/supervisor.hpp"

namespace flurm::stepd {

using exec::StepStage;

namespace {

std::uint64_t microseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(time.tv_usec);
}

}  // namespace

exec::StepUsage Supervisor::usage_now() {
  exec::StepUsage usage = peak_;
  rusage ended{};
  getrusage(RUSAGE_CHILDREN, &ended);
  usage.user_us = microseconds(ended.ru_utime);
  usage.system_us = microseconds(ended.ru_stime);
  usage.rss_max_bytes = std::max(usage.rss_max_bytes, static_cast<std::uint64_t>(ended.ru_maxrss) * 1024);
  if (stage_ != StepStage::ended && !everyone_gone_ && tracker_) {
    const exec::ResourceUsage living = tracker_->usage();
    usage.user_us += living.user_us;
    usage.system_us += living.system_us;
    usage.rss_total_bytes = living.rss_bytes;
    usage.rss_max_bytes = std::max(usage.rss_max_bytes, living.rss_bytes);
    usage.virtual_max_bytes = std::max(usage.virtual_max_bytes, living.virtual_bytes);
  }
  return usage;
}

/// What each living task uses, with the processes below it. Those that left it for a session of their own count for
/// none.
void Supervisor::measure_tasks() {
  std::map<pid_t, exec::ProcessInfo> processes;
  for (const exec::ProcessInfo& info : exec::descendants(getpid())) processes[info.pid] = info;
  std::map<pid_t, exec::StepUsage> used;
  const std::uint64_t tick_us = 1'000'000 / exec::ticks_per_second();
  for (const auto& [pid, info] : processes) {
    pid_t top = pid;
    for (auto above = processes.find(info.parent); above != processes.end();
         above = processes.find(above->second.parent))
      top = above->first;
    exec::StepUsage& usage = used[top];
    usage.user_us += info.user_ticks * tick_us;
    usage.system_us += info.system_ticks * tick_us;
    usage.rss_total_bytes += info.rss_bytes;
    usage.virtual_total_bytes += info.virtual_bytes;
    usage.major_faults += info.major_faults;
    const exec::ProcessIo io = exec::process_io(pid);
    usage.read_bytes += io.read_bytes;
    usage.written_bytes += io.written_bytes;
  }
  for (Task& task : tasks_) {
    const auto now = used.find(task.pid);
    if (task.pid == 0 || now == used.end()) continue;
    exec::StepUsage& usage = task.state.usage;
    usage.user_us = now->second.user_us;
    usage.system_us = now->second.system_us;
    usage.rss_total_bytes = now->second.rss_total_bytes;
    usage.rss_max_bytes = std::max(usage.rss_max_bytes, now->second.rss_total_bytes);
    usage.virtual_total_bytes = now->second.virtual_total_bytes;
    usage.virtual_max_bytes = std::max(usage.virtual_max_bytes, usage.virtual_total_bytes);
    usage.major_faults = std::max(usage.major_faults, now->second.major_faults);
    usage.read_bytes = std::max(usage.read_bytes, now->second.read_bytes);
    usage.written_bytes = std::max(usage.written_bytes, now->second.written_bytes);
    note_frequency(task, processes[task.pid].cpu);
  }
}

/// A task that has ended, while the kernel still has it: the last chance to see what it read and wrote.
void Supervisor::measure_zombie(Task& task) {
  exec::StepUsage& usage = task.state.usage;
  const exec::ProcessIo io = exec::process_io(task.pid);
  usage.read_bytes = std::max(usage.read_bytes, io.read_bytes);
  usage.written_bytes = std::max(usage.written_bytes, io.written_bytes);
  if (const auto info = exec::process_info(task.pid)) task.last_cpu = info->cpu;
}

/// used: of a task, and what it waited for.
void Supervisor::measure_ended(Task& task, const rusage& used) {
  exec::StepUsage& usage = task.state.usage;
  usage.user_us = microseconds(used.ru_utime);
  usage.system_us = microseconds(used.ru_stime);
  usage.rss_max_bytes = std::max(usage.rss_max_bytes, static_cast<std::uint64_t>(used.ru_maxrss) * 1024);
  usage.major_faults = std::max(usage.major_faults, static_cast<std::uint64_t>(used.ru_majflt));
  note_frequency(task, task.last_cpu);
}

/// The present frequency of its CPU counts for the time it ran since the last look.
void Supervisor::note_frequency(Task& task, unsigned cpu) {
  exec::StepUsage& usage = task.state.usage;
  const std::uint64_t now_us = usage.user_us + usage.system_us, known_us = task.clocked_us;
  const std::uint32_t frequency = exec::cpu_frequency(cpu);
  task.clocked_us = std::max(now_us, known_us);
  task.cycles += static_cast<double>(task.clocked_us - known_us) * frequency;
  usage.cpu_frequency =
      task.clocked_us == 0 ? frequency : static_cast<std::uint32_t>(task.cycles / static_cast<double>(task.clocked_us));
}

void Supervisor::sample() {
  peak_ = usage_now();
  measure_tasks();
  const std::uint64_t limit = launch_.memory_mib << 20;
  if (!launch_.kill_over_memory || limit == 0 || peak_.rss_total_bytes <= limit || over_memory_) return;
  over_memory_ = true;
  tell_user(fmt::format("StepId={} exceeded memory limit ({} > {}), being killed", step_text(), peak_.rss_total_bytes,
                        limit));
  tell_user("Exceeded job memory limit");
  announced_ = true;
  begin_termination(0);
}

}  // namespace flurm::stepd
