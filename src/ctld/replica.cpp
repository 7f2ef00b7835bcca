// ctld/replica.cpp — see replica.hpp.
#include "ctld/replica.hpp"

#include "base/log.hpp"
#include "io/clock.hpp"

namespace flurm::ctld {
namespace {

/// Replies are fetched right after their entry was applied; more than there are proposers belong to nobody.
constexpr std::size_t kRepliesSpare = 1024;

}  // namespace

Replica::Snapshot Replica::snapshot() {
  if (!published_) published_ = std::make_shared<const state::ClusterState>(state_);
  return published_;
}

io::Task<Result<state::Reply>> Replica::propose(state::Command command) {
  std::vector<std::string> entries;
  entries.push_back(state::encode({.now = io::now(), .command = std::move(command)}));
  auto commit = log_->commit(std::move(entries));
  ++proposing_;
  const Result<std::uint64_t> index = co_await commit;
  --proposing_;
  if (!index) co_return std::unexpected(index.error());
  const auto found = replies_.find(*index);
  FLURM_CHECK(found != replies_.end(), "no reply for entry {}", *index);
  state::Reply reply = std::move(found->second);
  replies_.erase(found);
  co_return reply;
}

void Replica::changed() {
  published_.reset();
  if (notify_queued_ || !listener_) return;
  notify_queued_ = true;
  loop_.defer([this] {
    notify_queued_ = false;
    listener_();
  });
}

void Replica::apply(std::uint64_t index, std::string_view bytes) {
  const Result<state::Entry> entry = state::decode(bytes);
  // A committed entry that does not decode cannot be passed over: members would part ways.
  FLURM_CHECK(entry.has_value(), "entry {}: {}", index, entry ? "" : entry.error().text);
  state::Reply reply = state::apply(state_, *entry);
  if (log_ && log_->leads()) {
    if (replies_.size() >= proposing_ + kRepliesSpare) replies_.erase(replies_.begin());
    replies_.emplace(index, std::move(reply));
  }
  changed();
}

replog::SnapshotJob Replica::take_snapshot() {
  return [view = snapshot()] { return state::save(*view); };
}

Result<void> Replica::restore(std::uint64_t index, std::string_view bytes) {
  FLURM_TRY(state_, state::load(bytes));
  log(Level::info, "ctld.state_restored", {{"index", index}, {"jobs", state_.jobs.size()}});
  changed();
  return {};
}

}  // namespace flurm::ctld
