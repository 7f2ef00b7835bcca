// dbd/changes.hpp — the requests that change the books, one function each, and what they share.
#pragma once
#include <set>

#include "dbd/draft.hpp"
#include "wire/msg/dbd_messages.hpp"

namespace flurm::dbd {

Outcome add_clusters(const Change& change, const wire::ClusterList& message);
Outcome modify_clusters(const Change& change, const wire::ModifyClusters& message);
Outcome remove_clusters(const Change& change, const wire::ClusterCond& cond);

Outcome add_accounts(const Change& change, const wire::AccountList& message);
Outcome modify_accounts(const Change& change, const wire::ModifyAccounts& message);
Outcome remove_accounts(const Change& change, const wire::AccountCond& cond);

/// Since 23.11.
Outcome add_accounts_cond(const Change& change, const wire::AddAccountsCond& message);
Outcome add_users_cond(const Change& change, const wire::AddUsersCond& message);

Outcome add_users(const Change& change, const wire::UserList& message);
Outcome modify_users(const Change& change, const wire::ModifyUsers& message);
Outcome remove_users(const Change& change, const wire::UserCond& cond);
Outcome add_coordinators(const Change& change, const wire::AcctCoord& message);
Outcome remove_coordinators(const Change& change, const wire::AcctCoord& message);

Outcome add_assocs(const Change& change, const wire::AssocList& message);
Outcome modify_assocs(const Change& change, const wire::ModifyAssocs& message);
Outcome remove_assocs(const Change& change, const wire::AssocCond& cond);

Outcome add_qos(const Change& change, const wire::QosList& message);
Outcome modify_qos(const Change& change, const wire::ModifyQos& message);
Outcome remove_qos(const Change& change, const wire::QosCond& cond);
Outcome add_tres(const Change& change, const wire::TresList& message);
Outcome add_wckeys(const Change& change, const wire::WckeyList& message);
Outcome remove_wckeys(const Change& change, const wire::WckeyCond& cond);

Outcome add_resources(const Change& change, const wire::ResList& message);
Outcome modify_resources(const Change& change, const wire::ModifyRes& message);
Outcome remove_resources(const Change& change, const wire::ResCond& cond);
Outcome add_federations(const Change& change, const wire::FederationList& message);
Outcome modify_federations(const Change& change, const wire::ModifyFederations& message);
Outcome remove_federations(const Change& change, const wire::FederationCond& cond);

/// The federation, its state there and the features of a cluster, as the record says. Errors: it is full.
Result<void> change_federation(const acct::Books& books, acct::Cluster& cluster, const wire::ClusterRec& wish);

/// May the user change what is in this account? Operators may, and those who coordinate it.
bool may_change(const Change& change, const std::string& account);
/// Makes one of the user's wckeys on the cluster the default. False: there is none of that name.
bool make_default_wckey(const Change& change, const std::string& cluster, const std::string& user,
                        const std::string& name);

/// Takes associations away with all below them. A refusal (running jobs, default accounts) when it cannot be; then
/// nothing was changed. `guarded`: those among which a default account goes only alone.
std::optional<Outcome> take_assocs(const Change& change, const std::set<std::uint32_t>& ids,
                                   const std::set<std::uint32_t>& guarded);

}  // namespace flurm::dbd
