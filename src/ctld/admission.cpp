// ctld/admission.cpp — see admission.hpp.
#include "ctld/admission.hpp"

#include <algorithm>

#include "acct/claim.hpp"
#include "base/hostlist.hpp"
#include "io/clock.hpp"

namespace flurm::ctld {
namespace {

// EnforcePartLimits: slurm 22.05 src/slurmctld/slurmctld.h PARTITION_ENFORCE_*
constexpr std::uint16_t kEnforceNone = 0, kEnforceAll = 1, kEnforceAny = 2;

bool shares_name(std::string_view list, const std::vector<std::string>& names) {
  for (std::string_view each : split_names(list))
    if (std::find(names.begin(), names.end(), each) != names.end()) return true;
  return false;
}

/// The partition itself while it takes jobs, else the first of its alternates that does. Null: none.
/// Source: slurm 22.05 src/slurmctld/job_mgr.c _alt_part_test().
const model::Partition* open_or_alternate(const state::ClusterState& state, const model::Partition* partition) {
  const auto open = [](const model::Partition* p) { return (p->state_up & model::partition_state::submit) != 0; };
  std::size_t steps_left = state.partitions.size();  // alternates may lead in a circle
  while (partition && !open(partition) && steps_left-- > 0)
    partition = partition->alternate.empty() ? nullptr : state.partition(partition->alternate);
  return partition && open(partition) ? partition : nullptr;
}

}  // namespace

std::vector<std::string_view> split_names(std::string_view list) {
  std::vector<std::string_view> out;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (comma) out.push_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return out;
}

Result<Partitions> asked_partitions(const state::ClusterState& state, const wire::JobDesc& desc) {
  Partitions asked, open;
  const std::string_view names = desc.partition ? std::string_view(*desc.partition) : std::string_view();
  for (std::string_view name : split_names(names)) {
    const model::Partition* partition = state.partition(name);
    if (!partition) return fail(Errc::invalid_partition_name, "invalid partition specified: {}", name);
    asked.push_back(partition);
  }
  if (asked.empty() && desc.reservation)
    if (const model::Reservation* reservation = state.reservation(*desc.reservation))
      if (const model::Partition* its = state.partition(reservation->partition)) asked.push_back(its);
  if (asked.empty())
    if (const model::Partition* fallback = state.default_partition()) asked.push_back(fallback);
  if (asked.empty()) return fail(Errc::default_partition_not_set);
  for (const model::Partition* partition : asked) {
    partition = open_or_alternate(state, partition);
    if (partition && std::ranges::find(open, partition) == open.end()) open.push_back(partition);
  }
  if (open.empty()) return fail(Errc::partition_not_avail);
  return open;
}

Errc Admission::lets_in(const model::Partition& partition, const model::JobRequest& request) const {
  namespace flag = model::partition_flag;
  if (partition.flags & flag::req_resv && request.reservation.empty()) return Errc::access_denied;
  if (partition.flags & flag::root_only && !c_.is_operator(uid_)) return Errc::access_denied;
  if (partition.flags & flag::no_root && request.user_id == 0) return Errc::user_id_missing;
  if (!partition.allow_groups.empty() && partition.allow_groups != "ALL" && request.user_id != 0 &&
      !shares_name(partition.allow_groups, owner_.groups))
    return Errc::job_missing_required_partition_group;
  if (!partition.allow_alloc_nodes.empty() && partition.allow_alloc_nodes != "ALL") {
    const auto hosts = expand_hosts(partition.allow_alloc_nodes);
    if (!hosts || std::ranges::find(*hosts, request.alloc_node) == hosts->end()) return Errc::access_denied;
  }
  // Else it waits for another account, QOS or partition.
  if (state_.settings.enforce_part_limits == kEnforceNone) return Errc::success;
  return acct::admits(*state_.books, partition, standing_.assoc, standing_.qos);
}

/// Source: slurm 22.05 src/slurmctld/job_mgr.c _valid_job_part(), _validate_min_mem_partition().
Result<void> Admission::enter(const model::JobRequest& request, Partitions& partitions) {
  const std::uint16_t enforce = state_.settings.enforce_part_limits;
  Result<void> refusal;
  Partitions allowed;
  bool fits_one = false;
  for (const model::Partition* partition : partitions) {
    const Errc code = lets_in(*partition, request);
    const bool let_in = code == Errc::success;
    if (let_in) allowed.push_back(partition);
    Result<void> here = let_in ? c_.admission.within_limits(view_, request, *partition, qos_flags_)
                               : Result<void>(fail(code, "partition {}", partition->name));
    fits_one = fits_one || here;
    if (!here) refusal = std::move(here);
    if (!refusal && (enforce == kEnforceAll || (!let_in && enforce == kEnforceAny))) break;
    if (fits_one && enforce == kEnforceAny) refusal = {};
  }
  if (enforce != kEnforceNone && !refusal)
    return enforce == kEnforceAll || !fits_one ? refusal : fail(Errc::partition_not_avail);
  if (allowed.empty()) return refusal;
  partitions = std::move(allowed);
  return {};
}

/// Source: slurm 22.05 src/slurmctld/job_mgr.c _select_nodes_parts().
Result<void> Admission::could_start(const model::JobRequest& request, Partitions partitions, bool whatever_limits) {
  const std::uint16_t enforce = state_.settings.enforce_part_limits;
  const bool several = partitions.size() > 1;
  std::ranges::stable_sort(partitions, std::ranges::greater(), &model::Partition::priority_tier);
  Result<void> refusal = fail(Errc::requested_part_config_unavailable);
  for (const model::Partition* partition : partitions) {
    const Result<void> limits =
        whatever_limits ? Result<void>() : c_.admission.within_limits(view_, request, *partition, qos_flags_);
    if (!limits && limits.error().code != Errc::requested_nodes_not_in_partition) {
      if (!several && enforce == kEnforceNone) return {};  // it waits until they are others
      if (!several || enforce == kEnforceAll) return fail(Errc::requested_part_config_unavailable);
      if (enforce == kEnforceAny) continue;
    }
    Result<void> here = c_.admission.can_ever_run(view_, request, *partition, io::now());
    if (here) return here;
    refusal = std::move(here);
  }
  return refusal;
}

}  // namespace flurm::ctld
