// ctld/admission.hpp — which partitions a submitted job may wait in, and whether it could ever start there.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "acct/claim.hpp"
#include "ctld/controller.hpp"
#include "state/accounting.hpp"
#include "wire/msg/job_desc.hpp"

namespace flurm::ctld {

/// The user a job is for, as far as partitions look at it.
struct Owner {
  std::string name;
  std::vector<std::string> groups;
};

using Partitions = std::vector<const model::Partition*>;  // of one snapshot of the state; never empty

/// The items of a comma list, without empty ones.
std::vector<std::string_view> split_names(std::string_view list);

/// The partitions that the request names, or that of its reservation, or the default one; an alternate in the place of
/// one that takes no jobs. Errors: invalid_partition_name with Slurm's words for the user, default_partition_not_set,
/// partition_not_avail.
Result<Partitions> asked_partitions(const state::ClusterState& state, const wire::JobDesc& desc);

/// One submission against its partitions.
class Admission {
 public:
  Admission(Controller& c, const state::ClusterState& state, const Owner& owner, std::uint32_t uid,
            state::Standing standing)
      : c_(c),
        state_(state),
        view_(scheduler_view(state)),
        owner_(owner),
        uid_(uid),
        standing_(standing),
        qos_flags_(acct::qos_flags(*state.books, standing.qos)) {}

  /// Whom the partitions let in, and their limits as far as EnforcePartLimits wants them met. Takes out partitions that
  /// the job may not use. Errors: access_denied, user_id_missing, job_missing_required_partition_group,
  /// invalid_account, invalid_qos, partition_not_avail, and those of sched::within_limits().
  Result<void> enter(const model::JobRequest& request, Partitions& partitions);

  /// Errors: invalid_node_name, invalid_node_count, invalid_feature, invalid_licenses.
  Result<void> knows_names(const model::JobRequest& request) { return c_.admission.knows_names(view_, request); }

  /// Whether the job could start in one of the partitions if nothing else ran. One that their limits keep waiting is
  /// not asked that, unless `whatever_limits`. Errors: those of sched::can_ever_run(),
  /// requested_part_config_unavailable.
  Result<void> could_start(const model::JobRequest& request, Partitions partitions, bool whatever_limits);

 private:
  Errc lets_in(const model::Partition& partition, const model::JobRequest& request) const;

  Controller& c_;
  const state::ClusterState& state_;
  const sched::View view_;
  const Owner& owner_;
  const std::uint32_t uid_;  // who submits
  const state::Standing standing_;
  const std::uint32_t qos_flags_;
};

}  // namespace flurm::ctld
