// state/step_ports.cpp — see step_ports.hpp.
#include "state/step_ports.hpp"

#include <algorithm>

#include "base/bitmap.hpp"

namespace flurm::state {
namespace {

std::size_t wanted_ports(const model::Settings& settings, const model::StepRequest& request,
                         const model::StepPlacement& placement) {
  if (request.resv_port_cnt != kNoVal16) return request.resv_port_cnt;
  if (!settings.step_ports_by_default) return 0;
  std::size_t tasks = 0;
  for (const model::StepShare& share : placement.shares) tasks = std::max(tasks, share.tasks.size());
  return tasks + 1;
}

bool share_a_node(const model::StepPlacement& one, const model::StepPlacement& other) {
  return std::ranges::any_of(one.shares, [&](const model::StepShare& share) {
    return std::ranges::find(other.shares, share.node, &model::StepShare::node) != other.shares.end();
  });
}

constexpr std::size_t kPorts = 65'536;  // numbers of ports are below

}  // namespace

Result<StepPorts> find_step_ports(const ClusterState& state, const model::StepRequest& request,
                                  const model::StepPlacement& placement) {
  const model::Settings& settings = state.settings;
  const std::size_t wanted = wanted_ports(settings, request, placement);
  if (wanted == 0) return StepPorts{.text = {}, .last_given = state.last_step_port};
  const std::size_t all =
      settings.step_port_max < settings.step_port_min ? 0 : settings.step_port_max - settings.step_port_min + 1u;
  if (wanted > all) return fail(Errc::ports_invalid, "{} ports of {}", wanted, all);

  Bitmap used(kPorts), ports(kPorts);
  state.steps.for_each([&](std::uint64_t, const auto& step) {
    if (!step->resv_ports.empty() && share_a_node(*step->placement, placement))
      if (const auto its = Bitmap::from_list(step->resv_ports, kPorts)) used |= *its;
    return true;
  });
  std::size_t found = 0, at = state.last_step_port;
  for (std::size_t i = 0; i < all && found < wanted; ++i) {
    at = at + 1 < all ? at + 1 : 0;
    if (used.test(settings.step_port_min + at)) continue;
    ports.set(settings.step_port_min + at);
    ++found;
  }
  if (found < wanted) return fail(Errc::ports_busy, "{} ports of {}", found, wanted);
  return StepPorts{.text = ports.list(), .last_given = static_cast<std::uint16_t>(at)};
}

}  // namespace flurm::state
