// cluster/channel.cpp — see channel.hpp.
#include "cluster/channel.hpp"

#include "cluster/link.hpp"

namespace flurm::cluster {
namespace {

/// Bytes that wait for a slow connection, and calls that wait for their handlers; more are refused.
constexpr std::size_t kWaitingBytesMax = 2 * kCallBytesMax;
constexpr std::size_t kAnsweringMax = 4096;
constexpr std::size_t kVersionMax = 64;
/// Tells a refusal for want of room from the handler's own words.
constexpr std::uint8_t kRefused = 1;

}  // namespace

Channel::Channel(io::Loop& loop, std::shared_ptr<io::Stream> stream, ChannelOptions options, Answer answer)
    : loop_(loop),
      stream_(std::move(stream)),
      options_(std::move(options)),
      answer_(std::move(answer)),
      reader_(kCallBytesMax + 64),
      timer_(loop, [this] { beat(); }),
      heard_at_ms_(io::monotonic_ms()) {}

void Channel::beat() {
  // Beats are counted, not time: while this process stood still the other side's words waited in the socket.
  if (++quiet_beats_ * options_.ping_ms > options_.silence_ms)
    return close({Errc::closed, fmt::format("nothing heard for {} ms", io::monotonic_ms() - heard_at_ms_)});
  if (!options_.calls) return;
  ping_sent_at_us_ = io::monotonic_us();
  send(FrameType::ping, 0, ping_sent_at_us_, {});
}

io::Task<Error> Channel::run() {
  const auto self = shared_from_this();
  send(FrameType::greeting, 0, 0, options_.version);
  timer_.start(0, options_.ping_ms);
  while (is_open()) {
    auto reading = stream_->read_append(reader_.buffer(), io::Deadline::never());
    const Result<std::size_t> n = co_await reading;
    if (!n || *n == 0) {
      close(n ? Error{Errc::closed, "the other side closed the connection"} : n.error());
      break;
    }
    quiet_beats_ = 0;
    heard_at_ms_ = io::monotonic_ms();
    while (is_open()) {
      const Result<std::optional<Frame>> frame = reader_.next();
      if (frame && !*frame) break;
      const Result<void> taken = frame ? take(**frame) : fail(frame.error());
      if (!taken) close(taken.error());
    }
  }
  co_return why_;
}

Result<void> Channel::take(const Frame& frame) {
  switch (frame.type) {
    case FrameType::greeting:
      if (frame.body.size() > kVersionMax) return fail(Errc::corrupt, "a version of {} bytes", frame.body.size());
      version_ = frame.body;
      if (greeted_) greeted_();
      break;
    case FrameType::ping:
      send(FrameType::pong, 0, frame.call, {});
      break;
    case FrameType::pong:
      if (frame.call == ping_sent_at_us_) round_trip_us_ = io::monotonic_us() - ping_sent_at_us_;
      break;
    case FrameType::request:
      if (!answer_) return fail(Errc::corrupt, "a call on a connection that goes the other way");
      if (answering_ >= kAnsweringMax) {
        send(FrameType::failure, kRefused, frame.call,
             failure_body({Errc::error, fmt::format("{} calls wait there already", kAnsweringMax)}));
        break;
      }
      ++answering_;
      io::spawn(answer_call(shared_from_this(), frame.kind, frame.call, std::string(frame.body)));
      break;
    case FrameType::answer:
    case FrameType::failure: {
      const auto found = pending_.find(frame.call);
      if (found == pending_.end()) break;  // its caller has given up
      if (frame.type == FrameType::answer) {
        found->second.done.set(std::string(frame.body));
      } else {
        Error error = failure_of(frame.body);
        if (frame.kind == kRefused) error.code = Errc::communications_connection;
        found->second.done.set(fail(std::move(error)));
      }
      break;
    }
  }
  return {};
}

io::Task<> Channel::answer_call(std::shared_ptr<Channel> self, std::uint8_t kind, std::uint64_t call,
                                std::string body) {
  auto answering = self->answer_(kind, std::move(body));
  Result<std::string> answer = co_await answering;
  --self->answering_;
  if (answer && answer->size() > kCallBytesMax)
    answer = fail(Errc::protocol_insane_length, "an answer of {} bytes", answer->size());
  if (answer) {
    self->send(FrameType::answer, 0, call, *answer);
  } else {
    Error error = std::move(answer.error());
    if (error.text.size() > kCallBytesMax) error.text.resize(kCallBytesMax);
    self->send(FrameType::failure, 0, call, failure_body(error));
  }
}

io::Task<Result<std::string>> Channel::call(std::uint8_t kind, std::string body, std::uint64_t timeout_ms) {
  const auto self = shared_from_this();
  const auto deadline = io::Deadline::in_ms(timeout_ms);
  if (!is_open()) co_return fail(Errc::communications_connection, "{}", why_.text);
  if (body.size() > kCallBytesMax) co_return fail(Errc::protocol_insane_length, "a call of {} bytes", body.size());
  if (out_.size() + body.size() > kWaitingBytesMax)
    co_return fail(Errc::communications_connection, "{} bytes wait for {} already", out_.size(), stream_->peer());
  const std::uint64_t number = ++last_call_;
  const io::OneShot<Result<std::string>> done(loop_);
  pending_.emplace(number, Pending{done});
  unsent_.push_back(number);
  send(FrameType::request, kind, number, body);
  body = {};
  auto waiting = done.wait(deadline);
  Result<Result<std::string>> answer = co_await waiting;
  pending_.erase(number);
  if (!answer) co_return fail(Errc::timed_out, "{}: no answer in {} ms", stream_->peer(), timeout_ms);
  co_return std::move(*answer);
}

void Channel::send(FrameType type, std::uint8_t kind, std::uint64_t call, std::string_view body) {
  if (!is_open()) return;
  // Answers must go; who asks for so many at once and does not read them is not worth the memory.
  if (out_.size() + body.size() > 2 * kWaitingBytesMax)
    return close({Errc::closed, fmt::format("{} bytes wait and are not taken", out_.size())});
  put_frame(out_, type, kind, call, body);
  if (std::exchange(flush_queued_, true)) return;
  // Frames of one iteration of the loop share a write.
  loop_.defer([self = shared_from_this()] {
    self->flush_queued_ = false;
    if (!self->writing_) io::spawn(write_out(self));
  });
}

io::Task<> Channel::write_out(std::shared_ptr<Channel> self) {
  self->writing_ = true;
  while (!self->out_.empty() && self->is_open()) {
    std::string bytes = std::exchange(self->out_, {});
    for (const std::uint64_t call : std::exchange(self->unsent_, {}))
      if (const auto found = self->pending_.find(call); found != self->pending_.end()) found->second.sent = true;
    auto writing = self->stream_->write_all(std::move(bytes), io::Deadline::never());
    const Result<void> written = co_await writing;
    if (!written) self->close(written.error());
  }
  self->writing_ = false;
}

void Channel::close(Error why) {
  if (!is_open()) return;
  why_ = std::move(why);
  timer_.stop();
  stream_->close();
  out_.clear();
  greeted_ = nullptr;
  for (auto& [number, call] : pending_)
    call.done.set(fail(call.sent ? Errc::closed : Errc::communications_connection, "{}", why_.text));
}

}  // namespace flurm::cluster
