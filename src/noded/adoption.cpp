// noded/adoption.cpp — the part of Launcher that runs at start: steps that outlived an earlier daemon.
#include <dirent.h>

#include <charconv>
#include <memory>

#include "base/log.hpp"
#include "codec/unpack.hpp"
#include "exec/fd.hpp"
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
  std::string directory;
  std::uint32_t step_id = 0;
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

/// The state files "<spool>/job<id>/step_<id>.state".
std::vector<Found> find_states(const std::string& spool) {
  std::vector<Found> found;
  for (const std::string& job : names_in(spool)) {
    if (!job.starts_with("job")) continue;
    const std::string directory = spool + "/" + job;
    for (const std::string& name : names_in(directory)) {
      if (!name.starts_with("step_") || !name.ends_with(".state")) continue;
      const std::string_view step = std::string_view(name).substr(5, name.size() - 5 - 6);
      std::uint32_t step_id = kBatchStep;
      if (step != "batch" && std::from_chars(step.data(), step.data() + step.size(), step_id).ec != std::errc{})
        continue;
      found.push_back({directory, step_id});
    }
  }
  return found;
}

Result<exec::StepState> read_state(const std::string& file) {
  FLURM_TRY(const std::string bytes, exec::read_file(file, kStateFileMax));
  return codec::unpack<exec::StepState>(bytes, exec::kStepProtocol);
}

}  // namespace

io::Task<void> Launcher::find_running() {
  for (const Found& found : find_states(node_.setup.settings.spool_directory)) {
    auto adopting = adopt(found.directory, found.step_id);
    co_await adopting;
  }
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
