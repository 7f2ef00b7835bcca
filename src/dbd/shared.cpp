// dbd/shared.cpp — what clusters share: resources ("licenses of a server") and federations. Told, made, changed and
// taken away. Source: slurm 22.05 src/plugins/accounting_storage/mysql/as_mysql_resource.c, as_mysql_federation.c.
#include <algorithm>

#include "dbd/answers.hpp"
#include "dbd/changes.hpp"
#include "dbd/select.hpp"
#include "dbd/translate.hpp"
#include "fmt/format.h"

namespace flurm::dbd {

namespace {

/// "Not set" among the flags of resources and of federations; what changes them; and those that are flags.
constexpr std::uint32_t kNotSet = 0x10000000, kAdd = 0x20000000, kRemove = 0x40000000, kBase = 0x0fffffff;
/// States of a cluster in its federation.
constexpr std::uint32_t kActive = 1;
constexpr std::uint32_t kFederatedMax = 63;
/// What lived less than a day was a mistake, of which nothing is kept (DELETE_SEC_BACK).
constexpr std::int64_t kMistakeS = 86'400;
/// Codes that are only passed on to clients (slurm/slurm_errno.h).
constexpr Errc kOverAllocate{7005}, kFederationFull{7100}, kSeveralFederations{7101};

bool selected(const acct::Resource& resource, const wire::ResCond& cond) {
  if (!(cond.flags & kNotSet) && !(resource.flags & cond.flags & kBase)) return false;
  return wanted(cond.description_list, resource.description) && wanted(cond.id_list, std::to_string(resource.id)) &&
         wanted(cond.manager_list, resource.manager) && wanted(cond.name_list, resource.name) &&
         wanted(cond.server_list, resource.server) && wanted(cond.type_list, std::to_string(resource.type));
}

/// Clusters that the condition means among those that have shares.
std::vector<std::string> sharing(const acct::Resource& resource, const wire::ResCond& cond) {
  std::vector<std::string> clusters;
  for (const auto& [cluster, share] : resource.shares)
    if (wanted(cond.cluster_list, cluster) && wanted(cond.allowed_list, std::to_string(share)))
      clusters.push_back(cluster);
  return clusters;
}

std::string full_name(const acct::Resource& resource) { return resource.name + "@" + resource.server; }
std::string share_name(const acct::Resource& resource, const std::string& cluster) {
  return fmt::format("Cluster - {}\t- {}", cluster, full_name(resource));
}

constexpr const char* kNotAdded = "Failed to add system resource.";

}  // namespace

wire::ResList get_resources(const Question& question, const wire::ResCond& cond) {
  wire::ResList answer;
  for (const auto& [id, each] : question.books->resources.rows()) {
    if ((each->deleted && !cond.with_deleted) || !selected(*each, cond)) continue;
    wire::ResRec rec = to_wire(*each);
    if (cond.with_clusters != 0) {
      for (const std::string& cluster : sharing(*each, cond))
        rec.clus_res_list.push_back(acct::to_wire(cluster, each->shares.at(cluster)));
      if (rec.clus_res_list.empty() && cond.with_clusters == 1) continue;
    }
    answer.list.push_back(std::move(rec));
  }
  return answer;
}

Outcome add_resources(const Change& change, const wire::ResList& message) {
  if (!is_administrator(change.books, change.actor)) return Outcome::no_right();
  for (const wire::ResRec& each : message.list) {
    const bool fresh = each.id == kNoVal32;
    if (fresh && (each.name.empty() || each.server.empty())) return Outcome::refused(Errc::error, kNotAdded);
    const std::uint32_t type = each.type ? each.type : acct::Resource::kLicense;
    const acct::Resource* old =
        fresh ? change.books.find_resource(each.name, each.server, type) : change.books.resources.find_live(each.id);
    if (!fresh && !old) return Outcome::refused(Errc::error, kNotAdded);
    acct::Resource resource = old ? *old : acct::Resource{};
    if (!old) {
      resource.id = change.books.next_resource_id++;
      resource.name = each.name;
      resource.server = each.server;
      resource.created = change.now;
      if (change.policy.absolute_resources) resource.flags = acct::Resource::kAbsolute;
    }
    if (fresh) {
      if (resource.deleted) resource.shares.clear();
      resource.deleted = false;
      if (each.count == kNoVal32) resource.count = 0;
      acct::change(resource, each);
      change.note(std::to_string(resource.id), fmt::format("count={}, type={}", resource.count, resource.type));
    }
    for (const wire::ClusResRec& share : each.clus_res_list) {
      resource.shares[share.cluster] = acct::share_of(share).value_or(0);
      if (resource.shared() > resource.shared_max()) return Outcome::refused(kOverAllocate, kNotAdded);
      change.note(fmt::format("{}@{}", resource.id, share.cluster),
                  fmt::format("percent_allowed={}", resource.shares[share.cluster]));
    }
    resource.modified = change.now;
    change.books.resources.set(resource.id, std::move(resource));
  }
  return Outcome::done();
}

Outcome modify_resources(const Change& change, const wire::ModifyRes& message) {
  if (!is_operator(change.books, change.actor)) return Outcome::no_right();
  const wire::ResRec& wish = message.rec;
  const auto share = acct::share_of(wish);
  const bool counts = wish.count != kNoVal32 || wish.type != 0 || !(wish.flags & kNotSet);
  if (!counts && !share && wish.description.empty() && wish.manager.empty()) return Outcome::unaffected();
  const bool of_clusters = share || !message.cond.cluster_list.empty() || !message.cond.allowed_list.empty();
  std::vector<std::string> names;
  for (const auto& [id, each] : change.books.resources.copy()) {
    if (each->deleted || !selected(*each, message.cond)) continue;
    const std::vector<std::string> clusters = sharing(*each, message.cond);
    if (of_clusters && clusters.empty()) continue;
    acct::Resource changed = *each;
    acct::change(changed, wish);
    if (share)
      for (const std::string& cluster : clusters) changed.shares[cluster] = *share;
    if (share && changed.shared() > changed.shared_max())
      return Outcome::refused(kOverAllocate, "You can not allocate more than 100% of a resource");
    changed.modified = change.now;
    if (!of_clusters) names.push_back(full_name(changed));
    if (of_clusters || counts)
      for (const std::string& cluster : clusters) names.push_back(share_name(changed, cluster));
    change.note(fmt::format("id='{}'", id),
                share ? fmt::format("percent_allowed={}", *share) : fmt::format("count={}", changed.count));
    change.books.resources.set(id, std::move(changed));
  }
  if (names.empty() && share && !counts) return Outcome::unaffected();
  return Outcome::list(std::move(names));
}

Outcome remove_resources(const Change& change, const wire::ResCond& cond) {
  if (!is_administrator(change.books, change.actor)) return Outcome::no_right();
  const bool of_clusters = !cond.cluster_list.empty() || !cond.allowed_list.empty();
  std::vector<std::string> names;
  for (const auto& [id, each] : change.books.resources.copy()) {
    if (each->deleted || !selected(*each, cond)) continue;
    const std::vector<std::string> clusters = sharing(*each, cond);
    if (of_clusters && clusters.empty()) continue;
    acct::Resource left = *each;
    if (!of_clusters) {
      names.push_back(full_name(left));
      left.deleted = true;
    }
    for (const std::string& cluster : clusters) {
      names.push_back(share_name(left, cluster));
      left.shares.erase(cluster);
    }
    left.modified = change.now;
    change.note(fmt::format("id='{}'", id), "");
    if (left.deleted && change.now - left.created < kMistakeS)
      change.books.resources.erase(id);
    else
      change.books.resources.set(id, std::move(left));
  }
  return names.empty() ? Outcome::nothing(Errc::no_change_in_data) : Outcome::list(std::move(names));
}

wire::FederationList tell_federations(const acct::Books& books) {
  wire::FederationList answer;
  for (const auto& [name, each] : books.federations.rows()) {
    if (each->deleted) continue;
    wire::FederationRec rec{.name = name, .flags = each->flags, .cluster_list = std::vector<wire::ClusterRec>()};
    for (const auto& [member, cluster] : books.clusters.rows())
      if (!cluster->deleted && cluster->federation == name) rec.cluster_list->push_back(to_wire(*cluster));
    answer.list.push_back({std::move(rec)});
  }
  return answer;
}

wire::FederationList get_federations(const Question& question, const wire::FederationCond& cond) {
  wire::FederationList answer = tell_federations(*question.books);
  std::erase_if(answer.list, [&](const wire::OptionalFederation& each) {
    return !wanted(cond.federation_list, each.federation->name) ||
           (!cond.cluster_list.empty() &&
            std::ranges::none_of(*each.federation->cluster_list, [&](const wire::ClusterRec& member) {
              return wanted(cond.cluster_list, member.name);
            }));
  });
  return answer;
}

namespace {

/// The lowest number that no other cluster of the federation has.
Result<std::uint32_t> free_number(const acct::Books& books, const std::string& federation) {
  std::set<std::uint32_t> taken;
  for (const auto& [name, each] : books.clusters.rows())
    if (!each->deleted && each->federation == federation) taken.insert(each->fed_id);
  for (std::uint32_t number = 1; number <= kFederatedMax; ++number)
    if (!taken.contains(number)) return number;
  return fail(kFederationFull, "Too many clusters in federation");
}

void leave(acct::Cluster& cluster) {
  cluster.federation.clear();
  cluster.fed_id = cluster.fed_state = 0;
}

Result<void> join(const acct::Books& books, acct::Cluster& cluster, const std::string& federation) {
  if (cluster.federation == federation) return {};
  FLURM_TRY(cluster.fed_id, free_number(books, federation));
  cluster.federation = federation;
  cluster.fed_state = kActive;
  return {};
}

/// "a", "+a", "-a": clusters that the federation has, gets or loses. Unsigned ones are all that it has.
Result<void> assign_clusters(const Change& change, const std::string& federation,
                             const std::vector<wire::ClusterRec>& list) {
  std::vector<std::string> joining, leaving;
  bool whole = false;
  for (const wire::ClusterRec& each : list) {
    if (each.name.empty()) continue;
    const bool sign = each.name[0] == '+' || each.name[0] == '-';
    whole |= !sign;
    (each.name[0] == '-' ? leaving : joining).push_back(each.name.substr(sign ? 1 : 0));
  }
  acct::Books& books = change.books;
  for (const auto& [name, each] : books.clusters.copy()) {
    if (each->deleted) continue;
    const bool goes = whole ? each->federation == federation && std::ranges::find(joining, name) == joining.end()
                            : std::ranges::find(leaving, name) != leaving.end();
    if (!goes) continue;
    acct::Cluster changed = *each;
    leave(changed);
    books.clusters.set(name, std::move(changed));
  }
  for (const std::string& name : joining) {
    const acct::Cluster* known = books.clusters.find_live(name);
    if (!known) continue;
    acct::Cluster changed = *known;
    FLURM_TRY_VOID(join(books, changed, federation));
    books.clusters.set(name, std::move(changed));
  }
  return {};
}

void change_flags(acct::Federation& federation, std::uint32_t wish) {
  if (wish & kNotSet) return;
  if (wish & kRemove)
    federation.flags &= ~(wish & kBase);
  else
    federation.flags = wish & kAdd ? federation.flags | (wish & kBase) : wish & kBase;
}

std::vector<std::string> select_federations(const acct::Books& books, const wire::FederationCond& cond) {
  std::vector<std::string> names;
  for (const auto& [name, each] : books.federations.rows())
    if (!each->deleted && wanted(cond.federation_list, name)) names.push_back(name);
  return names;
}

}  // namespace

Result<void> change_federation(const acct::Books& books, acct::Cluster& cluster, const wire::ClusterRec& wish) {
  if (wish.fed_name && wish.fed_name->empty())
    leave(cluster);
  else if (wish.fed_name)
    FLURM_TRY_VOID(join(books, cluster, *wish.fed_name));
  if (wish.fed_state != kNoVal32 && !(wish.fed_name && wish.fed_name->empty())) cluster.fed_state = wish.fed_state;
  if (wish.fed_feature_list) acct::change_names(cluster.fed_features, *wish.fed_feature_list);
  return {};
}

Outcome add_federations(const Change& change, const wire::FederationList& message) {
  if (!is_administrator(change.books, change.actor)) return Outcome::no_right();
  constexpr const char* kRefused = "Failed to add cluster.";  // as Slurm says it
  for (const wire::OptionalFederation& each : message.list) {
    if (!each.federation || each.federation->name.empty()) return Outcome::refused(Errc::error, kRefused);
    const wire::FederationRec& wish = *each.federation;
    if (wish.cluster_list && message.list.size() > 1) return Outcome::refused(kSeveralFederations, kRefused);
    const acct::Federation* old = change.books.federations.find(wish.name);
    acct::Federation federation = old ? *old : acct::Federation{.name = wish.name, .created = change.now};
    federation.deleted = false;
    change_flags(federation, wish.flags);
    federation.modified = change.now;
    change.books.federations.set(wish.name, std::move(federation));
    if (wish.cluster_list)
      if (auto joined = assign_clusters(change, wish.name, *wish.cluster_list); !joined)
        return Outcome::refused(Errc::error, kRefused);
    change.note(wish.name, fmt::format("flags={}", change.books.federations.find(wish.name)->flags));
  }
  return Outcome::done();
}

Outcome modify_federations(const Change& change, const wire::ModifyFederations& message) {
  if (!is_administrator(change.books, change.actor)) return Outcome::no_right();
  if (!message.rec.federation) return Outcome::unaffected();
  const wire::FederationRec& wish = *message.rec.federation;
  const bool clusters = wish.cluster_list && !wish.cluster_list->empty();
  if (!clusters && wish.flags & kNotSet) return Outcome::unaffected();
  if (clusters && message.cond.federation_list.size() > 1)
    return Outcome::refused(kSeveralFederations, "Clusters can only be assigned to one federation");
  std::vector<std::string> names = select_federations(change.books, message.cond);
  for (const std::string& name : names) {
    acct::Federation changed = *change.books.federations.find(name);
    change_flags(changed, wish.flags);
    changed.modified = change.now;
    change.books.federations.set(name, std::move(changed));
    if (clusters)
      if (auto joined = assign_clusters(change, name, *wish.cluster_list); !joined)
        return Outcome::refused(joined.error().code, joined.error().text);
    change.note(fmt::format("(name='{}')", name), fmt::format("flags={}", wish.flags & kBase));
  }
  return names.empty() ? Outcome::nothing() : Outcome::list(std::move(names));
}

Outcome remove_federations(const Change& change, const wire::FederationCond& cond) {
  if (!is_administrator(change.books, change.actor)) return Outcome::no_right();
  std::vector<std::string> names = select_federations(change.books, cond);
  for (const std::string& name : names) {
    for (const auto& [member, each] : change.books.clusters.copy()) {
      if (each->federation != name) continue;
      acct::Cluster changed = *each;
      leave(changed);
      change.books.clusters.set(member, std::move(changed));
    }
    acct::Federation gone = *change.books.federations.find(name);
    gone.deleted = true;
    gone.modified = change.now;
    change.books.federations.set(name, std::move(gone));
    change.note(fmt::format("name='{}'", name), "");
  }
  return names.empty() ? Outcome::nothing(Errc::no_change_in_data) : Outcome::list(std::move(names));
}

}  // namespace flurm::dbd
