// ctld/orders.cpp — see orders.hpp.
#include "ctld/orders.hpp"

#include "io/worker.hpp"
#include "replog/backup.hpp"

namespace flurm::ctld {
namespace {

constexpr std::size_t kReasonMax = 1000;
constexpr std::uint64_t kFenceMs = 3000;

io::Task<http::Response> set_drain(Core& core, state::SetDrain command) {
  const bool on = command.on;
  auto proposal = core.replica().propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return control_failed(reply.error());
  if (reply->code != Errc::success) co_return control_failed(Error{reply->code, reply->text});
  co_return control_done(on ? "new jobs are refused; what waits or runs goes on" : "new jobs are taken");
}

/// Everything that was acknowledged to anybody before this was asked is in it.
io::Task<http::Response> back_up(Core& core) {
  auto fencing = core.controller().colleagues().fence(io::Deadline::in_ms(kFenceMs));
  const Result<void> current = co_await fencing;
  if (!current)
    co_return control_failed(Error{current.error().code, current.error().text + ": what this one knows may be out of date"});
  const Replica::Snapshot state = core.replica().snapshot();
  const std::uint64_t index = core.replica().applied();
  auto packing = io::on_worker(core.controller().loop, [state, index] {
    return replog::seal_backup({.cluster = state->settings.cluster_name, .format = state->format, .index = index,
                                .time = state->now, .state = state::save(*state)});
  });
  std::string file = co_await packing;
  co_return http::Response{200, "application/octet-stream", std::move(file)};
}

}  // namespace

void add_orders(Control& control, Core& core) {
  control.on("/api/drain", [&core](std::uint32_t, Arguments arguments) -> io::Task<http::Response> {
    std::string reason = arguments.text("reason");
    if (reason.size() > kReasonMax) co_return control_failed(400, fmt::format("a reason has at most {} bytes", kReasonMax));
    auto setting = set_drain(core, {true, std::move(reason)});
    co_return co_await setting;
  });
  control.on("/api/backup", [&core](std::uint32_t, Arguments) { return back_up(core); });
  control.on("/api/resume", [&core](std::uint32_t, Arguments) { return set_drain(core, {false, ""}); });
}

}  // namespace flurm::ctld
