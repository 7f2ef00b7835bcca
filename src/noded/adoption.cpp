// noded/adoption.cpp — the part of Launcher that runs at start: steps that outlived an earlier daemon.
#include <dirent.h>
#include <unistd.h>

#include <memory>

#include "base/log.hpp"
#include "exec/fd.hpp"
#include "exec/job_space.hpp"
#include "exec/step_order.hpp"
#include "io/timer.hpp"
#include "noded/launcher.hpp"
#include "noded/strays.hpp"

namespace flurm::noded {
namespace {

constexpr std::size_t kStateFileMax = 1u << 20;
/// A supervisor writes its state in place; what does not unpack may be half written.
constexpr int kStateReads = 3;
constexpr std::uint64_t kStatePauseMs = 20;

struct Found {
  std::string directory, file;
  std::uint32_t step_id = 0;  ///< of a state file
};

std::vector<std::string> names_in(const std::string& directory) {
  struct Close {
    void operator()(DIR* open) const { closedir(open); }
  };
  std::vector<std::string> names;
  const std::unique_ptr<DIR, Close> entries(opendir(directory.c_str()));
  while (const dirent* entry = entries ? readdir(entries.get()) : nullptr) names.emplace_back(entry->d_name);
  return names;
}

/// The files "<spool>/job<id>/step_*" with the suffix.
std::vector<Found> find_files(const std::string& spool, std::string_view suffix) {
  std::vector<Found> found;
  for (const std::string& job : names_in(spool)) {
    if (!job.starts_with("job")) continue;
    const std::string directory = spool + "/" + job;
    for (const std::string& name : names_in(directory)) {
      if (name.starts_with("step_") && name.ends_with(suffix)) found.push_back({directory, name});
    }
  }
  return found;
}

/// The state files "step_<id>.state".
std::vector<Found> find_states(const std::string& spool) {
  constexpr std::string_view kEnd = ".state";
  std::vector<Found> found = find_files(spool, kEnd);
  std::erase_if(found, [&](Found& each) {
    const auto step = exec::step_of_file_name(std::string_view(each.file).substr(0, each.file.size() - kEnd.size()));
    each.step_id = step.value_or(kBatchStep);
    return !step;
  });
  return found;
}

Result<exec::StepState> read_state(const std::string& file) {
  FLURM_TRY(const std::string bytes, exec::read_file(file, kStateFileMax));
  return exec::unpack_state(bytes);
}

}  // namespace

io::Task<void> Launcher::find_running() {
  const std::string& spool = node_.setup.settings.spool_directory;
  for (const std::string_view suffix : {exec::kOrderSuffix, exec::kGivenUpSuffix}) {
    for (const Found& found : find_files(spool, suffix)) give_up(found.directory, found.file);
  }
  for (const Found& found : find_states(spool)) {
    auto adopting = adopt(found.directory, found.step_id);
    co_await adopting;
  }
  for (const std::uint32_t job_id : exec::job_spaces(node_.setup.settings.job_container.base_path)) {
    if (node_.jobs.find(job_id)) continue;  // else it ended while no daemon was here
    auto clearing = ender_.clear_space(job_id);
    co_await clearing;
  }
}

/// An order that the earlier daemon took and nobody began: its job starts over.
void Launcher::give_up(const std::string& directory, const std::string& name) {
  const auto given_up = exec::give_up_step_order(directory, name);
  if (!given_up) return;  // begun in this moment: its state file is there
  const std::string note = directory + "/" + *given_up;
  auto state = read_state(note);
  if (!state || state->started_at.v < boot_time_s()) {
    // Cut short, so the order was never answered; or of a time before the machine restarted, which the controller sees.
    unlink(note.c_str());
    rmdir(directory.c_str());
    return;
  }
  NodeJobPtr job = node_.jobs.find_or_make(state->key.job_id);
  job->restart_count = state->key.restart_count;
  job->batch_ordered = true;
  job->facts.uid = state->uid;
  job->facts.gid = state->gid;
  reporter_.never_started(std::move(job), directory, note);
}

io::Task<void> Launcher::adopt(std::string directory, std::uint32_t step_id) {
  const std::string file = directory + "/" + exec::step_file_name(step_id) + ".state";
  auto state = read_state(file);
  for (int read = 1; !state && read < kStateReads; ++read) {
    auto pause = io::sleep(node_.loop, kStatePauseMs);
    co_await pause;
    state = read_state(file);
  }
  if (!state) {
    log(Level::error, "noded.step_state", {{"file", file}, {"error", state.error().text}});
    co_return;
  }
  NodeJobPtr job = node_.jobs.find_or_make(state->key.job_id);
  job->restart_count = state->key.restart_count;
  job->batch_ordered = job->batch_ordered || step_id == kBatchStep;
  job->steps_seen.insert(step_id);
  job->prolog = NodeJob::Prolog::done;
  job->facts.uid = state->uid;
  job->facts.gid = state->gid;

  auto connecting =
      StepLink::connect(node_.loop, directory, step_id, [this, job, step_id] { step_over(job, step_id); });
  auto link = co_await connecting;
  if (link) {
    add_step(job, step_id, *link);
    log(Level::info, "noded.step_found", {{"job_id", job->id()}, {"ended", (*link)->state().end.has_value()}});
    co_return;
  }
  log(Level::warn, "noded.step_without_supervisor", {{"job_id", job->id()}, {"ended", state->end.has_value()}});
  if (!state->end && state->started_at.v < boot_time_s()) {
    // The machine restarted: the controller sees that by itself and decides about its jobs.
    remove_step_files(directory, step_id);
    node_.jobs.erase(job);
    co_return;
  }
  reporter_.step_found_dead(job, std::move(*state), directory);
}

}  // namespace flurm::noded
