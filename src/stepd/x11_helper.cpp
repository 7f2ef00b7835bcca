// stepd/x11_helper.cpp — see x11_helper.hpp.
#include "stepd/x11_helper.hpp"

#include <signal.h>

#include "codec/pack.hpp"
#include "codec/unpack.hpp"

namespace flurm::stepd {
namespace {

constexpr const char* kProgram = "flurmx11";
constexpr std::uint64_t kEndMs = 10'000;  // of a home directory that is slow
constexpr std::uint16_t kVersion = exec::kStepProtocol;

Result<exec::X11Ready> set_up(const Helper& helper, const exec::StepX11& x11) {
  exec::StepFrameReader reader(exec::kStepFrameMax);
  FLURM_TRY(
      const auto frame,
      first_answer(helper, reader, exec::step_frame(exec::StepFrame::x11_setup, codec::pack(x11, kVersion)), kProgram));
  FLURM_TRY(exec::X11Ready ready, codec::unpack<exec::X11Ready>(frame.body, kVersion));
  if (!ready.error.empty()) return fail(Errc::node_fork_failed, "{}", ready.error);
  return ready;
}

}  // namespace

Result<X11Helper> X11Helper::start(const exec::StepLaunch& launch, int mount_namespace) {
  FLURM_TRY(Helper helper, start_helper(kProgram, launch.user, mount_namespace));
  auto ready = set_up(helper, *launch.x11);
  if (ready) return X11Helper(std::move(helper), std::move(*ready));
  kill(helper.pid, SIGKILL);
  return std::unexpected(ready.error());
}

void X11Helper::end(std::uint64_t now_ms) {
  helper_.socket.reset();
  if (!ending_since_ms_)
    ending_since_ms_ = now_ms;
  else if (now_ms - *ending_since_ms_ > kEndMs)
    kill(helper_.pid, SIGKILL);
}

}  // namespace flurm::stepd
