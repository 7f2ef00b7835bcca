// acct/accrual.hpp — how many waiting jobs may grow older in priority at a time: MaxJobsAccrue and GrpJobsAccrue.
// Source: slurm 22.05 src/slurmctld/acct_policy.c _get_accrue_limits().
#pragma once
#include <cstdint>
#include <map>

#include "acct/policy.hpp"

namespace flurm::acct {

/// Those that grow older, tasks of arrays counted, by scope_key().
using Accruing = std::map<std::uint64_t, std::uint32_t>;

/// How many jobs like this one may begin to; kInfinite32: there is no limit. The first limit counts that is found at
/// the job's QOS, its association, and those above it.
std::uint32_t accrual_room(const Books& books, const Accruing& accruing, const Claimant& job);

/// `count` jobs like this one do.
void add_accruing(const Books& books, Accruing& accruing, const Claimant& job, std::uint32_t count);

}  // namespace flurm::acct
