// dbd/answers.cpp — the books and the log as clients ask for them.
#include "dbd/answers.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "acct/edit.hpp"
#include "base/hostlist.hpp"
#include "dbd/select.hpp"
#include "dbd/translate.hpp"
#include "fmt/format.h"

namespace flurm::dbd {

std::string lineage(const acct::Books& books, const acct::Assoc& assoc) {
  std::string line;
  for (const acct::Assoc* at = &assoc; at; at = books.assocs().find(at->parent_id))
    line = at->user.empty() ? fmt::format("/{}{}", at->account, line.empty() ? "/" : line)
                            : fmt::format("/0-{}/{}", at->user, at->partition.empty() ? "" : at->partition + "/");
  return line;
}

wire::AssocRec tell_assoc(const acct::Books& books, const acct::Books::Placed& placed, bool with_limits_above) {
  const acct::Assoc& assoc = *placed.assoc;
  wire::AssocRec rec = to_wire(with_limits_above && !assoc.deleted ? books.effective(assoc) : assoc);
  if (const acct::Assoc* above = books.assocs().find(assoc.parent_id); above && assoc.user.empty())
    rec.parent_acct = above->account;
  rec.lft = placed.left;
  rec.rgt = placed.right;
  rec.lineage = lineage(books, assoc);
  return rec;
}

void in_order(std::vector<wire::WckeyRec>& wckeys) {
  std::ranges::stable_sort(wckeys, {},
                           [](const wire::WckeyRec& each) { return std::tie(each.cluster, each.name, each.user); });
}

wire::UserRec tell_user(const acct::Books& books, const acct::User& user, const std::vector<std::string>& clusters) {
  wire::UserRec rec = to_wire(user);
  for (const auto& [name, cluster] : books.clusters.rows()) {
    if (cluster->deleted || !wanted(clusters, name)) continue;
    if (rec.default_acct.empty())
      if (const acct::Assoc* assoc = books.default_assoc(name, user.name)) rec.default_acct = assoc->account;
    if (!rec.default_wckey.empty()) continue;
    for (const auto& [id, wckey] : books.wckeys.rows())
      if (!wckey->deleted && wckey->is_default && wckey->user == user.name && wckey->cluster == name)
        rec.default_wckey = wckey->name;
  }
  return rec;
}

wire::TresList get_tres(const Question& question, const wire::TresCond& cond) {
  wire::TresList answer;
  for (const auto& [id, each] : question.books->tres.rows())
    // A type may be meant with its name: "fs/disk".
    if (wanted(cond.id_list, id) && wanted(cond.name_list, each->name) &&
        (wanted(cond.type_list, each->type) || wanted(cond.type_list, each->type + "/" + each->name)))
      answer.list.push_back(to_wire(*each));
  return answer;
}

wire::QosList get_qos(const Question& question, const wire::QosCond& cond) {
  wire::QosList answer;
  for (const auto& [id, each] : question.books->qos.rows())
    if ((!each->deleted || cond.with_deleted) && wanted(cond.name_list, each->name) && wanted(cond.id_list, id) &&
        wanted(cond.description_list, each->description))
      answer.list.push_back(to_wire(*each, *question.books));
  return answer;
}

wire::ClusterList get_clusters(const Question& question, const wire::ClusterCond& cond) {
  wire::ClusterList answer;
  for (const auto& [name, each] : question.books->clusters.rows()) {
    if (!wanted(cond.cluster_list, name) || (each->deleted && !cond.with_deleted)) continue;
    if (!wanted(cond.rpc_version_list, each->rpc_version) || !wanted(cond.federation_list, each->federation)) continue;
    if (cond.classification && cond.classification != each->classification) continue;
    if (cond.flags != kNoVal32 && cond.flags != 0 && !(each->flags & cond.flags)) continue;
    wire::ClusterRec rec = to_wire(*each);
    if (const acct::Assoc* root = question.books->account_assoc(name, "root"))
      rec.root_assoc = tell_assoc(*question.books, {root, 1, 0});
    answer.list.push_back(std::move(rec));
  }
  if (cond.with_usage) answer.return_code = add_usage(question, answer.list, cond.usage_start, cond.usage_end);
  return answer;
}

wire::AccountList get_accounts(const Question& question, const wire::AccountCond& cond) {
  const acct::Books& books = *question.books;
  wire::AccountList answer;
  const auto own =
      question.hidden.accounts ? acct::coordinated(books, question.actor.name) : std::map<std::string, bool>();
  if (question.hidden.accounts && own.empty()) {
    answer.return_code = static_cast<std::uint32_t>(Errc::access_denied);
    return answer;
  }
  std::map<std::string, std::vector<wire::AssocRec>> assocs;
  if (cond.with_assocs) {
    wire::AssocCond every = cond.assoc_cond;
    every.with_deleted |= cond.with_deleted;
    wire::AssocList found = get_assocs(question, every);
    answer.return_code = found.return_code;
    for (wire::AssocRec& rec : found.list) assocs[rec.acct].push_back(std::move(rec));
  }
  for (const auto& [name, each] : books.accounts.rows()) {
    if ((each->deleted && !cond.with_deleted) || !wanted(cond.assoc_cond.acct_list, name)) continue;
    if (question.hidden.accounts && !own.contains(name)) continue;
    if (!wanted(cond.description_list, each->description) || !wanted(cond.organization_list, each->organization))
      continue;
    wire::AccountRec rec = to_wire(*each);
    if (cond.with_coords)
      for (const auto& [user, direct] : acct::coordinators(books, name))
        rec.coordinators.push_back({user, static_cast<std::uint16_t>(direct)});
    if (auto at = assocs.find(name); at != assocs.end()) rec.assoc_list = std::move(at->second);
    answer.list.push_back(std::move(rec));
  }
  return answer;
}

wire::UserList get_users(const Question& question, const wire::UserCond& cond) {
  const acct::Books& books = *question.books;
  wire::UserList answer;
  std::map<std::string, std::vector<wire::AssocRec>> assocs;
  std::vector<std::string> clusters = cond.assoc_cond.cluster_list;
  if (clusters.empty() && !cond.with_assocs && !cond.with_wckeys && cond.assoc_cond.only_defs)
    clusters = {question.cluster};
  if (cond.with_assocs) {
    wire::AssocCond every = cond.assoc_cond;
    every.with_deleted |= cond.with_deleted;
    if (!every.user_list) every.user_list.emplace();
    wire::AssocList found = get_assocs(question, every);
    answer.return_code = found.return_code;
    for (wire::AssocRec& rec : found.list) assocs[rec.user].push_back(std::move(rec));
  }
  for (const auto& [name, each] : books.users.rows()) {
    if (each->deleted && !cond.with_deleted) continue;
    if (question.hidden.users && name != question.actor.name) continue;
    if (cond.assoc_cond.user_list && !wanted(*cond.assoc_cond.user_list, name)) continue;
    if (cond.admin_level != 0 && static_cast<std::uint16_t>(each->admin_level) != cond.admin_level) continue;
    wire::UserRec rec = tell_user(books, *each, clusters);
    if (!cond.def_acct_list.empty() && !wanted(cond.def_acct_list, rec.default_acct)) continue;
    if (!cond.def_wckey_list.empty() && !wanted(cond.def_wckey_list, rec.default_wckey)) continue;
    if (cond.with_coords)
      for (const auto& [account, direct] : acct::coordinated(books, name))
        rec.coord_accts.push_back({account, static_cast<std::uint16_t>(direct)});
    if (cond.with_wckeys)
      for (const auto& [id, wckey] : books.wckeys.rows())
        if (wckey->user == name && (!wckey->deleted || cond.with_deleted) && wanted(clusters, wckey->cluster))
          rec.wckey_list.push_back(to_wire(*wckey));
    in_order(rec.wckey_list);
    if (auto at = assocs.find(name); at != assocs.end()) rec.assoc_list = std::move(at->second);
    answer.list.push_back(std::move(rec));
  }
  return answer;
}

wire::AssocList get_assocs(const Question& question, const wire::AssocCond& cond) {
  wire::AssocList answer;
  const auto own = question.hidden.users ? own_branches(*question.books, question.actor) : std::set<std::uint32_t>();
  for (const acct::Books::Placed& placed : select_assocs(*question.books, cond)) {
    if (question.hidden.users && !own.contains(placed.assoc->id)) continue;
    wire::AssocRec rec = tell_assoc(*question.books, placed, !cond.without_parent_limits);
    if (cond.without_parent_info) {
      rec.parent_acct.clear();
      rec.parent_id = 0;
    }
    if (cond.with_raw_qos) rec.qos_list = to_wire(*placed.assoc).qos_list;
    answer.list.push_back(std::move(rec));
  }
  if (cond.with_usage) answer.return_code = add_usage(question, answer.list, cond.usage_start, cond.usage_end);
  return answer;
}

wire::AssocList get_problems(const Question& question, const wire::AssocCond& cond) {
  // What is wrong stands where an id would be (slurm 22.05 slurm/slurmdb.h slurmdb_problem_type_t).
  enum Problem : std::uint32_t { account_no_assoc = 1, account_no_users = 2, user_no_assoc = 3, user_no_uid = 4 };
  const acct::Books& books = *question.books;
  wire::AssocList answer;
  const auto tell = [&](Problem problem, const std::string& cluster, const std::string& account,
                        const std::string& user) {
    wire::AssocRec& rec = answer.list.emplace_back();
    rec.id = problem;
    rec.cluster = cluster;
    rec.acct = account;
    rec.user = user;
  };
  std::set<std::string> with_assoc, users_with_assoc;
  std::set<std::pair<std::string, std::string>> with_users;
  for (const auto& [id, assoc] : books.assocs().rows()) {
    if (assoc->deleted) continue;
    with_assoc.insert(assoc->account);
    if (assoc->user.empty()) continue;
    users_with_assoc.insert(assoc->user);
    with_users.emplace(assoc->cluster, assoc->account);
  }
  for (const auto& [name, account] : books.accounts.rows())
    if (!account->deleted && wanted(cond.acct_list, name) && !with_assoc.contains(name))
      tell(account_no_assoc, "", name, "");
  for (const auto& [cluster, row] : books.clusters.rows()) {
    if (row->deleted || !wanted(cond.cluster_list, cluster)) continue;
    for (const acct::Books::Placed& each : books.tree(cluster))
      if (!each.assoc->deleted && each.assoc->user.empty() && wanted(cond.acct_list, each.assoc->account) &&
          !with_users.contains({cluster, each.assoc->account}) &&
          std::ranges::none_of(books.assocs().rows(), [&](const auto& other) {
            return !other.second->deleted && other.second->user.empty() && other.second->parent_id == each.assoc->id;
          }))
        tell(account_no_users, cluster, each.assoc->account, "");
  }
  for (const auto& [name, user] : books.users.rows()) {
    if (user->deleted || (cond.user_list && !wanted(*cond.user_list, name))) continue;
    if (!question.is_user(name))
      tell(user_no_uid, "", "", name);
    else if (!users_with_assoc.contains(name))
      tell(user_no_assoc, "", "", name);
  }
  return answer;
}

wire::WckeyList get_wckeys(const Question& question, const wire::WckeyCond& cond) {
  wire::WckeyList answer;
  for (const auto& [id, each] : question.books->wckeys.rows()) {
    if (each->deleted && !cond.with_deleted) continue;
    if (!wanted(cond.cluster_list, each->cluster) || !wanted(cond.user_list, each->user) ||
        !wanted(cond.name_list, each->name) || !wanted(cond.id_list, id) || (cond.only_defs && !each->is_default))
      continue;
    answer.list.push_back(to_wire(*each));
  }
  in_order(answer.list);
  if (cond.with_usage) answer.return_code = add_usage(question, answer.list, cond.usage_start, cond.usage_end);
  return answer;
}

wire::TxnList get_transactions(const Question& question, const wire::TxnCond& cond) {
  wire::TxnList answer;
  std::vector<acct::Transaction> log;
  const auto read =
      question.store.read([&](store::Reader& reader) { log = reader.transactions(cond.time_start, cond.time_end); });
  if (!read) answer.return_code = static_cast<std::uint32_t>(read.error().code);
  const auto mentions = [](const acct::Transaction& each, const std::vector<std::string>& names) {
    return names.empty() || std::ranges::any_of(names, [&](const std::string& name) {
             return each.where.find(name) != each.where.npos || each.info.find("'" + name + "'") != each.info.npos;
           });
  };
  for (const acct::Transaction& each : log) {
    if (!wanted(cond.actor_list, each.actor) || !wanted(cond.action_list, std::uint32_t{each.action}) ||
        !wanted(cond.id_list, each.id) || (!cond.cluster_list.empty() && !wanted(cond.cluster_list, each.cluster)))
      continue;
    if (!mentions(each, cond.acct_list) || !mentions(each, cond.user_list) || !mentions(each, cond.name_list) ||
        !mentions(each, cond.info_list))
      continue;
    wire::TxnRec rec;
    rec.id = each.id;
    rec.timestamp = each.time;
    rec.action = each.action;
    rec.actor_name = each.actor;
    rec.where_query = each.where;
    rec.set_info = each.info;
    rec.clusters = each.cluster;
    answer.list.push_back(std::move(rec));
  }
  return answer;
}

wire::EventList get_events(const Question& question, const wire::EventCond& cond) {
  wire::EventList answer;
  if (question.hidden.events) {
    answer.return_code = static_cast<std::uint32_t>(Errc::access_denied);
    return answer;
  }
  store::EventFilter filter;
  filter.clusters = cond.cluster_list;
  filter.period_start = cond.period_start;
  filter.period_end = cond.period_end;
  filter.open_only = cond.cond_flags & 1;
  std::vector<acct::Event> events;
  const auto read = question.store.read([&](store::Reader& reader) { events = reader.events(filter); });
  if (!read) answer.return_code = static_cast<std::uint32_t>(read.error().code);
  std::set<std::string> nodes;
  if (auto list = HostSet::parse(cond.node_list); list && !cond.node_list.empty()) {
    const auto& names = list->names();
    nodes.insert(names.begin(), names.end());
  }
  for (const acct::Event& each : events) {
    if (cond.event_type == 1 && !each.node.empty()) continue;
    if (cond.event_type == 2 && each.node.empty()) continue;
    if (!nodes.empty() && !nodes.contains(each.node)) continue;
    if (!wanted(cond.reason_list, each.reason) || !wanted(cond.reason_uid_list, each.reason_uid)) continue;
    if (!cond.state_list.empty() && std::ranges::none_of(numbers(cond.state_list), [&](std::uint32_t state) {
          return state <= 0xf ? (each.state & 0xf) == state : (each.state & state) != 0;
        }))
      continue;
    answer.list.push_back(to_wire(each));
  }
  return answer;
}

wire::ReservationList get_reservations(const Question& question, const wire::ReservationCond& cond) {
  wire::ReservationList answer;
  if (question.hidden.reservations) {
    answer.return_code = static_cast<std::uint32_t>(Errc::access_denied);
    return answer;
  }
  std::vector<acct::Reservation> found;
  const auto read = question.store.read([&](store::Reader& reader) { found = reader.reservations(cond.cluster_list); });
  if (!read) answer.return_code = static_cast<std::uint32_t>(read.error().code);
  for (const acct::Reservation& each : found) {
    if (!wanted(cond.id_list, each.id) || !wanted(cond.name_list, each.name)) continue;
    if (cond.time_start && each.end && each.end < cond.time_start) continue;
    if (cond.time_end && each.start > cond.time_end) continue;
    answer.list.push_back(to_wire(each));
  }
  if (cond.with_usage && answer.return_code == 0) answer.return_code = add_usage(question, answer.list);
  return answer;
}

}  // namespace flurm::dbd
