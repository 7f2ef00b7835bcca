// dbd/privacy.hpp — what users who are no operators may see: PrivateData of slurmdbd.conf.
// Source: slurm 22.05 src/plugins/accounting_storage/mysql/, where PRIVATE_DATA_* is asked for.
#pragma once
#include <set>
#include <string>
#include <string_view>

#include "acct/books.hpp"
#include "dbd/draft.hpp"

namespace flurm::dbd {

/// Of what each sees only his own.
struct PrivateData {
  bool accounts = false, events = false, jobs = false, reservations = false, usage = false, users = false;
  /// "jobs,users"; words of Slurm's that are about other daemons mean nothing here.
  static PrivateData of(std::string_view text);
};

/// Associations that are the user's, or in accounts that he coordinates.
std::set<std::uint32_t> own_assocs(const acct::Books& books, const Actor& actor);
/// The same and all above them: what of the tree he may see.
std::set<std::uint32_t> own_branches(const acct::Books& books, const Actor& actor);
/// May he see what `user` used, or (user empty or another) the account?
bool may_see_usage(const acct::Books& books, const Actor& actor, const PrivateData& hidden, const std::string& user,
                   const std::string& account);

}  // namespace flurm::dbd
