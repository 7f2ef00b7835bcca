// state/accounting.hpp — a job's place in the books of accounting: its association, QOS and wckey.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "acct/books.hpp"
#include "base/result.hpp"
#include "model/job.hpp"

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

/// Bits of acct::Qos::flags (slurm 22.05 slurm/slurmdb.h QOS_FLAG_*).
namespace qos_flag {
inline constexpr std::uint32_t part_min_node = 1u << 0, part_max_node = 1u << 1, part_time_limit = 1u << 2,
                               enforce_usage_thres = 1u << 3, no_reserve = 1u << 4, req_resv = 1u << 5,
                               deny_limit = 1u << 6, over_part_qos = 1u << 7, no_decay = 1u << 8,
                               usage_factor_safe = 1u << 9;
}

}  // namespace flurm::state
