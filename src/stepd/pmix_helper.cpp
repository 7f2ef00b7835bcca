// stepd/pmix_helper.cpp — see pmix_helper.hpp.
#include "stepd/pmix_helper.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "codec/pack.hpp"
#include "codec/unpack.hpp"
#include "exec/program.hpp"
#include "exec/spawn.hpp"
#include "fmt/format.h"

namespace flurm::stepd {
namespace {

using exec::StepFrame;

constexpr int kReadyMs = 20'000;
constexpr std::uint64_t kEndMs = 7'000;  // longer than it allows itself
constexpr std::size_t kOutgoingMax = 16u << 20;
constexpr std::uint16_t kVersion = exec::kStepProtocol;

}  // namespace

Result<PmixHelper> PmixHelper::start(const exec::StepLaunch& launch) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(Errc::node_fork_failed, "socketpair: {}", std::strerror(errno));
  exec::Fd ours(ends[0]), theirs(ends[1]);
  const std::string own = exec::own_program();
  const std::string program = own.substr(0, own.rfind('/') + 1) + "flurmpmix";
  if (access(program.c_str(), X_OK) != 0) return fail(Errc::node_fork_failed, "{}: {}", program, std::strerror(errno));
  // When the supervisor dies, its end of the socket tells the server to end.
  const exec::SpawnSpec spec{
      .program = program, .argv = {"flurmpmix"}, .env = {"PATH=/usr/bin:/bin"}, .stdin_fd = theirs.get()};
  FLURM_TRY(const pid_t pid, geteuid() == 0 ? exec::spawn_as(spec, launch.user) : exec::spawn(spec));
  PmixHelper helper(std::move(ours), pid);
  theirs.reset();
  const exec::PmixSetup setup{.step = *launch.pmix, .node_rank = launch.node_rank};
  if (!exec::write_all(helper.socket_.get(), exec::step_frame(StepFrame::pmix_setup, codec::pack(setup, kVersion))))
    return fail(Errc::node_fork_failed, "the PMIx server ended at once");
  if (auto ready = helper.wait_until_ready(launch.tasks.size()); !ready) {
    kill(pid, SIGKILL);
    return std::unexpected(ready.error());
  }
  return helper;
}

Result<void> PmixHelper::wait_until_ready(std::size_t tasks) {
  while (true) {
    FLURM_TRY(auto frame, reader_.next());
    if (frame && frame->type == StepFrame::pmix_ready) {
      FLURM_TRY(exec::PmixReady ready, codec::unpack<exec::PmixReady>(frame->body, kVersion));
      if (!ready.error.empty()) return fail(Errc::node_fork_failed, "{}", ready.error);
      if (ready.tasks.size() != tasks)
        return fail(Errc::node_fork_failed, "PMIx: {} tasks of {}", ready.tasks.size(), tasks);
      tasks_ = std::move(ready.tasks);
      return {};
    }
    pollfd waiting = wait();
    if (poll(&waiting, 1, kReadyMs) == 0) return fail(Errc::node_fork_failed, "the PMIx server does not start");
    if (!read_available()) return fail(Errc::node_fork_failed, "the PMIx server ended at once");
  }
}

bool PmixHelper::read_available() {
  std::array<char, 65536> buffer;
  const ssize_t n = recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (n <= 0) {
    socket_.reset();
    return false;
  }
  reader_.add({buffer.data(), static_cast<std::size_t>(n)});
  return true;
}

void PmixHelper::write_available() {
  while (socket_ && !outgoing_.empty()) {
    const ssize_t n = send(socket_.get(), outgoing_.data(), outgoing_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;
    outgoing_.erase(0, static_cast<std::size_t>(n));
  }
}

std::vector<exec::StepParcel> PmixHelper::handle() {
  std::vector<exec::StepParcel> fresh;
  if (!socket_) return fresh;
  write_available();
  read_available();
  while (true) {
    auto frame = reader_.next();
    if (!frame) socket_.reset();
    if (!frame || !*frame) return fresh;
    if ((*frame)->type == StepFrame::pmix_parcel) {
      if (auto parcel = codec::unpack<exec::StepParcel>((*frame)->body, kVersion)) {
        waiting_.push_back(*parcel);
        fresh.push_back(std::move(*parcel));
      }
    } else if ((*frame)->type == StepFrame::pmix_abort) {
      if (auto abort = codec::unpack<exec::PmixAbort>((*frame)->body, kVersion)) abort_ = std::move(*abort);
    }
  }
}

Errc PmixHelper::take(std::string_view packed) {
  auto parcel = codec::unpack<exec::StepParcel>(packed, kVersion);
  if (!parcel) return Errc::einval;
  std::uint64_t& last = taken_[parcel->from];
  if (parcel->number <= last) return Errc::success;
  if (ending_since_ms_ || !socket_) return Errc::node_job_not_running;
  if (parcel->number != last + 1 || outgoing_.size() > kOutgoingMax) return Errc::nodes_busy;
  last = parcel->number;
  outgoing_ += exec::step_frame(StepFrame::pmix_parcel, packed);
  write_available();
  return Errc::success;
}

void PmixHelper::sent(const exec::StepParcelSent& which) {
  std::erase_if(waiting_,
                [&](const exec::StepParcel& parcel) { return parcel.to == which.to && parcel.number <= which.number; });
}

void PmixHelper::end(std::uint64_t now_ms) {
  if (!socket_) return;
  if (!ending_since_ms_) {
    ending_since_ms_ = now_ms;
    shutdown(socket_.get(), SHUT_WR);
  } else if (now_ms - *ending_since_ms_ > kEndMs) {
    kill(pid_, SIGKILL);
  }
}

}  // namespace flurm::stepd
