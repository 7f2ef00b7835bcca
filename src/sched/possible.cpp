// sched/possible.cpp — the tests that a request must pass at submission.
#include "sched/possible.hpp"

#include <algorithm>
#include <optional>

namespace flurm::sched {
namespace {

bool given(std::uint32_t value) { return value != kNoVal32; }

Result<void> check_names(const model::JobRequest& r, const Cluster& cluster) {
  if (!r.req_nodes.empty()) {
    FLURM_TRY(Bitmap required, cluster.nodes_of(r.req_nodes));
    const bool contiguous = r.contiguous != kNoVal16 && r.contiguous != 0;
    if (contiguous && required.any()) required.set_range(required.first(), required.last());
    if (given(r.max_nodes) && r.max_nodes != 0 && required.count() > r.max_nodes)
      return fail(Errc::invalid_node_count, "{} nodes required, at most {} wanted", required.count(), r.max_nodes);
    if (!r.exc_nodes.empty()) {
      FLURM_TRY(const Bitmap excluded, cluster.nodes_of(r.exc_nodes));
      if (excluded.intersects(required)) return fail(Errc::invalid_node_name, "nodes both required and excluded");
    }
  }
  if (!r.features.empty()) {
    FLURM_TRY(const Constraint constraint, Constraint::parse(r.features));
    for (const std::string& name : constraint.names())
      if (!cluster.has_feature(name)) return fail(Errc::invalid_feature, "no node has feature {}", name);
  }
  if (!r.prefer.empty()) {
    const auto constraint = Constraint::parse(r.prefer);
    if (!constraint) return fail(Errc::invalid_prefer, "{}", constraint.error().text);
    for (const std::string& name : constraint->names())
      if (!cluster.has_feature(name)) return fail(Errc::invalid_prefer, "no node has feature {}", name);
  }
  return {};
}

Result<void> check_licenses(const model::JobRequest& r, const model::Settings& settings) {
  if (r.licenses.empty()) return {};
  FLURM_TRY(const auto asked, parse_licenses(r.licenses));
  FLURM_TRY(const auto configured, parse_licenses(settings.licenses));
  for (const auto& [name, count] : asked) {
    const auto found = std::ranges::find(configured, name, [](const auto& license) { return license.first; });
    if (found == configured.end() || found->second < count)
      return fail(Errc::invalid_licenses, "{} licenses {}", count, name);
  }
  return {};
}

/// Slurm's words for what a node lacks.
std::string_view words(Lack lack) {
  switch (lack) {
    case Lack::nothing:
      return "";
    case Lack::cpus:
      return "CPU count per node can not be satisfied";
    case Lack::memory:
      return "Memory specification can not be satisfied";
    case Lack::tmp_disk:
      return "Temporary disk specification can not be satisfied";
    case Lack::shape:
      return "Socket, core and/or thread specification can not be satisfied";
  }
  return "";
}

}  // namespace

Result<void> knows_names(const model::JobRequest& request, const Cluster& cluster, const model::Settings& settings) {
  if (request.min_nodes == 0) return fail(Errc::invalid_node_count, "a job without nodes");
  FLURM_TRY_VOID(check_names(request, cluster));
  return check_licenses(request, settings);
}

Result<void> possible(const model::JobRequest& request, std::size_t partition, const Cluster& cluster,
                      const model::Settings& settings, Placer& placer, const Bitmap* within) {
  FLURM_TRY_VOID(knows_names(request, cluster, settings));
  FLURM_TRY(const Shape made, make_shape(request, partition, cluster, settings));
  const Shape& anywhere = made.preferred && !settings.ignore_prefer_validation ? *made.preferred : made;
  std::optional<Shape> inside;
  if (within && anywhere.nodes.any()) {
    inside = anywhere;
    inside->nodes &= *within;
    if (inside->nodes.none()) return std::unexpected(Error{Errc::requested_node_config_unavailable, {}});
  }
  const Shape& shape = inside ? *inside : anywhere;
  const bool node_limit = shape.demand.max_nodes < shape.demand.min_nodes;  // waits for the partition to change
  if (shape.nodes.none()) return fail(Errc::requested_node_config_unavailable, "{}", words(shape.lack));
  const bool misplaced = shape.required.size() != 0 && !shape.required.subset_of(shape.nodes);
  if (misplaced || (!node_limit && !placer.possible(shape, shape.nodes)))
    return std::unexpected(Error{Errc::requested_node_config_unavailable, {}});
  return {};
}

Result<void> possible_in(const model::JobRequest& request, std::size_t partition, const Cluster& cluster,
                         const model::Settings& settings, Placer& placer, Reservations& reservations,
                         const std::vector<std::string_view>& names, TimeS now) {
  FLURM_TRY(const Shape shape, make_shape(request, partition, cluster, settings));
  Result<void> refusal = fail(Errc::reservation_invalid);
  for (std::string_view name : names) {
    const ReservationIndex own = reservations.find(name);
    if (own == kNoReservation) continue;
    const Leave leave = reservations.leave({.own = own, .shape = &shape, .request = &request}, now, now + 1);
    if (leave.closed == Leave::Closed::later || leave.closed == Leave::Closed::maintenance)
      return possible(request, partition, cluster, settings, placer, nullptr);
    if (leave.closed != Leave::Closed::no) {
      refusal = fail(Errc::requested_node_config_unavailable, "Problem using reservation");
      continue;
    }
    placer.bar(leave.barred.get());
    refusal = possible(request, partition, cluster, settings, placer, &leave.nodes);
    placer.bar(nullptr);
    if (refusal) break;
  }
  return refusal;
}

}  // namespace flurm::sched
