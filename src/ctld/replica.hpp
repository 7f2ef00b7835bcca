// ctld/replica.hpp — this controller's copy of the cluster state, driven by the log.
#pragma once
#include <algorithm>
#include <functional>
#include <map>
#include <memory>

#include "io/event.hpp"
#include "replog/log.hpp"
#include "state/apply.hpp"

namespace flurm::ctld {

class Colleagues;

/// Applies committed entries; hands out immutable snapshots; carries each proposer's reply back. Loop thread only.
class Replica final : public replog::Machine {
 public:
  using Snapshot = std::shared_ptr<const state::ClusterState>;

  explicit Replica(io::Loop& loop) : loop_(loop) {}
  /// The log, and where proposals go; must be set before the first one.
  void attach(replog::Log& log, Colleagues& colleagues) {
    log_ = &log;
    colleagues_ = &colleagues;
  }

  Colleagues& colleagues() { return *colleagues_; }
  /// The last entry that is in the state.
  std::uint64_t applied() const { return applied_; }
  /// In which replies are written, and entries: at least that in which their command exists.
  std::uint16_t format() const { return state_.format; }
  std::uint16_t format_for(const state::Command& command) const {
    return std::max(state_.format, state::format_of(command));
  }

  /// The state after everything applied so far. Cheap; keep it as long as you like, on any thread.
  Snapshot snapshot();
  /// Has the command applied, through whichever controller leads, and waits until it is applied here. Errors as
  /// Colleagues::propose(), and not_supported: a controller of an earlier release is a member, which knows no such command.
  io::Task<Result<state::Reply>> propose(state::Command command);
  /// What became of an entry.
  struct Committed {
    std::uint64_t index = 0;
    state::Reply reply;
  };
  /// Gives an entry to this member's own log and waits until it is applied. Errors: not_leader, io, closed, einval.
  io::Task<Result<Committed>> commit(state::Entry entry);
  /// Waits until entry `index` is applied here. Errors: timed_out.
  io::Task<Result<void>> applied(std::uint64_t index, io::Deadline deadline);
  /// Called after entries were applied, once per loop iteration. One listener.
  void on_change(std::function<void()> listener) { listener_ = std::move(listener); }

  /// Called after each entry. One listener; it must not propose before it returns.
  void on_applied(std::function<void(std::uint64_t index)> listener) { applied_listener_ = std::move(listener); }

  void apply(std::uint64_t index, std::string_view entry) override;
  replog::SnapshotJob take_snapshot() override;
  Result<void> restore(std::uint64_t index, std::string_view snapshot) override;

 private:
  void changed();
  void wake_waiting();

  io::Loop& loop_;
  replog::Log* log_ = nullptr;
  Colleagues* colleagues_ = nullptr;
  std::uint64_t applied_ = 0;                             // the last entry
  std::multimap<std::uint64_t, io::Event> waiting_;       // for an entry to be applied
  state::ClusterState state_;
  Snapshot published_;
  bool notify_queued_ = false;
  std::function<void()> listener_;
  std::function<void(std::uint64_t)> applied_listener_;
  std::size_t proposing_ = 0;                      // callers that wait for a reply
  std::map<std::uint64_t, state::Reply> replies_;  // of entries whose proposers have not been called yet
};

}  // namespace flurm::ctld
