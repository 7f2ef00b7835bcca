// exec/session_tracker.cpp — see session_tracker.hpp.
#include "exec/session_tracker.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "exec/process_table.hpp"

namespace flurm::exec {

std::vector<ProcessInfo> SessionTracker::processes() {
  std::vector<ProcessInfo> found = descendants(getpid());
  std::erase_if(found, [&](const ProcessInfo& info) {
    return left_out_ != 0 && (info.pid == left_out_ || info.parent == left_out_);
  });
  for (const Adopted& adopted : adopted_) {
    const auto info = process_info(adopted.pid);
    if (!info || info->start_ticks != adopted.start_ticks || info->state == 'Z') continue;
    found.push_back(*info);
    std::ranges::move(descendants(adopted.pid), std::back_inserter(found));
  }
  return found;
}

Result<void> SessionTracker::adopt(pid_t pid) {
  const auto info = process_info(pid);
  if (!info) return fail(Errc::io, "no process {}", pid);
  adopted_.push_back({.pid = pid, .start_ticks = info->start_ticks});
  return {};
}

std::vector<pid_t> SessionTracker::pids() {
  std::vector<pid_t> pids;
  for (const ProcessInfo& info : processes()) pids.push_back(info.pid);
  return pids;
}

int SessionTracker::signal(int signal) {
  int sent = 0;
  for (const pid_t pid : pids()) sent += ::kill(pid, signal) == 0;
  return sent;
}

void SessionTracker::kill_all() {
  // Stopped processes cannot fork, so a second look after stopping the first lot finds what a fork bomb made
  // meanwhile; SIGKILL ends stopped processes too.
  signal(SIGSTOP);
  signal(SIGKILL);
}

void SessionTracker::freeze() { signal(SIGSTOP); }
void SessionTracker::thaw() { signal(SIGCONT); }

ResourceUsage SessionTracker::usage() {
  ResourceUsage usage;
  for (const ProcessInfo& info : processes()) {
    usage.user_us += info.user_ticks * 1'000'000 / ticks_per_second();
    usage.system_us += info.system_ticks * 1'000'000 / ticks_per_second();
    usage.rss_bytes += info.rss_bytes;
    usage.virtual_bytes += info.virtual_bytes;
  }
  return usage;
}

}  // namespace flurm::exec
