// rpc/persistent_client.cpp — many requests over one connection.
#include <sys/socket.h>

#include <cerrno>

#include "io/worker.hpp"
#include "rpc/client.hpp"
#include "rpc/frames.hpp"
#include "wire/msg/persist.hpp"

namespace flurm::rpc {
namespace {

constexpr std::size_t kWaitingMax = 1000;

}  // namespace

struct PersistentClient::State {
  State(io::Loop& the_loop, io::Stream the_stream, Address the_peer, std::uint16_t the_version, std::uint32_t the_max)
      : loop(the_loop),
        stream(std::move(the_stream)),
        to(std::move(the_peer)),
        version(the_version),
        bytes_max(the_max) {}

  io::Loop& loop;
  io::Stream stream;
  Address to;
  std::uint16_t version;
  std::uint32_t bytes_max;
  std::string buffer;
  bool busy = false;
  std::deque<io::Event> waiting;

  /// The turn passes to the next caller that still waits.
  void next() {
    busy = false;
    while (!waiting.empty()) {
      io::Event turn = std::move(waiting.front());
      waiting.pop_front();
      if (turn.set({})) {
        busy = true;
        return;
      }
    }
  }

  static io::Task<Result<Response>> exchange(std::shared_ptr<State> self, std::string frame, io::Deadline deadline) {
    auto writing = self->stream.write_all(std::move(frame), deadline);
    Result<void> written = co_await writing;
    if (!written) co_return fail(written.error());
    auto reading = read_frame(self->stream, self->buffer, self->bytes_max, deadline);
    Result<std::string> answer = co_await reading;
    if (!answer) co_return fail(answer.error());
    co_return open_bare_frame(std::move(*answer), self->version);
  }

  static io::Task<Result<Response>> call(std::shared_ptr<State> self, wire::MsgType type, std::string body,
                                         io::Deadline deadline) {
    if (self->busy) {
      if (self->waiting.size() >= kWaitingMax) {
        co_return fail(Errc::communications_send, "{}: {} calls wait already", self->to.text(), kWaitingMax);
      }
      io::Event turn(self->loop);
      self->waiting.push_back(turn);
      auto waiting = turn.wait(deadline);
      Result<io::Nothing> mine = co_await waiting;
      if (!mine) co_return fail(Errc::timed_out, "{}: earlier calls took too long", self->to.text());
    }
    self->busy = true;
    if (!self->stream.is_open()) {
      self->next();
      co_return fail(Errc::closed, "{}: the connection is closed", self->to.text());
    }
    auto exchanging = exchange(self, bare_frame(type, body), deadline);
    Result<Response> response = co_await exchanging;
    // A late answer would be taken for that of the next call; and a late request would come after its repetition.
    if (!response) self->stream.abandon();
    self->next();
    if (!response) co_return fail(response.error().code, "{}: {}", self->to.text(), response.error().text);
    co_return std::move(response);
  }
};

io::Task<Result<std::unique_ptr<PersistentClient>>> PersistentClient::open(io::Loop& loop, const auth::Munge& munge,
                                                                           Address to, wire::PersistInit init,
                                                                           CallOptions options) {
  using Opened = Result<std::unique_ptr<PersistentClient>>;
  io::Deadline deadline = io::Deadline::in_ms(options.timeout_ms);
  wire::Header header;
  header.version = init.version;
  header.msg_type = wire::MsgType::REQUEST_PERSIST_INIT;
  if (init.persist_type == wire::persist_dbd) header.flags |= wire::slurmdbd_connection;
  auto sealing = io::on_worker(loop, [header, body = codec::pack(init, init.version), &munge,
                                      uid = options.restrict_uid] { return seal_frame(header, body, munge, uid); });
  Result<std::string> frame = co_await sealing;
  if (!frame) co_return fail(frame.error());

  auto connecting = io::connect_tcp(loop, to.host, to.port, deadline);
  Result<io::Stream> stream = co_await connecting;
  if (!stream) co_return fail(stream.error());
  auto writing = stream->write_all(std::move(*frame), deadline);
  Result<void> written = co_await writing;
  if (!written) co_return fail(Errc::communications_send, "{}: {}", to.text(), written.error().text);
  std::string buffer;
  auto reading = read_frame(*stream, buffer, options.frame_bytes_max, deadline);
  Result<std::string> answer = co_await reading;
  if (!answer) {
    Errc code = answer.error().code == Errc::timed_out ? Errc::timed_out : Errc::communications_receive;
    co_return fail(code, "{}: {}", to.text(), answer.error().text);
  }
  Result<Message> message = open_bare_frame(std::move(*answer), init.version);
  if (!message || !message->is<wire::PersistRc>()) {
    co_return fail(Errc::unexpected_msg, "{}: no persistent connections there", to.text());
  }
  const auto& rc = message->as<wire::PersistRc>();
  if (rc.rc != 0 || !wire::supported(rc.ret_info)) {
    co_return fail(Errc::unexpected_msg, "{}: refused: {} {}", to.text(), rc.rc, rc.comment);
  }
  stream->keep_alive();
  auto state = std::make_shared<PersistentClient::State>(loop, std::move(*stream), std::move(to), rc.ret_info,
                                                         options.frame_bytes_max);
  state->buffer = std::move(buffer);
  co_return Opened(std::make_unique<PersistentClient>(std::move(state)));
}

PersistentClient::~PersistentClient() { state_->stream.close(); }
std::uint16_t PersistentClient::version() const { return state_->version; }
bool PersistentClient::is_open() const { return state_->stream.is_open(); }

bool PersistentClient::peer_left() const {
  if (!state_->stream.is_open() || state_->busy) return !state_->stream.is_open();
  char none = 0;
  const ssize_t there = recv(state_->stream.fd(), &none, 1, MSG_PEEK | MSG_DONTWAIT);
  return there == 0 || (there < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

io::Task<Result<Response>> PersistentClient::call(wire::MsgType type, std::string body, std::uint64_t timeout_ms) {
  return State::call(state_, type, std::move(body), io::Deadline::in_ms(timeout_ms));
}

}  // namespace flurm::rpc
