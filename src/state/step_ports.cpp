// state/step_ports.cpp — see step_ports.hpp.
#include "state/step_ports.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "fmt/format.h"

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

/// Marks the ports of a text that ports_text() made.
void mark(std::string_view text, std::uint16_t first_port, std::vector<bool>& used) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    std::uint32_t first = 0;
    at = std::from_chars(at, end, first).ptr;
    std::uint32_t last = first;
    if (at < end && *at == '-') at = std::from_chars(at + 1, end, last).ptr;
    for (std::uint32_t port = first; port <= last; ++port)
      if (port >= first_port && port - first_port < used.size()) used[port - first_port] = true;
    ++at;  // the comma
  }
}

std::string ports_text(std::vector<std::uint32_t> ports) {
  std::ranges::sort(ports);
  std::string text;
  for (std::size_t i = 0; i < ports.size();) {
    std::size_t last = i;
    while (last + 1 < ports.size() && ports[last + 1] == ports[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += i == last ? fmt::format("{}", ports[i]) : fmt::format("{}-{}", ports[i], ports[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace

Result<StepPorts> find_step_ports(const ClusterState& state, const model::StepRequest& request,
                                  const model::StepPlacement& placement) {
  const model::Settings& settings = state.settings;
  const std::size_t wanted = wanted_ports(settings, request, placement);
  if (wanted == 0) return StepPorts{.text = {}, .last_given = state.last_step_port};
  const std::size_t all =
      settings.step_port_max < settings.step_port_min ? 0 : settings.step_port_max - settings.step_port_min + 1u;
  if (wanted > all) return fail(Errc::ports_invalid, "{} ports of {}", wanted, all);

  std::vector<bool> used(all);
  state.steps.for_each([&](std::uint64_t, const auto& step) {
    if (!step->resv_ports.empty() && share_a_node(*step->placement, placement))
      mark(step->resv_ports, settings.step_port_min, used);
    return true;
  });
  std::vector<std::uint32_t> ports;
  std::size_t at = state.last_step_port;
  for (std::size_t i = 0; i < all && ports.size() < wanted; ++i) {
    at = at + 1 < all ? at + 1 : 0;
    if (!used[at]) ports.push_back(static_cast<std::uint32_t>(settings.step_port_min + at));
  }
  if (ports.size() < wanted) return fail(Errc::ports_busy, "{} ports of {}", ports.size(), wanted);
  return StepPorts{.text = ports_text(std::move(ports)), .last_given = static_cast<std::uint16_t>(at)};
}

}  // namespace flurm::state
