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

}  // namespace flurm::state
