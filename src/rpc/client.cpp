// rpc/client.cpp — one request, one connection.
#include "rpc/client.hpp"

#include "io/worker.hpp"
#include "rpc/frames.hpp"

namespace flurm::rpc {
namespace {

/// What a failed exchange means for the caller: whether the peer was reached, and how far it got.
Error exchange_error(const Error& error, const Address& to, Errc what) {
  if (error.code == Errc::timed_out) return {Errc::timed_out, fmt::format("{}: {}", to.text(), error.text)};
  return {what, fmt::format("{}: {}", to.text(), error.text)};
}

io::Task<Result<io::Stream>> connect_and_send(io::Loop& loop, Address to, std::string frame, io::Deadline deadline,
                                              std::uint64_t connect_ms) {
  const bool less = connect_ms != 0 && connect_ms < deadline.left_ms();
  auto connecting = io::connect_tcp(loop, to.host, to.port, less ? io::Deadline::in_ms(connect_ms) : deadline);
  Result<io::Stream> stream = co_await connecting;
  if (!stream && less && stream.error().code == Errc::timed_out)
    co_return fail(Errc::communications_connection, "{}: does not take connections", to.text());
  if (!stream) co_return fail(stream.error());
  auto writing = stream->write_all(std::move(frame), deadline);
  Result<void> written = co_await writing;
  if (!written) {
    stream->abandon();
    co_return fail(exchange_error(written.error(), to, Errc::communications_send));
  }
  co_return std::move(stream);
}

io::Task<Result<Response>> exchange(io::Loop& loop, const auth::Munge& munge, Address to, std::string frame,
                                    CallOptions options, io::Deadline deadline, bool for_another) {
  auto sending = connect_and_send(loop, to, std::move(frame), deadline, options.connect_ms);
  Result<io::Stream> stream = co_await sending;
  if (!stream) co_return fail(stream.error());
  std::string buffer;
  auto reading = read_frame(*stream, buffer, options.frame_bytes_max, deadline);
  Result<std::string> answer = co_await reading;
  if (!answer) {
    stream->abandon();  // a request that is given up must not arrive after its repetition
    co_return fail(exchange_error(answer.error(), to, Errc::communications_receive));
  }
  auto opening = io::on_worker(loop, [bytes = std::move(*answer), &munge, for_another]() mutable {
    return open_frame(std::move(bytes), munge,
                      {.accept_replayed = true, .is_answer = true, .for_another = for_another});
  });
  std::expected<Message, Refusal> message = co_await opening;
  if (!message) {
    Error& error = message.error().error;
    if (error.code == Errc::corrupt) error.code = Errc::communications_receive;
    co_return fail(error.code, "{}: {}", to.text(), error.text);
  }
  co_return std::move(*message);
}

wire::Header request_header(wire::MsgType type, std::uint16_t version, wire::Forward forward) {
  wire::Header header;
  header.version = version;
  header.msg_type = type;
  header.forward = std::move(forward);
  return header;
}

io::Task<Result<Response>> call_task(io::Loop& loop, const auth::Munge& munge, Address to, wire::Header header,
                                     std::string body, CallOptions options) {
  io::Deadline deadline = io::Deadline::in_ms(options.timeout_ms);
  auto sealing =
      io::on_worker(loop, [h = std::move(header), b = std::move(body), &munge, uid = options.restrict_uid]() mutable {
        return seal_frame(std::move(h), b, munge, uid);
      });
  Result<std::string> frame = co_await sealing;
  if (!frame) co_return fail(frame.error());
  auto exchanging = exchange(loop, munge, std::move(to), std::move(*frame), options, deadline, false);
  co_return co_await exchanging;
}

io::Task<Result<void>> send_task(io::Loop& loop, const auth::Munge& munge, Address to, wire::Header header,
                                 std::string body, CallOptions options) {
  io::Deadline deadline = io::Deadline::in_ms(options.timeout_ms);
  auto sealing =
      io::on_worker(loop, [h = std::move(header), b = std::move(body), &munge, uid = options.restrict_uid]() mutable {
        return seal_frame(std::move(h), b, munge, uid);
      });
  Result<std::string> frame = co_await sealing;
  if (!frame) co_return fail(frame.error());
  auto sending = connect_and_send(loop, std::move(to), std::move(*frame), deadline, options.connect_ms);
  Result<io::Stream> stream = co_await sending;
  if (!stream) co_return fail(stream.error());
  co_return Result<void>{};
}

}  // namespace

io::Task<Result<Response>> Client::call(Address to, wire::MsgType type, std::string body, std::uint16_t version,
                                        CallOptions options) {
  wire::Header header = request_header(type, version, std::move(options.forward));
  return call_task(loop_, munge_, std::move(to), std::move(header), std::move(body), std::move(options));
}

io::Task<Result<void>> Client::send_only(Address to, wire::MsgType type, std::string body, std::uint16_t version,
                                         CallOptions options) {
  wire::Header header = request_header(type, version, std::move(options.forward));
  return send_task(loop_, munge_, std::move(to), std::move(header), std::move(body), std::move(options));
}

io::Task<Result<Response>> Client::call_frame(Address to, std::string frame, CallOptions options) {
  const auto deadline = io::Deadline::in_ms(options.timeout_ms);
  return exchange(loop_, munge_, std::move(to), std::move(frame), std::move(options), deadline, true);
}

}  // namespace flurm::rpc
