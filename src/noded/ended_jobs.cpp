// noded/ended_jobs.cpp — see ended_jobs.hpp.
#include "noded/ended_jobs.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <vector>

#include "base/log.hpp"
#include "exec/fd.hpp"
#include "fmt/format.h"

namespace flurm::noded {
namespace {

constexpr std::size_t kFileMax = 64u << 20;

}  // namespace

std::string EndedJobs::line_of(std::uint32_t job_id, const Entry& entry) {
  return fmt::format("{} {} {} {} {} {} {}.\n", job_id, entry.restart_count, entry.started_at.v, entry.ordered_at.v,
                     entry.noted_at.v, entry.wait_status, entry.done ? 1 : 0);
}

EndedJobs::EndedJobs(std::string path, TimeS now) : path_(std::move(path)) {
  if (path_.empty()) return;
  load();
  compact(now);
}

void EndedJobs::load() {
  std::istringstream lines(exec::read_file(path_, kFileMax).value_or(""));
  std::string line;
  while (std::getline(lines, line)) {
    unsigned job_id = 0, restart_count = 0, wait_status = 0;
    long long started_at = 0, ordered_at = 0, noted_at = 0;
    int done = 0;
    // A line cut short by a crash is not complete and does not count.
    if (std::sscanf(line.c_str(), "%u %u %lld %lld %lld %u %d.", &job_id, &restart_count, &started_at, &ordered_at,
                    &noted_at, &wait_status, &done) != 7 ||
        !line.ends_with('.')) {
      continue;
    }
    entries_[job_id] = {restart_count, TimeS{started_at}, TimeS{ordered_at}, TimeS{noted_at}, wait_status, done != 0};
  }
}

void EndedJobs::compact(TimeS now) {
  TimeS oldest = now - kSpanS;
  if (entries_.size() > kEntriesMax) {
    std::vector<TimeS> times;
    for (const auto& [job_id, entry] : entries_) times.push_back(entry.noted_at);
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::ranges::nth_element(times, middle);
    oldest = std::max(oldest, *middle);
  }
  std::erase_if(entries_, [&](const auto& entry) { return entry.second.noted_at < oldest; });
  lines_ = entries_.size();
  if (path_.empty()) return;
  std::string text;
  for (const auto& [job_id, entry] : entries_)
    text += line_of(job_id, entry);
  if (auto written = exec::replace_file(path_, text, 0600); !written) {
    log(Level::error, "noded.ended_jobs", {{"error", written.error().text}});
  }
  file_ = exec::Fd(open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
}

void EndedJobs::note(std::uint32_t job_id, Entry& entry, TimeS now) {
  entry.noted_at = now;
  if (file_ && !exec::write_all(file_.get(), line_of(job_id, entry))) log(Level::error, "noded.ended_jobs", {{"file", path_}});
  if (++lines_ > 4 * kEntriesMax || entries_.size() > kEntriesMax) compact(now);
}

void EndedJobs::ordered(std::uint32_t job_id, std::uint32_t restart_count, TimeS started_at, TimeS ordered_at, TimeS now) {
  Entry& entry = entries_[job_id];
  if (restart_count == kNoVal32 && entry.done && started_at <= entry.started_at) return;  // a repeated order for what is over
  entry.restart_count = restart_count;
  entry.started_at = std::max(entry.started_at, started_at);
  entry.ordered_at = std::max(entry.ordered_at, ordered_at);
  entry.wait_status = kNoVal32;
  entry.done = false;
  note(job_id, entry, now);
}

void EndedJobs::carried_out(std::uint32_t job_id, std::uint32_t wait_status, TimeS now) {
  Entry& entry = entries_[job_id];
  if (wait_status != kNoVal32) entry.wait_status = wait_status;
  entry.done = true;
  note(job_id, entry, now);
}

bool EndedJobs::refuses(std::uint32_t job_id, std::uint32_t restart_count, TimeS started_at, TimeS made_at) const {
  const auto it = entries_.find(job_id);
  if (it == entries_.end()) return false;
  const Entry& entry = it->second;
  if (entry.restart_count != kNoVal32 && restart_count > entry.restart_count) return false;
  if (started_at && entry.started_at) {
    if (started_at != entry.started_at) return started_at < entry.started_at;
    if (restart_count == entry.restart_count) return true;
  }
  return made_at <= entry.ordered_at;
}

bool EndedJobs::was_here(std::uint32_t job_id, std::uint32_t restart_count) const {
  const auto it = entries_.find(job_id);
  return it != entries_.end() && it->second.restart_count == restart_count;
}

bool EndedJobs::carried_out(std::uint32_t job_id) const {
  const auto it = entries_.find(job_id);
  return it != entries_.end() && it->second.done;
}

std::uint32_t EndedJobs::wait_status(std::uint32_t job_id) const {
  const auto it = entries_.find(job_id);
  return it == entries_.end() ? kNoVal32 : it->second.wait_status;
}

}  // namespace flurm::noded
