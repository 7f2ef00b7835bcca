// dbd/answers.hpp — requests that only ask: what is found for each. They run on workers.
#pragma once
#include <functional>
#include <memory>

#include "acct/books.hpp"
#include "dbd/draft.hpp"
#include "dbd/privacy.hpp"
#include "store/store.hpp"
#include "wire/msg/dbd_messages.hpp"

namespace flurm::dbd {

/// What an answer is made from.
struct Question {
  std::shared_ptr<const acct::Books> books;  ///< the connection's own, with what it has not committed
  store::Store& store;
  const Actor& actor;
  std::string cluster;  ///< that the connection named
  TimeS now;
  std::function<bool(const std::string&)> is_user;  ///< of this machine; may block
  PrivateData hidden;                               ///< from this actor; nothing from operators
};

wire::TresList get_tres(const Question& question, const wire::TresCond& cond);
wire::QosList get_qos(const Question& question, const wire::QosCond& cond);
wire::ClusterList get_clusters(const Question& question, const wire::ClusterCond& cond);
wire::AccountList get_accounts(const Question& question, const wire::AccountCond& cond);
wire::UserList get_users(const Question& question, const wire::UserCond& cond);
wire::AssocList get_assocs(const Question& question, const wire::AssocCond& cond);
wire::AssocList get_problems(const Question& question, const wire::AssocCond& cond);
wire::WckeyList get_wckeys(const Question& question, const wire::WckeyCond& cond);
wire::ResList get_resources(const Question& question, const wire::ResCond& cond);
wire::FederationList get_federations(const Question& question, const wire::FederationCond& cond);
wire::TxnList get_transactions(const Question& question, const wire::TxnCond& cond);
wire::EventList get_events(const Question& question, const wire::EventCond& cond);
wire::ReservationList get_reservations(const Question& question, const wire::ReservationCond& cond);
wire::JobList get_jobs(const Question& question, const wire::JobCond& cond);
/// The record that was asked about, with what was used of it (usage_answers.cpp).
wire::AssocUsage get_usage(const Question& question, wire::AssocUsage asked);
wire::ClusterUsage get_usage(const Question& question, wire::ClusterUsage asked);
wire::WckeyUsage get_usage(const Question& question, wire::WckeyUsage asked);
/// The same for the records of an answer. Returns the answer's code.
std::uint32_t add_usage(const Question& question, std::vector<wire::AssocRec>& list, TimeS start, TimeS end);
std::uint32_t add_usage(const Question& question, std::vector<wire::ClusterRec>& list, TimeS start, TimeS end);
std::uint32_t add_usage(const Question& question, std::vector<wire::WckeyRec>& list, TimeS start, TimeS end);
/// What jobs used of each reservation while it lasted.
std::uint32_t add_usage(const Question& question, std::vector<wire::ReservationRec>& list);

/// Those that are not deleted, with their clusters.
wire::FederationList tell_federations(const acct::Books& books);
/// "/root/physics/0-alice/": what stands in the tree above it, and itself; told from 23.11 on.
std::string lineage(const acct::Books& books, const acct::Assoc& assoc);
/// The association with everything that a controller or client is told of it.
wire::AssocRec tell_assoc(const acct::Books& books, const acct::Books::Placed& placed, bool with_limits_above = true);
/// The user with default account, coordinated accounts, and what else is always told.
wire::UserRec tell_user(const acct::Books& books, const acct::User& user, const std::vector<std::string>& clusters);

}  // namespace flurm::dbd
