// dbd/publish.hpp — what changed in the books, as controllers are told.
#pragma once
#include "acct/books.hpp"
#include "wire/msg/accounting_update.hpp"

namespace flurm::dbd {

/// What the controller of `cluster` must hear to know `now` when it knew `before`. Empty: nothing.
wire::AccountingUpdate updates(const acct::Books& before, const acct::Books& now, const std::string& cluster);

}  // namespace flurm::dbd
