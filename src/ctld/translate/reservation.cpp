// ctld/translate/reservation.cpp — see reservation.hpp.
#include "ctld/translate/reservation.hpp"

#include <algorithm>
#include <bit>

#include "base/bitmap.hpp"
#include "base/hostlist.hpp"
#include "ctld/translate/info.hpp"
#include "fmt/format.h"
#include "sched/place.hpp"

namespace flurm::ctld {
namespace {

namespace flag = model::resv_flag;

std::uint32_t count(const std::vector<std::uint64_t>& cores) {
  std::uint32_t sum = 0;
  for (std::uint64_t word : cores) sum += static_cast<std::uint32_t>(std::popcount(word));
  return sum;
}

/// "0-1,4"
std::string core_list(const std::vector<std::uint64_t>& cores) {
  Bitmap bits(cores.size() * 64);
  for (std::size_t i = 0; i < bits.size(); ++i)
    if (cores[i / 64] >> (i % 64) & 1) bits.set(i);
  return bits.list();
}

}  // namespace

wire::ReserveInfo reservation_info(const state::ClusterState& state, const model::Reservation& r, TimeS now) {
  const auto period = r.period(now);
  wire::ReserveInfo info;
  info.accounts = r.accounts;
  info.burst_buffer = r.burst_buffer;
  info.comment = r.comment;
  info.end_time = period.end;
  info.features = r.features;
  info.flags = r.flags;
  info.licenses = r.licenses;
  info.max_start_delay = r.max_start_delay_s;
  info.name = r.name;
  info.partition = r.partition;
  info.purge_comp_time = r.purge_after_s;
  info.resv_watts = r.watts;
  info.start_time = period.start;
  info.users = r.users;
  info.groups = r.groups;
  std::vector<std::string> names;
  std::vector<model::NodeId> ids;
  std::uint64_t cpus = 0;
  for (const model::ReservedNode& reserved : r.nodes) {
    const model::Node* node = state.node(reserved.node);
    if (!node || node->removed) continue;
    names.push_back(node->config.name);
    ids.push_back(reserved.node);
    const std::uint32_t cores = r.whole_nodes ? node->core_count() : count(reserved.cores);
    info.core_cnt += cores;
    cpus += r.whole_nodes ? node->config.cpus : std::uint64_t{cores} * node->config.threads;
    if (!r.whole_nodes) info.core_spec.push_back({node->config.name, core_list(reserved.cores)});
  }
  info.node_cnt = static_cast<std::uint32_t>(ids.size());
  info.node_list = compress_hosts_sorted(names);
  info.node_inx = node_bits(state, ids);
  if (cpus != 0) info.tres_str = fmt::format("cpu={}", cpus);
  return info;
}

std::vector<std::uint32_t> reserved_flags(const state::ClusterState& state, TimeS now) {
  std::vector<std::uint32_t> flags;
  for (const auto& reservation : state.reservations) {
    if (!reservation->active(now)) continue;
    flags.resize(state.next_node_id);
    for (const model::ReservedNode& node : reservation->nodes) {
      flags[node.node] |= model::node_flag::reserved;
      if (reservation->has(flag::maint)) flags[node.node] |= model::node_flag::maint;
    }
  }
  return flags;
}

TimeS reservations_turned(const state::ClusterState& state, TimeS now) {
  TimeS turned = state.reservations_changed;
  for (const auto& reservation : state.reservations) {
    if (reservation->has(flag::time_float)) continue;
    for (TimeS time : {reservation->start, reservation->end})
      if (time <= now) turned = std::max(turned, time);
  }
  return turned;
}

std::uint32_t reserved_licenses(const state::ClusterState& state, const std::string& name, TimeS now) {
  std::uint32_t sum = 0;
  for (const auto& reservation : state.reservations) {
    if (reservation->binds() && (now < reservation->start || now > reservation->end)) continue;
    const auto licenses = sched::parse_licenses(reservation->licenses);
    if (!licenses) continue;
    for (const auto& [license, number] : *licenses)
      if (license == name) sum += number;
  }
  return sum;
}

}  // namespace flurm::ctld
