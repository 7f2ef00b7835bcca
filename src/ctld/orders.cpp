// ctld/orders.cpp — see orders.hpp.
#include "ctld/orders.hpp"

namespace flurm::ctld {
namespace {

constexpr std::size_t kReasonMax = 1000;

io::Task<http::Response> set_drain(Core& core, state::SetDrain command) {
  const bool on = command.on;
  auto proposal = core.replica().propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return control_failed(reply.error());
  if (reply->code != Errc::success) co_return control_failed(Error{reply->code, reply->text});
  co_return control_done(on ? "new jobs are refused; what waits or runs goes on" : "new jobs are taken");
}

}  // namespace

void add_orders(Control& control, Core& core) {
  control.on("/api/drain", [&core](std::uint32_t, Arguments arguments) -> io::Task<http::Response> {
    std::string reason = arguments.text("reason");
    if (reason.size() > kReasonMax) co_return control_failed(400, fmt::format("a reason has at most {} bytes", kReasonMax));
    auto setting = set_drain(core, {true, std::move(reason)});
    co_return co_await setting;
  });
  control.on("/api/resume", [&core](std::uint32_t, Arguments) { return set_drain(core, {false, ""}); });
}

}  // namespace flurm::ctld
