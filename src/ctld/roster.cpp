// ctld/roster.cpp — see roster.hpp.
#include "ctld/roster.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "fmt/ranges.h"

namespace flurm::ctld {
namespace {

constexpr std::uint64_t kAskMs = 1'000;
/// Between two looks: whether others go on without us, whether a new member has caught up.
constexpr std::uint64_t kLookMs = 300, kLookSoonMs = 50;
/// How long one with a log waits for somebody to say that it is no member any more.
constexpr std::uint64_t kHearsayMs = 300;
constexpr std::uint64_t kTellFirstMs = 5'000, kTellAgainMs = 60'000;

std::string names_of(const std::vector<cluster::Member>& members) {
  std::vector<std::string_view> names;
  for (const cluster::Member& member : members) names.push_back(member.name);
  return fmt::format("{}", fmt::join(names, ","));
}

io::Task<Result<std::string>> tell(const replog::Log& log) { co_return pack(facts_of(log)); }

}  // namespace

Roster::Roster(io::Loop& loop, cluster::Link& link, replog::Log& log, std::vector<cluster::Member> configured)
    : loop_(loop), link_(link), log_(log), configured_(std::move(configured)), timer_(loop, [this] {
        if (!std::exchange(looking_, true)) io::spawn(look());
      }) {
  self_ = *std::ranges::find(configured_, link_.self(), &cluster::Member::id);
  link_.on_call(
      cluster::CallKind::members, [&log](std::uint64_t, std::string) { return tell(log); }, cluster::Guests::yes);
  log_.on_members([this] { follow_log(); });
}

io::Task<> Roster::ask(std::uint64_t member, io::OneShot<Result<LogFacts>> done) {
  auto calling = link_.call(member, cluster::CallKind::members, {}, kAskMs);
  const Result<std::string> answer = co_await calling;
  done.set(answer ? unpack_facts(*answer) : fail(answer.error()));
}

io::Task<std::map<std::uint64_t, LogFacts>> Roster::ask_all() {
  std::map<std::uint64_t, io::OneShot<Result<LogFacts>>> answers;
  for (const cluster::Member& member : link_.members()) {
    if (member.id == link_.self()) continue;
    const auto at = answers.emplace(member.id, io::OneShot<Result<LogFacts>>(loop_)).first;
    io::spawn(ask(member.id, at->second));
  }
  std::map<std::uint64_t, LogFacts> told;
  for (auto& [id, answer] : answers) {
    auto waiting = answer.wait(io::Deadline::in_ms(kAskMs + 100));
    Result<Result<LogFacts>> facts = co_await waiting;
    if (facts && *facts) told.emplace(id, std::move(**facts));
  }
  co_return told;
}

io::Task<bool> Roster::wait_to_begin(bool has_log) {
  if (configured_.size() == 1) co_return !stopping_;
  const std::uint64_t since_ms = io::monotonic_ms();
  for (std::uint64_t tell_at_ms = since_ms + kTellFirstMs; !stopping_;) {
    auto asking = ask_all();
    const std::map<std::uint64_t, LogFacts> told = co_await asking;
    Beginning beginning = decide_beginning(self_, has_log, told, configured_.size());
    is_stranger_ = beginning.is_stranger;
    const bool patient = has_log && told.empty() && io::monotonic_ms() - since_ms < kHearsayMs;
    if (beginning.how != Beginning::How::wait && !patient) {
      if (beginning.how == Beginning::How::join) log_.join(std::move(beginning.members));
      co_return !stopping_;
    }
    learn(told);
    if (io::monotonic_ms() >= tell_at_ms) {
      tell_at_ms = io::monotonic_ms() + kTellAgainMs;
      log(Level::warn, "cluster.waiting",
          {{"for", beginning.waits_for}, {"controllers", configured_.size()}, {"reached", told.size() + 1}});
    }
    auto pause = io::sleep(loop_, patient ? 10 : 50);
    co_await pause;
  }
  co_return false;
}

void Roster::learn(const std::map<std::uint64_t, LogFacts>& told) {
  std::vector<cluster::Member> all = link_.members();
  for (const auto& [id, facts] : told)
    for (const cluster::Member& member : located(facts.members, configured_))
      if (all.size() < cluster::kMembersMax && std::ranges::find(all, member.id, &cluster::Member::id) == all.end())
        all.push_back(member);
  if (all.size() > link_.members().size()) link_.set_members(std::move(all));
}

void Roster::start() {
  follow_log();
  const std::vector<replog::Member> in_log = log_.members();
  std::vector<std::uint64_t> listed, known;
  for (const cluster::Member& member : configured_) listed.push_back(member.id);
  for (const replog::Member& member : in_log) known.push_back(member.id);
  std::ranges::sort(listed);
  std::ranges::sort(known);
  if (!known.empty() && listed != known)
    log(Level::warn, "cluster.other_members",
        {{"log", names_of(located(in_log, configured_))},
         {"configuration", names_of(configured_)},
         {"effect", "the log decides; see flurm cluster add, remove"}});
  timer_.start(kLookMs, kLookMs);
}

void Roster::stop() {
  stopping_ = true;
  timer_.stop();
}

io::Task<> Roster::ended() {
  while (looking_) {
    auto pause = io::sleep(loop_, 1);
    co_await pause;
  }
}

void Roster::expect_removal() { timer_.start(kLookSoonMs, kLookSoonMs); }

bool Roster::votes(std::uint64_t member) const {
  return std::ranges::any_of(log_.members(), [&](const replog::Member& one) { return one.id == member && one.votes; });
}

std::vector<std::uint64_t> Roster::other_voters() const {
  std::vector<std::uint64_t> out;
  for (const replog::Member& member : log_.members())
    if (member.votes && member.id != link_.self()) out.push_back(member.id);
  return out;
}

bool Roster::is_alone() const {
  if (log_.members().empty()) return configured_.size() == 1;
  return other_voters().empty() && votes(link_.self());
}

void Roster::follow_log() {
  if (stopping_) return;
  const std::vector<replog::Member> in_log = log_.members();
  if (in_log.empty()) return;  // a new member that has heard nothing yet
  std::vector<cluster::Member> now = located(in_log, configured_);
  const bool is_member = std::ranges::find(in_log, link_.self(), &replog::Member::id) != in_log.end();
  if (now != link_.members()) {
    log(Level::info, "cluster.members", {{"now", names_of(now)}});
    if (is_member) link_.set_members(std::move(now));
  }
  if (changed_) changed_();
  if (!is_member && was_member_ && log_.has_settled()) return end();
  was_member_ |= is_member;
}

io::Task<> Roster::look() {
  if (log_.leads()) {
    auto promoting = promote();
    co_await promoting;
  } else if (log_.leader() == 0) {
    auto looking = look_whether_removed();
    co_await looking;
  }
  looking_ = false;
}

/// Who is removed is told nothing more by the log, and would wait for ever.
io::Task<> Roster::look_whether_removed() {
  const std::uint64_t term = log_.position().term;
  auto asking = ask_all();
  const std::map<std::uint64_t, LogFacts> told = co_await asking;
  for (const auto& [id, facts] : told)
    if (facts.leads && facts.settled && facts.term >= term && log_.leader() == 0 && !facts.find(link_.self())) end();
}

void Roster::end() {
  if (stopping_ || !removed_) return;
  log(Level::warn, "cluster.removed",
      {{"controller", self_.name}, {"effect", "this controller is no member any more and stops"}});
  std::exchange(removed_, nullptr)();
}

io::Task<> Roster::promote() {
  const std::uint64_t goal = std::exchange(goal_, log_.position().applied);
  for (const replog::Member& member : log_.members()) {
    if (member.votes || stopping_ || !log_.has_settled()) continue;
    const io::OneShot<Result<LogFacts>> done(loop_);
    io::spawn(ask(member.id, done));
    auto waiting = done.wait(io::Deadline::in_ms(kAskMs + 100));
    Result<Result<LogFacts>> facts = co_await waiting;
    if (!facts || !*facts || stopping_) continue;
    if (!(*facts)->find(member.id)) {
      // A former leader may have fallen before it began to give it everything.
      auto adding = log_.add_member(member);
      (void)co_await adding;
    } else if ((*facts)->applied >= goal) {
      auto promoting = log_.promote_member(member.id);
      const Result<void> promoted = co_await promoting;
      if (!promoted)
        log(Level::info, "cluster.not_promoted", {{"member", member.id}, {"error", promoted.error().text}});
    }
  }
}

}  // namespace flurm::ctld
