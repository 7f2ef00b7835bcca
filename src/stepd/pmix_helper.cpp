// stepd/pmix_helper.cpp — see pmix_helper.hpp.
#include "stepd/pmix_helper.hpp"

#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "codec/pack.hpp"
#include "codec/unpack.hpp"

namespace flurm::stepd {
namespace {

using exec::StepFrame;

constexpr const char* kProgram = "flurmpmix";
constexpr std::uint64_t kEndMs = 7'000;  // longer than it allows itself
constexpr std::size_t kOutgoingMax = 16u << 20;
constexpr std::uint16_t kVersion = exec::kStepProtocol;

}  // namespace

Result<PmixHelper> PmixHelper::start(const exec::StepLaunch& launch) {
  FLURM_TRY(Helper started, start_helper(kProgram, launch.user));
  PmixHelper helper(std::move(started));
  const exec::PmixSetup setup{.step = *launch.pmix, .node_rank = launch.node_rank};
  const std::string bytes = exec::step_frame(StepFrame::pmix_setup, codec::pack(setup, kVersion));
  if (auto ready = helper.set_up(bytes, launch.tasks.size()); !ready) {
    kill(helper.pid(), SIGKILL);
    return std::unexpected(ready.error());
  }
  return helper;
}

Result<void> PmixHelper::set_up(const std::string& setup, std::size_t tasks) {
  FLURM_TRY(const auto frame, first_answer(helper_, reader_, setup, kProgram));
  FLURM_TRY(exec::PmixReady ready, codec::unpack<exec::PmixReady>(frame.body, kVersion));
  if (!ready.error.empty()) return fail(Errc::node_fork_failed, "{}", ready.error);
  if (ready.tasks.size() != tasks)
    return fail(Errc::node_fork_failed, "PMIx: {} tasks of {}", ready.tasks.size(), tasks);
  tasks_ = std::move(ready.tasks);
  return {};
}

bool PmixHelper::read_available() {
  std::array<char, 65536> buffer;
  const ssize_t n = recv(helper_.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (n <= 0) {
    helper_.socket.reset();
    return false;
  }
  reader_.add({buffer.data(), static_cast<std::size_t>(n)});
  return true;
}

void PmixHelper::write_available() {
  while (helper_.socket && !outgoing_.empty()) {
    const ssize_t n = send(helper_.socket.get(), outgoing_.data(), outgoing_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;
    outgoing_.erase(0, static_cast<std::size_t>(n));
  }
}

std::vector<exec::StepParcel> PmixHelper::handle() {
  std::vector<exec::StepParcel> fresh;
  if (!helper_.socket) return fresh;
  write_available();
  read_available();
  while (true) {
    auto frame = reader_.next();
    if (!frame) helper_.socket.reset();
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
  if (ending_since_ms_ || !helper_.socket) return Errc::node_job_not_running;
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
  if (!helper_.socket) return;
  if (!ending_since_ms_) {
    ending_since_ms_ = now_ms;
    shutdown(helper_.socket.get(), SHUT_WR);
  } else if (now_ms - *ending_since_ms_ > kEndMs) {
    kill(helper_.pid, SIGKILL);
  }
}

}  // namespace flurm::stepd
