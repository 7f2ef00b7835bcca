// state/accounting.hpp — a job's place in the books of accounting: its association, QOS and wckey.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "acct/books.hpp"
#include "acct/policy.hpp"
#include "base/result.hpp"
#include "model/job.hpp"
#include "state/cluster_state.hpp"

namespace flurm::state {

/// The association of the request's user and account, the user's default account when it names none, in the first of
/// `partitions` (a comma list) where it has one of that partition; else that of all partitions. Null: there is none.
/// Source: slurm 22.05 src/common/assoc_mgr.c assoc_mgr_fill_in_assoc().
const acct::Assoc* assoc_for(const acct::Books& books, const std::string& cluster, const model::JobRequest& request,
                             std::string_view partitions);

/// The id of the QOS of that name; without a name, of the default one. 0: the books know no QOS.
/// `assoc` may be null. Errors: invalid_qos.
/// Source: slurm 22.05 src/common/assoc_mgr.c assoc_mgr_get_default_qos_info(), assoc_mgr_fill_in_qos().
Result<std::uint32_t> qos_for(const acct::Books& books, const acct::Assoc* assoc, std::string_view name);

/// Where a job stands in the books; 0: nowhere.
struct Standing {
  std::uint32_t assoc = 0, qos = 0;
};
/// The request's place, as far as AccountingStorageEnforce wants one: its account, QOS and wckey are filled in with
/// what stands for them by default. `privileged`: of an operator, who may use any QOS. Errors: invalid_account,
/// invalid_qos, invalid_wckey. Source: slurm 22.05 src/slurmctld/job_mgr.c _job_create(),
/// _determine_and_validate_qos(), _copy_job_desc_to_job_record().
Result<Standing> find_standing(const ClusterState& state, model::JobRequest& request, std::string_view partitions,
                               bool privileged = false);

/// The limits on submission, in each of the partitions; `time_limit` is given to a job that has none.
/// Errors: accounting_policy, whose text is the limit as clients name it.
Result<void> within_submit_limits(const ClusterState& state, const model::JobRequest& request, const Standing& standing,
                                  std::string_view partitions, std::uint32_t tasks, std::uint32_t& time_limit);

/// Counts the job among those submitted, or does not any more. Null: there is none before, or after.
void count_submitted(ClusterState& state, const model::Job* before, const model::Job* after);
/// Counts all of them anew: the books have changed, or the partitions.
void recount_submitted(ClusterState& state);

}  // namespace flurm::state
