// ctld/colleagues.cpp — see colleagues.hpp.
#include "ctld/colleagues.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "codec/pack.hpp"
#include "codec/unpack.hpp"
#include "io/clock.hpp"

namespace flurm::ctld {
namespace {

/// Between two looks for a leader; an election takes some tens of milliseconds.
constexpr std::uint64_t kAgainMs = 5;
/// One question, at most; a change of leader ends it sooner.
constexpr std::uint64_t kQuestionMs = 3'000;
/// One count of who confirms: who does not answer by then is asked again, with all the others.
constexpr std::uint64_t kCountMs = 100;
constexpr std::uint64_t kWatchMs = 5;
/// How long a reader waits for a new leader. It looks several times, because a process that stood still believes afterwards
/// that the time of one look is over.
constexpr std::uint64_t kLookMs = 500;
constexpr int kLooks = 4;
constexpr std::uint16_t kNumbers = 1;  // form of the numbers in questions and answers

std::string number_text(std::uint64_t number) { return codec::pack(number, kNumbers); }

Result<std::uint64_t> take_number(std::string_view& bytes) {
  if (bytes.size() < 8) return fail(Errc::corrupt, "an answer of {} bytes", bytes.size());
  auto number = codec::unpack<std::uint64_t>(bytes.substr(0, 8), kNumbers);
  bytes.remove_prefix(8);
  return number;
}

/// Whether another attempt, perhaps with another leader, may do better.
bool may_pass(const Error& error) { return error.code != Errc::einval && error.code != Errc::corrupt; }

}  // namespace

/// One count of who confirms.
struct Colleagues::Poll {
  std::size_t needed, left;
  io::OneShot<Result<io::Nothing>> done;
  void count(bool yes) {
    if (yes && needed > 0) --needed;
    --left;
    if (needed == 0) {
      done.set(Result<io::Nothing>{});
    } else if (left < needed) {
      done.set(fail(Errc::not_leader, "too few controllers confirm"));
    }
  }
};

Colleagues::Colleagues(io::Loop& loop, replog::Log& log, Replica& replica, Options options, Carry carry)
    : loop_(loop), log_(log), replica_(replica), options_(options), carry_(std::move(carry)), watch_(loop, [this] {
        watch();
      }) {}

Colleagues::Colleagues(io::Loop& loop, replog::Log& log, Replica& replica, Options options, cluster::Link& link)
    : Colleagues(loop, log, replica, options,
                 [&link](std::uint64_t member, Ask ask, std::string body, std::uint64_t timeout_ms) {
                   return link.call(member, ask, std::move(body), timeout_ms);
                 }) {
  for (const Ask ask : {Ask::propose, Ask::read_index, Ask::confirm})
    link.on_call(ask, [this, ask](std::uint64_t from, std::string body) { return answer(from, ask, std::move(body)); });
  for (const cluster::Member& member : link.members())
    if (member.id != options.self) others_.push_back(member.id);
}

io::Task<Result<state::Reply>> Colleagues::propose(state::Command command) {
  state::Entry entry{.now = io::now(), .command = std::move(command)};
  if (others_.empty()) {
    auto committing = replica_.commit(std::move(entry));
    auto committed = co_await committing;
    if (!committed) co_return fail(committed.error());
    co_return std::move(committed->reply);
  }
  const std::uint64_t number = next_number_++;
  open_.insert(number);
  entry.id = {.session = options_.session, .number = number, .answered = *open_.begin() - 1};
  const io::Deadline deadline = io::Deadline::in_ms(options_.patience_ms);
  Result<state::Reply> reply;
  for (;;) {
    auto trying = attempt(entry, deadline);
    reply = co_await trying;
    if (reply || !may_pass(reply.error())) break;
    if (stopping_) {
      reply = fail(Errc::closed, "the controller is stopping");
      break;
    }
    if (deadline.left_ms() == 0) {
      reply = fail(Errc::timed_out, "no leader took it: {}", reply.error().text);
      break;
    }
    auto pausing = io::sleep(loop_, kAgainMs);
    co_await pausing;
  }
  // From here on later entries tell the state that this number is done with.
  open_.erase(number);
  co_return reply;
}

io::Task<Result<state::Reply>> Colleagues::attempt(state::Entry entry, io::Deadline deadline) {
  if (log_.leads()) {
    entry.now = io::now();
    auto committing = replica_.commit(std::move(entry));
    auto committed = co_await committing;
    if (!committed) co_return fail(committed.error());
    co_return std::move(committed->reply);
  }
  auto asking = ask_leader(Ask::propose, state::encode(entry, replica_.format_for(entry.command)), std::min(kQuestionMs, deadline.left_ms() + 1));
  const Result<std::string> answered = co_await asking;
  if (!answered) co_return fail(answered.error());
  std::string_view bytes = *answered;
  const Result<std::uint64_t> index = take_number(bytes);
  if (!index) co_return fail(index.error());
  // Whoever proposed looks at the state next.
  auto waiting = replica_.applied(*index, deadline);
  const Result<void> applied = co_await waiting;
  if (!applied) co_return fail(applied.error());
  co_return state::decode_reply(bytes);
}

io::Task<Result<std::string>> Colleagues::ask_leader(Ask ask, std::string body, std::uint64_t timeout_ms) {
  const std::uint64_t leader = log_.leader();
  if (leader == 0 || leader == options_.self) co_return fail(Errc::not_leader, "no leader known");
  const io::OneShot<Result<std::string>> done(loop_);
  const auto at = attempts_.insert(attempts_.end(), {leader, done});
  if (!watch_.running()) watch_.start(kWatchMs, kWatchMs);
  io::spawn(carry_into(leader, ask, std::move(body), timeout_ms, done));
  auto waiting = done.wait(io::Deadline::in_ms(timeout_ms));
  Result<Result<std::string>> answered = co_await waiting;
  attempts_.erase(at);
  if (!answered) co_return fail(answered.error());
  co_return std::move(*answered);
}

io::Task<> Colleagues::carry_into(std::uint64_t member, Ask ask, std::string body, std::uint64_t timeout_ms,
                                  io::OneShot<Result<std::string>> done) {
  auto carrying = carry_(member, ask, std::move(body), timeout_ms);
  Result<std::string> answer = co_await carrying;
  done.set(std::move(answer));
}

void Colleagues::watch() {
  if (attempts_.empty()) watch_.stop();
  for (const Attempt& each : attempts_)
    if (each.leader != log_.leader()) each.done.set(fail(Errc::not_leader, "the leader changed"));
}

void Colleagues::stop() {
  stopping_ = true;
  for (const Reader& reader : readers_) reader.done.set({});
  for (const Attempt& each : attempts_) each.done.set(fail(Errc::closed, "the controller is stopping"));
}

io::Task<Result<void>> Colleagues::fence(io::Deadline deadline) {
  if (others_.empty()) co_return Result<void>{};
  const io::Event done(loop_);
  readers_.push_back({deadline, done});
  if (!reading_) io::spawn(serve_readers());
  auto waiting = done.wait(deadline);
  const auto read = co_await waiting;
  if (stopping_) co_return fail(Errc::closed, "the controller is stopping");
  if (!read) co_return fail(Errc::timed_out, "too few controllers can be reached");
  co_return Result<void>{};
}

io::Task<bool> Colleagues::find_leader() {
  auto fencing = fence(io::Deadline::in_ms(options_.patience_ms));
  const Result<void> stands = co_await fencing;
  set_out_of_touch(!stands);
  co_return stands.has_value();
}

io::Task<bool> Colleagues::in_touch() {
  if (out_of_touch_) co_return false;
  bool stands = false;
  for (int look = 0; look < kLooks && !stands; ++look) {
    auto fencing = fence(io::Deadline::in_ms(kLookMs));
    stands = (co_await fencing).has_value();
  }
  set_out_of_touch(!stands);
  co_return stands;
}

void Colleagues::set_out_of_touch(bool out) {
  if (std::exchange(out_of_touch_, out) == out) return;
  log(out ? Level::error : Level::info, "cluster.out_of_touch",
      {{"reads", out ? "from what is known here" : "current"}});
  if (out) io::spawn(look_again());
}

io::Task<> Colleagues::look_again() {
  while (out_of_touch_ && !stopping_) {
    auto fencing = fence(io::Deadline::in_ms(kLookMs));
    const Result<void> stands = co_await fencing;
    if (stands) set_out_of_touch(false);
  }
}

io::Task<> Colleagues::serve_readers() {
  reading_ = true;
  while (!readers_.empty() && !stopping_) {
    std::vector<Reader> batch = std::exchange(readers_, {});
    auto round = read_round();
    const Result<void> read = co_await round;
    if (read || stopping_) {
      for (const Reader& reader : batch) reader.done.set({});
      continue;
    }
    for (Reader& reader : batch)
      if (reader.deadline.left_ms() > 0) readers_.push_back(std::move(reader));
    auto pausing = io::sleep(loop_, kAgainMs);
    co_await pausing;
  }
  reading_ = false;
}

io::Task<Result<void>> Colleagues::read_round() {
  if (log_.leads()) {
    // What this member acknowledged it has applied; what its predecessors did, too, or it would not lead yet.
    auto confirming = confirm();
    co_return co_await confirming;
  }
  auto asking = ask_leader(Ask::read_index, {}, kQuestionMs);
  const Result<std::string> answered = co_await asking;
  if (!answered) co_return fail(answered.error());
  std::string_view bytes = *answered;
  const Result<std::uint64_t> index = take_number(bytes);
  if (!index) co_return fail(index.error());
  auto waiting = replica_.applied(*index, io::Deadline::in_ms(kQuestionMs));
  co_return co_await waiting;
}

io::Task<Result<void>> Colleagues::confirm() {
  const std::uint64_t term = log_.position().term;
  const std::size_t needed = (others_.size() + 1) / 2;  // with this member itself, more than half
  if (needed == 0) co_return Result<void>{};
  const auto poll = std::make_shared<Poll>(needed, others_.size(), io::OneShot<Result<io::Nothing>>(loop_));
  for (const std::uint64_t member : others_) io::spawn(confirm_one(member, number_text(term), poll));
  auto waiting = poll->done.wait(io::Deadline::in_ms(kCountMs));
  auto counted = co_await waiting;
  if (!counted) co_return fail(counted.error());
  if (!*counted) co_return fail(counted->error());
  // Its term may have ended while the answers came.
  if (!log_.leads() || log_.position().term != term) co_return fail(Errc::not_leader);
  co_return Result<void>{};
}

io::Task<> Colleagues::confirm_one(std::uint64_t member, std::string term, std::shared_ptr<Poll> poll) {
  auto carrying = carry_(member, Ask::confirm, std::move(term), kCountMs);
  const Result<std::string> answered = co_await carrying;
  poll->count(answered.has_value());
}

io::Task<Result<std::string>> Colleagues::answer(std::uint64_t from, Ask ask, std::string body) {
  switch (ask) {
    case Ask::propose: {
      Result<state::Entry> entry = state::decode(body);
      if (!entry) co_return fail(entry.error());
      if (!log_.leads()) co_return fail(Errc::not_leader);
      entry->now = io::now();
      auto committing = replica_.commit(std::move(*entry));
      const Result<Replica::Committed> committed = co_await committing;
      if (!committed) co_return fail(committed.error());
      if (proposed_) proposed_();
      co_return number_text(committed->index) + state::encode(committed->reply, replica_.format());
    }
    case Ask::read_index: {
      if (!log_.leads()) co_return fail(Errc::not_leader);
      auto fencing = fence(io::Deadline::in_ms(kQuestionMs));
      const Result<void> fenced = co_await fencing;
      if (!fenced) co_return fail(fenced.error());
      if (!log_.leads()) co_return fail(Errc::not_leader);
      co_return number_text(log_.position().applied);
    }
    case Ask::confirm: {
      std::string_view bytes = body;
      const Result<std::uint64_t> term = take_number(bytes);
      if (!term) co_return fail(term.error());
      if (log_.position().term != *term || log_.leader() != from) co_return fail(Errc::not_leader);
      co_return std::string();
    }
    default:
      break;
  }
  co_return fail(Errc::einval, "question {} is not known", static_cast<int>(ask));
}

}  // namespace flurm::ctld
