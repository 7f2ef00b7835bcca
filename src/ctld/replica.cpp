// ctld/replica.cpp — see replica.hpp.
#include "ctld/replica.hpp"

#include "base/log.hpp"
#include "ctld/colleagues.hpp"

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
  if (state::format_of(command) > state_.format && !std::holds_alternative<state::UseFormat>(command))
    co_return fail(Errc::not_supported, "not while there are controllers of an earlier release: see 'flurm versions'");
  auto proposing = colleagues_->propose(std::move(command));
  co_return co_await proposing;
}

io::Task<Result<Replica::Committed>> Replica::commit(state::Entry entry) {
  std::vector<std::string> entries;
  entries.push_back(state::encode(entry, format_for(entry.command)));
  auto committing = log_->commit(std::move(entries));
  ++proposing_;
  const Result<std::uint64_t> index = co_await committing;
  --proposing_;
  if (!index) co_return std::unexpected(index.error());
  const auto found = replies_.find(*index);
  FLURM_CHECK(found != replies_.end(), "no reply for entry {}", *index);
  Committed committed{*index, std::move(found->second)};
  replies_.erase(found);
  co_return committed;
}

io::Task<Result<void>> Replica::applied(std::uint64_t index, io::Deadline deadline) {
  if (applied_ >= index) co_return Result<void>{};
  const io::Event reached(loop_);
  const auto at = waiting_.emplace(index, reached);
  auto waiting = reached.wait(deadline);
  const auto woken = co_await waiting;
  if (woken) co_return Result<void>{};
  waiting_.erase(at);
  co_return fail(Errc::timed_out, "entry {} has not come here", index);
}

void Replica::wake_waiting() {
  // One that has given up in this very moment takes itself out.
  for (auto at = waiting_.begin(); at != waiting_.end() && at->first <= applied_;)
    at = at->second.set({}) ? waiting_.erase(at) : std::next(at);
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
  applied_ = index;
  wake_waiting();
  changed();
  if (applied_listener_) applied_listener_(index);
}

replog::SnapshotJob Replica::take_snapshot() {
  return [view = snapshot()] { return state::save(*view); };
}

Result<void> Replica::restore(std::uint64_t index, std::string_view bytes) {
  FLURM_TRY(state_, state::load(bytes));
  log(Level::info, "ctld.state_restored", {{"index", index}, {"jobs", state_.jobs.size()}});
  applied_ = index;
  wake_waiting();
  changed();
  return {};
}

}  // namespace flurm::ctld
