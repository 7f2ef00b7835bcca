// noded/parcels.cpp — see parcels.hpp.
#include "noded/parcels.hpp"

#include "base/log.hpp"
#include "fmt/format.h"
#include "io/timer.hpp"
#include "wire/msg/step_layout.hpp"

namespace flurm::noded {
namespace {

constexpr std::uint64_t kFirstPauseMs = 5, kLongestPauseMs = 500, kGiveUpMs = 120'000;

}  // namespace

void Parcels::carry(const StepLink::Ptr& link, exec::StepParcel parcel) {
  const Route route{link, parcel.to};
  const auto [queue, first] = under_way_.try_emplace(route);
  queue->second.push_back(std::move(parcel));
  if (first) io::spawn(deliver(route));
}

io::Task<void> Parcels::deliver(Route route) {
  const auto queue = under_way_.find(route);
  while (!queue->second.empty()) {
    exec::StepParcel parcel = std::move(queue->second.front());
    queue->second.pop_front();
    const exec::StepParcelSent sent{.to = parcel.to, .number = parcel.number};
    auto delivering = deliver_one(route, std::move(parcel));
    if (!co_await delivering) continue;
    auto telling = route.first->ask(exec::StepFrame::parcel_sent, sent);
    co_await telling;
  }
  under_way_.erase(queue);
}

io::Task<bool> Parcels::deliver_one(Route route, exec::StepParcel parcel) {
  const exec::StepKey& step = route.first->state().key;
  const wire::ForwardData message{.address = fmt::format("/sock.pmi2.{}.{}", step.job_id, step.step_id),
                                  .data = codec::pack(parcel, exec::kStepProtocol)};
  std::uint64_t pause_ms = kFirstPauseMs;
  for (const auto end = io::Deadline::in_ms(kGiveUpMs); end.left_ms() > 0 && !route.first->over();) {
    auto asking = node_.nodes.ask(parcel.node, Outgoing::of(wire::MsgType::REQUEST_FORWARD_DATA, message));
    const auto code = co_await asking;
    if (code && *code == 0) co_return true;
    auto pause = io::sleep(node_.loop, pause_ms);
    co_await pause;
    pause_ms = std::min(pause_ms * 2, kLongestPauseMs);
  }
  if (!route.first->over())
    log(Level::error, "noded.parcel_lost", {{"job_id", step.job_id}, {"step_id", step.step_id}, {"node", parcel.node}});
  co_return false;
}

}  // namespace flurm::noded
