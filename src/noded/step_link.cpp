// noded/step_link.cpp — see step_link.hpp.
#include "noded/step_link.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "codec/unpack.hpp"
#include "exec/spawn.hpp"
#include "fmt/format.h"

namespace flurm::noded {
namespace {

using exec::StepFrame;

constexpr std::uint64_t kGreetingMs = 30'000, kRequestMs = 20'000, kWriteMs = 60'000;

/// A supervisor needs nothing of our environment but the time zone, and for plugins that ask Slurm's library the
/// configuration.
std::vector<std::string> supervisor_environment() {
  std::vector<std::string> env{"PATH=/usr/bin:/bin"};
  for (const char* name : {"TZ", "SLURM_CONF"})
    if (const char* value = std::getenv(name)) env.push_back(fmt::format("{}={}", name, value));
  return env;
}

}  // namespace

StepLink::StepLink(io::Loop& loop, io::Stream stream, OnOver on_over)
    : loop_(loop), stream_(std::move(stream)), greeted_(loop), on_over_(std::move(on_over)) {}

io::Task<Result<StepLink::Ptr>> StepLink::launch(io::Loop& loop, std::string program, exec::StepLaunch orders,
                                                 std::function<void(pid_t)> started, OnOver on_over) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    co_return fail(Errc::node_execve_failed, "socketpair: {}", std::strerror(errno));
  }
  exec::Fd ours(ends[0]), theirs(ends[1]);
  exec::Fd log(fcntl(2, F_DUPFD_CLOEXEC, 3));  // what it says before it can read its orders
  auto pid = exec::spawn({.program = program,
                          .argv = {fmt::format("flurmstepd: [{}.{}]", orders.key.job_id,
                                               exec::step_file_name(orders.key.step_id).substr(5))},
                          .env = supervisor_environment(),
                          .stdin_fd = theirs.get(),
                          .stderr_fd = log.get()});
  if (!pid) co_return std::unexpected(pid.error());
  started(*pid);
  theirs.reset();
  auto stream = io::adopt_socket(loop, ours.release());
  if (!stream) co_return std::unexpected(stream.error());
  auto link = std::make_shared<StepLink>(loop, std::move(*stream), std::move(on_over));
  link->state_.key = orders.key;
  link->state_.uid = orders.user.uid;
  link->state_.gid = orders.user.gid;
  link->outgoing_.push_back(exec::step_frame(StepFrame::launch, codec::pack(orders, exec::kStepProtocol)));
  auto greeting = greet(link);
  co_return co_await greeting;
}

io::Task<Result<StepLink::Ptr>> StepLink::connect(io::Loop& loop, std::string directory, std::uint32_t step_id,
                                                  OnOver on_over) {
  // Through a descriptor: the path may be longer than a socket address.
  exec::Fd opened(open(directory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!opened) co_return fail(Errc::communications_connection, "{}: {}", directory, std::strerror(errno));
  auto connecting =
      io::connect_unix(loop, fmt::format("/proc/self/fd/{}/{}.sock", opened.get(), exec::step_file_name(step_id)),
                       io::Deadline::in_ms(kGreetingMs));
  auto stream = co_await connecting;
  if (!stream) co_return std::unexpected(stream.error());
  auto link = std::make_shared<StepLink>(loop, std::move(*stream), std::move(on_over));
  auto greeting = greet(link);
  co_return co_await greeting;
}

io::Task<Result<StepLink::Ptr>> StepLink::greet(Ptr link) {
  io::spawn(read_frames(link));
  if (!link->outgoing_.empty()) io::spawn(write_frames(link));
  auto waiting = link->greeted_.wait(io::Deadline::in_ms(kGreetingMs));
  auto greeted = co_await waiting;
  if (greeted && !link->closed_) co_return link;
  if (link->over_) co_return link;  // it failed at once, and said so
  link->on_over_ = {};
  link->close();
  co_return fail(greeted ? Errc::closed : Errc::timed_out, "supervisor of job {} did not start",
                 link->state_.key.job_id);
}

io::Task<void> StepLink::read_frames(Ptr self) {
  std::array<char, 4096> buffer;
  while (true) {
    auto reading = self->stream_.read_some(buffer, io::Deadline::never());
    auto n = co_await reading;
    if (!n || *n == 0) break;
    self->reader_.add({buffer.data(), *n});
    bool corrupt = false;
    while (true) {
      auto frame = self->reader_.next();
      corrupt = !frame;
      if (corrupt || !*frame) break;
      self->handle(**frame);
    }
    if (corrupt) break;
  }
  self->end_of_stream();
}

io::Task<void> StepLink::write_frames(Ptr self) {
  self->writing_ = true;
  while (!self->outgoing_.empty()) {
    std::string frame = std::move(self->outgoing_.front());
    self->outgoing_.pop_front();
    auto writing = self->stream_.write_all(std::move(frame), io::Deadline::in_ms(kWriteMs));
    auto written = co_await writing;
    if (!written) {
      self->stream_.close();
      break;
    }
  }
  self->writing_ = false;
}

io::Task<Result<exec::StepReply>> StepLink::ask_bytes(exec::StepFrame type, std::string body) {
  Ptr self = shared_from_this();
  if (closed_) co_return fail(Errc::closed, "supervisor of job {} is gone", state_.key.job_id);
  Reply reply(loop_);
  replies_.push_back(reply);
  outgoing_.push_back(exec::step_frame(type, body));
  if (!writing_) io::spawn(write_frames(self));
  auto waiting = reply.wait(io::Deadline::in_ms(kRequestMs));
  auto answered = co_await waiting;
  if (!answered) co_return std::unexpected(answered.error());
  co_return std::move(*answered);
}

void StepLink::handle(const exec::StepFrameReader::Frame& frame) {
  switch (frame.type) {
    case StepFrame::state:
    case StepFrame::ended: {
      auto state = exec::unpack_state(frame.body);
      if (!state) return;
      state_ = std::move(*state);
      greeted_.set({});
      if (state_.end)
        finish();
      else
        on_change_();
      break;
    }
    case StepFrame::reply: {
      if (replies_.empty()) return;
      Reply reply = replies_.front();
      replies_.pop_front();
      reply.set(codec::unpack<exec::StepReply>(frame.body, state_.protocol));
      break;
    }
    case StepFrame::parcel: {
      auto parcel = codec::unpack<exec::StepParcel>(frame.body, state_.protocol);
      if (!parcel) return;
      if (on_parcel_)
        on_parcel_(std::move(*parcel));
      else
        early_parcels_.push_back(std::move(*parcel));
      break;
    }
    default:
      break;
  }
}

void StepLink::on_parcel(OnParcel fn) {
  on_parcel_ = std::move(fn);
  for (exec::StepParcel& parcel : std::exchange(early_parcels_, {})) on_parcel_(std::move(parcel));
}

void StepLink::end_of_stream() {
  closed_ = true;
  stream_.close();
  for (Reply& reply : std::exchange(replies_, {})) reply.set(fail(Errc::closed, "the supervisor is gone"));
  const bool greeted = greeted_.is_set();
  greeted_.set({});
  if (greeted) finish();
}

void StepLink::finish() {
  if (std::exchange(over_, true)) return;
  if (OnOver on_over = std::exchange(on_over_, {})) loop_.defer(std::move(on_over));
}

void StepLink::close() {
  over_ = true;
  stream_.close();
}

}  // namespace flurm::noded
