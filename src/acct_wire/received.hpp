// acct_wire/received.hpp — what an accounting daemon tells a controller, taken into the controller's books.
//
// The daemon is slurmdbd or flurmdbd. What it tells of an association has the limits that come from above in it
// already, and the list of all QOS that it may use: such books are never asked for effective() values.
#pragma once
#include <string>

#include "acct/books.hpp"
#include "wire/msg/accounting_update.hpp"

namespace flurm::acct {

/// Records that are new or changed, and what is gone.
struct News {
  Books records;
  std::vector<std::uint32_t> assocs_gone, qos_gone, wckeys_gone, resources_gone;
  std::vector<std::string> users_gone, accounts_gone;
  std::vector<std::uint32_t> assocs_unused, qos_unused;  ///< used up nothing from now on
  bool empty() const;
};

/// Whole records.
Assoc received(const wire::AssocRec& rec);
Qos received(const wire::QosRec& rec);
User received(const wire::UserRec& rec);
Wckey received(const wire::WckeyRec& rec);
Tres received(const wire::TresRec& rec);
Resource received(const wire::ResRec& rec);
/// The accounts that the user coordinates, directly, become records of `books` with him in them.
void receive_coordinator(Books& books, const wire::UserRec& rec);

/// What the update changes in `books`, which are those of `cluster`. Source: slurm 22.05 src/common/assoc_mgr.c
/// assoc_mgr_update() and what it calls.
News read_update(const Books& books, const wire::AccountingUpdate& update, const std::string& cluster);

}  // namespace flurm::acct
