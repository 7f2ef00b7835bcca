// acct/edit.hpp — the changes that books go through, each keeping the tree and the defaults whole.
#pragma once
#include <set>
#include <string>

#include "acct/books.hpp"

namespace flurm::acct {

/// The cluster with the root account's association and root's in it. `root`: limits and QOS of the root account's.
/// A deleted cluster comes back.
void add_cluster(Books& books, Cluster cluster, const Assoc& root, TimeS now);

/// Makes an association, or brings back a deleted one, beneath its account (users) or `parent` (accounts). `wish` has
/// the names and limits. `rank`: see Assoc::rank.
/// Nothing is done when there is a live one: null. Errors: invalid_parent_account.
Result<const Assoc*> add_assoc(Books& books, const Assoc& wish, const std::string& parent, std::uint32_t rank,
                               TimeS now);

/// Moves an account's association beneath another account; when that one is below it, that one takes its place.
/// Errors: invalid_parent_account (there is none, or it is itself or the root), same_parent_account.
Result<void> move_account(Books& books, std::uint32_t id, const std::string& parent, TimeS now);

/// Makes it the user's default on its cluster, the only one.
void make_default(Books& books, std::uint32_t id, TimeS now);
/// If the user has associations on the cluster but no default, the oldest becomes it.
void ensure_default(Books& books, const std::string& cluster, const std::string& user, TimeS now);

/// Associations and all below them. Those in `used` stay, marked as deleted and without limits; the others go.
void remove_assocs(Books& books, const std::set<std::uint32_t>& ids, const std::set<std::uint32_t>& used, TimeS now);
/// `ids` and all live ones below them.
std::set<std::uint32_t> with_below(const Books& books, const std::set<std::uint32_t>& ids);

/// Jobs of `id` may preempt those of themselves, directly or over others.
bool preemption_loop(const Books& books, std::uint32_t id, const std::set<std::uint32_t>& preempt);
/// The QOS disappears from the lists of those that have it. Where it is the default it stays so: sacctmgr looks for that
/// afterwards, and takes the removal back.
void forget_qos(Books& books, std::uint32_t id, TimeS now);

/// Accounts that the user coordinates, and whether directly (or as one below such an account).
std::map<std::string, bool> coordinated(const Books& books, const std::string& user);
/// Users that coordinate the account, and whether directly.
std::map<std::string, bool> coordinators(const Books& books, const std::string& account);

}  // namespace flurm::acct
