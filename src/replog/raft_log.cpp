// replog/raft_log.cpp — Log over libraft on our loop.
//
// One write is under way at a time; proposals that come meanwhile wait and go together with the next one. That is the
// group commit, and it makes each write one batch on disk, which segment.cpp relies on.
//
// After a failed write libraft's memory and its file may disagree, so it is closed and opened again from disk, every
// second until that works. What was applied already is skipped then: entries carry their index and a chain of
// checksums.
#include "replog/raft_log.hpp"

#include <algorithm>
#include <cstring>
#include <deque>

#include "base/log.hpp"
#include "io/event.hpp"
#include "io/timer.hpp"
#include "replog/directory.hpp"
#include "replog/envelope.hpp"
#include "replog/raft_node.hpp"

namespace flurm::replog {
namespace {

constexpr std::size_t kEntryBytesMax = std::size_t{32} << 20;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20;
constexpr std::size_t kBatchEntries = 4096;
constexpr std::uint64_t kReopenMs = 1000, kSnapshotRetryMs = 10'000;

class RaftLog final : public Log, private RaftNode::Events {
 public:
  RaftLog(io::Loop& loop, Machine& machine, RaftOptions options)
      : Log(loop), machine_(machine), options_(std::move(options)), wake_(loop) {}
  ~RaftLog() override { FLURM_CHECK(!node_, "stop() the log before destroying it"); }

  void join(std::vector<Member> known) override {
    joins_ = true;
    options_.members = std::move(known);
  }
  io::Task<Result<void>> start() override;
  io::Task<void> stop() override;
  io::Task<Result<void>> hand_over(std::uint64_t to) override;
  std::vector<Member> members() const override { return node_ ? node_->members() : std::vector<Member>(); }
  bool has_settled() const override { return node_ && node_->has_settled(); }
  void on_members(OnMembers fn) override { on_members_ = std::move(fn); }
  io::Task<Result<void>> add_member(Member member) override;
  io::Task<Result<void>> promote_member(std::uint64_t id) override;
  io::Task<Result<void>> remove_member(std::uint64_t id) override;
  void propose(std::vector<std::string> entries, Done done) override;
  bool leads() const override { return leads_; }
  std::uint64_t leader() const override { return node_ ? node_->leader() : 0; }
  Position position() const override {
    return {node_ ? node_->term() : 0, proposed_.index, applied_.index, snapshot_, node_ ? node_->last_index() : 0};
  }
  void on_leadership(OnLeadership fn) override { leadership_ = std::move(fn); }
  void on_leader(OnLeader fn) override { on_leader_ = std::move(fn); }
  void on_fatal(std::move_only_function<void(Error)> fn) override { fatal_ = std::move(fn); }

 private:
  struct Proposal {
    std::vector<std::string> entries;
    Done done;
    Link last{};
  };

  bool apply(std::string_view sealed) override;
  bool restore(std::string_view sealed) override;
  bool begin_snapshot() override;
  std::string make_snapshot() override { return seal_snapshot(snapshot_job_(), snapshot_link_); }
  void end_snapshot() override;
  void write_failed(bool leadership_lost, std::string reason) override;
  void state_changed() override;
  void members_changed() override;

  io::Task<Result<void>> open();
  io::Task<Result<void>> change(RaftNode::Change what, Member member);
  bool votes(std::uint64_t id) const;
  /// The only one that votes.
  bool is_alone() const;
  /// Everything that the machine has was read from the log again.
  Result<void> check_whole() const;
  io::Task<void> close_node();
  io::Task<void> reopen();
  void flush();
  void schedule_flush();
  void schedule_telling();
  void fail_all(const Error& error);
  void set_leads(bool leads);
  void look_at_leader();
  void end_with(Error error);

  Machine& machine_;
  RaftOptions options_;
  DirectoryLock lock_;
  std::unique_ptr<RaftNode> node_;

  std::deque<Proposal> queue_;    // not yet given to libraft
  std::deque<Proposal> writing_;  // in the one batch under way
  bool flush_scheduled_ = false, telling_scheduled_ = false;
  bool leads_ = false;
  bool joins_ = false;    // others have the log
  bool joining_ = false;  // new, and does not count yet
  bool starting_ = false;
  bool stopping_ = false;
  bool reopening_ = false;
  io::Event wake_;  // ends the wait of reopen() when stopping
  std::optional<io::Event> reopened_;

  Link proposed_;  // end of the chain, entries under way included
  Link applied_;   // what the machine has
  Link read_;      // what libraft has shown us since open(); behind applied_ only while reopening
  std::optional<Error> damage_;

  SnapshotJob snapshot_job_;
  Link snapshot_link_;
  std::uint64_t snapshot_ = 0;
  std::uint64_t snapshot_retry_at_ms_ = 0;

  OnLeadership leadership_;
  OnLeader on_leader_;
  OnMembers on_members_;
  std::uint64_t known_leader_ = 0;
  std::move_only_function<void(Error)> fatal_;
};

io::Task<Result<void>> RaftLog::start() {
  if (Result<void> locked = lock_.take(options_.directory); !locked) co_return locked;
  starting_ = true;
  auto opening = open();
  Result<void> opened = co_await opening;
  starting_ = false;
  if (!opened) {
    auto closing = close_node();
    co_await closing;
    lock_.release();
  }
  state_changed();
  co_return opened;
}

io::Task<Result<void>> RaftLog::open() {
  Result<bool> made = directory_is_made(options_.directory);
  if (!made) co_return fail(made.error());
  if (!*made && joins_) {
    // Marked first: nothing shows later that files should be there.
    if (Result<void> marked = mark_directory_made(options_.directory, options_.self, true); !marked) co_return marked;
    made = true;
  }
  if (*made) {
    // A copy of another member's directory would vote and acknowledge a second time in its place.
    if (const auto owner = directory_owner(options_.directory); owner && *owner != options_.self)
      co_return fail(Errc::einval, "{}: the log belongs to member {}, this is member {}", options_.directory, *owner,
                     options_.self);
    if (Result<void> good = check_directory(options_.directory); !good) co_return good;
  }
  // Better to wait for room here than to fail the first write again.
  if (Result<void> room = check_space(options_.directory, options_.segment_bytes); !room) co_return room;

  read_ = {};
  damage_.reset();
  node_ = std::make_unique<RaftNode>(loop_, options_, static_cast<RaftNode::Events&>(*this));
  Result<void> started = node_->start(!*made);
  if (!started) {
    if (damage_) co_return fail(*damage_);
    co_return started;
  }
  if (!*made) {
    if (Result<void> marked = mark_directory_made(options_.directory, options_.self, false); !marked) co_return marked;
  }
  joining_ = directory_is_joining(options_.directory);
  members_changed();
  // Of several members, the leader tells anew which entries are committed.
  if (is_alone())
    if (Result<void> whole = check_whole(); !whole) co_return whole;
  log(Level::info, "replog.open",
      {{"directory", options_.directory}, {"applied", applied_.index}, {"snapshot", snapshot_}});
  co_return Result<void>{};
}

Result<void> RaftLog::check_whole() const {
  if (read_.index >= applied_.index) return {};
  return fail(Errc::corrupt, "{}: entries {} to {} were there and are gone", options_.directory, read_.index + 1,
              applied_.index);
}

io::Task<void> RaftLog::close_node() {
  if (!node_) co_return;
  auto closing = node_->close();
  co_await closing;
  node_.reset();
}

io::Task<void> RaftLog::stop() {
  stopping_ = true;
  fail_all({Errc::closed, "the log is stopping"});
  wake_.set({});
  if (reopening_) {
    io::Event reopened = *reopened_;
    auto waiting = reopened.wait(io::Deadline::never());
    (void)co_await waiting;
  }
  auto closing = close_node();
  co_await closing;
  fail_all({Errc::closed, "the log is stopping"});
  leads_ = false;
  lock_.release();
}

io::Task<Result<void>> RaftLog::hand_over(std::uint64_t to) {
  if (!leads_) co_return fail(Errc::not_leader);
  const io::Event done(loop_);
  if (Result<void> begun = node_->hand_over(to, [done] { done.set({}); }); !begun) co_return begun;
  auto waiting = done.wait(io::Deadline::in_ms(2 * options_.election_timeout_ms));
  (void)co_await waiting;
  // Meanwhile libraft took no proposals, which looked as if leadership were lost.
  state_changed();
  if (leader() == 0 || leader() == options_.self) co_return fail(Errc::timed_out, "no other member took over in time");
  co_return Result<void>{};
}

io::Task<Result<void>> RaftLog::add_member(Member member) {
  const std::vector<Member> before = members();
  if (std::ranges::find(before, member.id, &Member::id) == before.end()) {
    auto adding = change(RaftNode::Change::add, member);
    if (Result<void> added = co_await adding; !added) co_return added;
  }
  auto including = change(RaftNode::Change::include, {.id = member.id});
  co_return co_await including;
}

io::Task<Result<void>> RaftLog::promote_member(std::uint64_t id) { return change(RaftNode::Change::promote, {.id = id}); }
io::Task<Result<void>> RaftLog::remove_member(std::uint64_t id) { return change(RaftNode::Change::remove, {.id = id}); }

io::Task<Result<void>> RaftLog::change(RaftNode::Change what, Member member) {
  if (!leads_ || !node_) co_return fail(Errc::not_leader);
  const io::OneShot<Result<void>> done(loop_);
  if (Result<void> begun = node_->change(what, member, [done](Result<void> result) { done.set(std::move(result)); }); !begun)
    co_return begun;
  auto waiting = done.wait(io::Deadline::never());
  Result<Result<void>> changed = co_await waiting;
  co_return std::move(*changed);
}

bool RaftLog::votes(std::uint64_t id) const {
  return std::ranges::any_of(members(), [&](const Member& member) { return member.id == id && member.votes; });
}

bool RaftLog::is_alone() const {
  const std::vector<Member> all = members();
  return votes(options_.self) && std::ranges::count(all, true, &Member::votes) == 1;
}

void RaftLog::members_changed() {
  if (joining_ && votes(options_.self)) {
    // From now on others rely on what is in the directory.
    if (Result<void> marked = mark_directory_made(options_.directory, options_.self, false); !marked)
      log(Level::warn, "replog.mark", {{"error", marked.error().text}});
    joining_ = false;
  }
  if (starting_) return;
  loop_.defer([this] {
    if (on_members_ && !stopping_) on_members_();
  });
}

io::Task<void> RaftLog::reopen() {
  auto closing = close_node();
  co_await closing;
  fail_all({Errc::io, "the log's disk failed"});
  while (!stopping_) {
    auto pause = wake_.wait(io::Deadline::in_ms(kReopenMs));
    (void)co_await pause;
    if (stopping_) break;
    wake_ = io::Event(loop_);
    auto opening = open();
    Result<void> opened = co_await opening;
    if (opened) break;
    auto closing_again = close_node();
    co_await closing_again;
    if (opened.error().code == Errc::corrupt) {
      end_with(opened.error());
      break;
    }
    log(Level::error, "replog.reopen", {{"error", opened.error().text}, {"retry_ms", kReopenMs}});
  }
  reopening_ = false;
  reopened_->set({});
  state_changed();
}

void RaftLog::propose(std::vector<std::string> entries, Done done) {
  FLURM_CHECK(!entries.empty(), "a proposal has at least one entry");
  if (stopping_) return done(fail(Errc::closed, "the log is stopping"));
  if (reopening_) return done(fail(Errc::io, "the log's disk failed; trying again"));
  if (!leads_) return done(fail(Errc::not_leader));
  for (const std::string& entry : entries) {
    if (entry.size() > kEntryBytesMax) {
      return done(fail(Errc::einval, "an entry of {} bytes exceeds {}", entry.size(), kEntryBytesMax));
    }
  }
  queue_.push_back({std::move(entries), std::move(done)});
  if (writing_.empty()) schedule_flush();
}

void RaftLog::schedule_flush() {
  if (std::exchange(flush_scheduled_, true)) return;
  loop_.defer([this] {
    flush_scheduled_ = false;
    flush();
  });
}

/// The next batch would tell the others what is committed; there is none, and they wait for it to answer clients.
void RaftLog::schedule_telling() {
  if (std::exchange(telling_scheduled_, true)) return;
  loop_.defer([this] {
    telling_scheduled_ = false;
    if (leads_ && node_ && !reopening_ && !stopping_ && writing_.empty()) node_->tell_committed();
  });
}

void RaftLog::flush() {
  if (queue_.empty() || !writing_.empty() || !leads_ || !node_) return;
  std::size_t bytes = 0, count = 0;
  Link link = proposed_;
  std::vector<RaftBuffer> buffers;
  while (!queue_.empty() && (count == 0 || (bytes < kBatchBytes && count < kBatchEntries))) {
    Proposal proposal = std::move(queue_.front());
    queue_.pop_front();
    for (const std::string& entry : proposal.entries) {
      RaftBuffer buffer(sealed_size(entry.size()));
      seal_entry(entry, link, buffer.data());
      bytes += buffer.size();
      buffers.push_back(std::move(buffer));
    }
    count += proposal.entries.size();
    proposal.entries.clear();
    proposal.last = link;
    writing_.push_back(std::move(proposal));
  }
  // Only write_failed() may move it back: an entry given to libraft may be on disk whatever comes next.
  proposed_ = link;
  node_->write(std::move(buffers));
}

bool RaftLog::apply(std::string_view sealed) {
  Result<std::string_view> entry = open_entry(sealed, read_);
  if (!entry) {
    damage_ = Error{Errc::corrupt, fmt::format("{}: {}", options_.directory, entry.error().text)};
    end_with(*damage_);
    return false;
  }
  if (read_.index <= applied_.index) {
    if (read_.index < applied_.index || read_ == applied_) return true;
    damage_ = Error{Errc::corrupt, fmt::format("{}: entry {} has changed", options_.directory, read_.index)};
    end_with(*damage_);
    return false;
  }
  machine_.apply(read_.index, *entry);
  applied_ = read_;
  while (!writing_.empty() && writing_.front().last.index <= applied_.index) {
    Proposal finished = std::move(writing_.front());
    writing_.pop_front();
    // Another leader may have put other entries there.
    if (finished.last == applied_)
      finished.done(finished.last.index);
    else
      finished.done(fail(Errc::not_leader, "another leader took the place of entry {}", applied_.index));
  }
  if (writing_.empty() && !queue_.empty())
    schedule_flush();
  else if (writing_.empty() && leads_)
    schedule_telling();
  return true;
}

bool RaftLog::restore(std::string_view sealed) {
  Link link;
  Result<std::string_view> state = open_snapshot(sealed, link);
  Result<void> restored;
  if (!state) {
    restored = fail(state.error());
  } else if (link.index > applied_.index) {
    restored = machine_.restore(link.index, *state);
  }
  if (!restored) {
    damage_ = Error{Errc::corrupt, fmt::format("{}/{}: {}", options_.directory, newest_snapshot(options_.directory),
                                               restored.error().text)};
    end_with(*damage_);
    return false;
  }
  read_ = link;
  if (link.index > applied_.index) applied_ = link;
  snapshot_ = link.index;
  return true;
}

bool RaftLog::begin_snapshot() {
  // libraft would try again at once after a failure, which on a full disk is with every entry.
  if (io::monotonic_ms() < snapshot_retry_at_ms_) return false;
  snapshot_job_ = machine_.take_snapshot();
  snapshot_link_ = applied_;
  return true;
}

void RaftLog::end_snapshot() {
  snapshot_job_ = nullptr;
  if (node_->snapshot_is_stored()) {
    snapshot_ = snapshot_link_.index;
    snapshot_retry_at_ms_ = 0;
    log(Level::verbose, "replog.snapshot", {{"index", snapshot_}});
  } else if (!stopping_) {
    snapshot_retry_at_ms_ = io::monotonic_ms() + kSnapshotRetryMs;
    log(Level::error, "replog.snapshot",
        {{"index", snapshot_link_.index}, {"error", "not stored"}, {"retry_ms", kSnapshotRetryMs}});
  }
}

void RaftLog::write_failed(bool leadership_lost, std::string reason) {
  if (stopping_ || reopening_) return;
  if (leadership_lost) {
    set_leads(false);
    fail_all({Errc::not_leader, std::move(reason)});
    return;
  }
  log(Level::error, "replog.write", {{"directory", options_.directory}, {"error", reason}});
  reopening_ = true;
  reopened_.emplace(loop_);
  set_leads(false);
  fail_all({Errc::io, std::move(reason)});
  // Not from inside libraft's callback.
  loop_.defer([this] { io::spawn(reopen()); });
}

void RaftLog::fail_all(const Error& error) {
  std::deque<Proposal> failed = std::move(writing_);
  writing_.clear();
  for (Proposal& proposal : queue_) failed.push_back(std::move(proposal));
  queue_.clear();
  for (Proposal& proposal : failed) proposal.done(fail(error));
}

void RaftLog::look_at_leader() {
  const std::uint64_t now = leader();
  if (std::exchange(known_leader_, now) == now) return;
  loop_.defer([this] {
    if (on_leader_ && !stopping_) on_leader_(known_leader_);
  });
}

void RaftLog::state_changed() {
  look_at_leader();
  if (!node_ || stopping_ || reopening_) return;
  if (!node_->is_usable()) {
    write_failed(false, "libraft stopped");
  } else if (!node_->is_leader()) {
    set_leads(false);
    fail_all({Errc::not_leader, "leadership lost"});
  } else if (leads_ || node_->has_applied_all()) {
    if (Result<void> whole = check_whole(); !whole) return end_with(whole.error());
    set_leads(true);
  } else {
    node_->apply_all();
  }
}

void RaftLog::set_leads(bool leads) {
  if (leads_ == leads) return;
  leads_ = leads;
  proposed_ = applied_;
  log(Level::info, "replog.leadership", {{"leads", leads}, {"index", applied_.index}});
  if (leads) schedule_telling();
  loop_.defer([this, leads] {
    if (leadership_ && leads_ == leads && !stopping_) leadership_(leads);
  });
}

void RaftLog::end_with(Error error) {
  if (starting_) return;  // start() reports it
  log(Level::fatal, "replog.damage", {{"error", error.text}});
  set_leads(false);
  loop_.defer([this, error = std::move(error)] {
    fail_all(error);
    if (fatal_) std::exchange(fatal_, nullptr)(error);
  });
}

}  // namespace

std::unique_ptr<Log> make_raft_log(io::Loop& loop, Machine& machine, RaftOptions options) {
  return std::make_unique<RaftLog>(loop, machine, std::move(options));
}

}  // namespace flurm::replog
