// ctld/replica.hpp — this controller's copy of the cluster state, driven by the log.
#pragma once
#include <functional>
#include <map>
#include <memory>

#include "io/task.hpp"
#include "replog/log.hpp"
#include "state/apply.hpp"

namespace flurm::ctld {

/// Applies committed entries; hands out immutable snapshots; carries each proposer's reply back. Loop thread only.
class Replica final : public replog::Machine {
 public:
  using Snapshot = std::shared_ptr<const state::ClusterState>;

  explicit Replica(io::Loop& loop) : loop_(loop) {}
  /// The log that proposals go to; must be set before the first one.
  void attach(replog::Log& log) { log_ = &log; }

  /// The state after everything applied so far. Cheap; keep it as long as you like, on any thread.
  Snapshot snapshot();
  /// Proposes one command and waits until it is applied here. Errors: not_leader, io, closed.
  io::Task<Result<state::Reply>> propose(state::Command command);
  /// Called after entries were applied, once per loop iteration. One listener.
  void on_change(std::function<void()> listener) { listener_ = std::move(listener); }

  void apply(std::uint64_t index, std::string_view entry) override;
  replog::SnapshotJob take_snapshot() override;
  Result<void> restore(std::uint64_t index, std::string_view snapshot) override;

 private:
  void changed();

  io::Loop& loop_;
  replog::Log* log_ = nullptr;
  state::ClusterState state_;
  Snapshot published_;
  bool notify_queued_ = false;
  std::function<void()> listener_;
  std::size_t proposing_ = 0;                      // callers that wait for a reply
  std::map<std::uint64_t, state::Reply> replies_;  // of entries whose proposers have not been called yet
};

}  // namespace flurm::ctld
