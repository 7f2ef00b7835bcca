// acct/books.cpp — looking up, inheriting, and the order of the tree.
#include "acct/books.hpp"

#include <algorithm>
#include <charconv>

#include "fmt/format.h"

namespace flurm::acct {

AssocLimits AssocLimits::unchanged() {
  AssocLimits none;
  for (std::uint32_t* each : {&none.grp_jobs, &none.grp_jobs_accrue, &none.grp_submit_jobs, &none.grp_wall,
                              &none.max_jobs, &none.max_jobs_accrue, &none.min_prio_thresh, &none.max_submit_jobs,
                              &none.max_wall_pj, &none.priority, &none.def_qos_id})
    *each = kNoVal32;
  return none;
}

std::uint32_t Resource::share(const std::string& cluster) const {
  const auto at = shares.find(cluster);
  if (at == shares.end()) return 0;
  if (flags & kAbsolute) return at->second;
  return static_cast<std::uint32_t>(std::uint64_t{count} * at->second / 100);
}

std::uint64_t Resource::shared() const {
  std::uint64_t sum = 0;
  for (const auto& [cluster, amount] : shares) sum += amount;
  return sum;
}

void Books::set_assoc(Assoc assoc) {
  assoc_by_name_[{assoc.cluster, assoc.account, assoc.user, assoc.partition}] = assoc.id;
  const std::uint32_t id = assoc.id;
  assocs_.set(id, std::move(assoc));
}

void Books::erase_assoc(std::uint32_t id) {
  const Assoc* assoc = assocs_.find(id);
  if (!assoc) return;
  assoc_by_name_.erase({assoc->cluster, assoc->account, assoc->user, assoc->partition});
  assocs_.erase(id);
}

const Assoc* Books::find_assoc(const std::string& cluster, const std::string& account, const std::string& user,
                               const std::string& partition) const {
  auto at = assoc_by_name_.find({cluster, account, user, partition});
  return at == assoc_by_name_.end() ? nullptr : assocs_.find(at->second);
}

const Assoc* Books::account_assoc(const std::string& cluster, const std::string& account) const {
  const Assoc* assoc = find_assoc(cluster, account, "", "");
  return assoc && !assoc->deleted ? assoc : nullptr;
}

const Qos* Books::find_qos(std::string_view name) const {
  for (const auto& [id, each] : qos.rows())
    if (each->name == name) return each.get();
  return nullptr;
}

const Tres* Books::find_tres(std::string_view type, std::string_view name) const {
  for (const auto& [id, each] : tres.rows())
    if (each->type == type && each->name == name) return each.get();
  return nullptr;
}

const Wckey* Books::find_wckey(const std::string& cluster, const std::string& user, const std::string& name) const {
  for (const auto& [id, each] : wckeys.rows())
    if (each->cluster == cluster && each->user == user && each->name == name) return each.get();
  return nullptr;
}

const Resource* Books::find_resource(std::string_view name, std::string_view server, std::uint32_t type) const {
  for (const auto& [id, each] : resources.rows())
    if (each->name == name && each->server == server && each->type == type) return each.get();
  return nullptr;
}

std::string Books::remote_licenses(const std::string& cluster) const {
  std::string text;
  for (const auto& [id, each] : resources.rows())
    if (!each->deleted && each->type == Resource::kLicense && each->shares.contains(cluster))
      text += fmt::format("{}{}@{}:{}", text.empty() ? "" : ",", each->name, each->server, each->share(cluster));
  return text;
}

const Assoc* Books::default_assoc(const std::string& cluster, const std::string& user) const {
  for (const auto& [id, each] : assocs_.rows())
    if (each->is_default && !each->deleted && each->user == user && each->cluster == cluster) return each.get();
  return nullptr;
}

namespace {

constexpr std::uint32_t AssocLimits::*kInherited[] = {&AssocLimits::max_jobs,        &AssocLimits::max_jobs_accrue,
                                                      &AssocLimits::min_prio_thresh, &AssocLimits::max_submit_jobs,
                                                      &AssocLimits::max_wall_pj,     &AssocLimits::priority,
                                                      &AssocLimits::def_qos_id};
constexpr TresCounts AssocLimits::*kInheritedTres[] = {&AssocLimits::max_tres_pj, &AssocLimits::max_tres_pn,
                                                       &AssocLimits::max_tres_mins_pj, &AssocLimits::max_tres_run_mins};

}  // namespace

Assoc Books::effective(const Assoc& assoc) const {
  Assoc result = assoc;
  for (const Assoc* above = assocs_.find(assoc.parent_id); above; above = assocs_.find(above->parent_id)) {
    for (auto member : kInherited)
      if (result.limits.*member == kInfinite32) result.limits.*member = above->limits.*member;
    for (auto member : kInheritedTres) inherit_tres(result.limits.*member, above->limits.*member);
  }
  result.qos = effective_qos(assoc);
  result.delta_qos.clear();
  return result;
}

std::vector<std::uint32_t> Books::effective_qos(const Assoc& assoc) const {
  std::vector<const Assoc*> changing;  // nearest first
  const Assoc* at = &assoc;
  for (; at && at->qos.empty(); at = assocs_.find(at->parent_id)) changing.push_back(at);
  std::vector<std::uint32_t> result = at ? at->qos : std::vector<std::uint32_t>{};
  for (auto each = changing.rbegin(); each != changing.rend(); ++each) {
    for (const std::string& delta : (*each)->delta_qos) {
      std::uint32_t id = 0;
      std::from_chars(delta.data() + 1, delta.data() + delta.size(), id);
      const auto found = std::ranges::find(result, id);
      if (delta[0] == '-' && found != result.end()) result.erase(found);
      if (delta[0] == '+' && found == result.end()) result.push_back(id);
    }
  }
  return result;
}

bool Books::below(const Assoc& assoc, std::uint32_t ancestor) const {
  for (const Assoc* at = &assoc; at; at = assocs_.find(at->parent_id))
    if (at->id == ancestor) return true;
  return false;
}

std::vector<Books::Placed> Books::tree(const std::string& cluster) const {
  std::map<std::uint32_t, std::vector<const Assoc*>> children;
  for (const auto& [id, each] : assocs_.rows())
    if (each->cluster == cluster) children[each->parent_id].push_back(each.get());
  for (auto& [parent, list] : children)
    std::ranges::sort(
        list, [](const Assoc* a, const Assoc* b) { return a->rank != b->rank ? a->rank > b->rank : a->id < b->id; });
  std::vector<Placed> placed;
  std::uint32_t number = 0;
  struct Open {
    const std::vector<const Assoc*>* list;
    std::size_t next, self;  // self: index in `placed` of the one whose children these are
  };
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::vector<Open> open = {{&children[0], 0, kNone}};
  while (!open.empty()) {
    Open& top = open.back();
    if (top.next == top.list->size()) {
      if (top.self != kNone) placed[top.self].right = ++number;
      open.pop_back();
      continue;
    }
    const Assoc* assoc = (*top.list)[top.next++];
    placed.push_back({assoc, ++number, 0});
    open.push_back({&children[assoc->id], 0, placed.size() - 1});
  }
  return placed;
}

Books founding_books(TimeS now) {
  Books books;
  constexpr struct {
    std::uint32_t id;
    const char *type, *name;
  } kTres[] = {{tres_cpu, "cpu", ""},   {tres_mem, "mem", ""},         {tres_energy, "energy", ""},
               {tres_node, "node", ""}, {tres_billing, "billing", ""}, {tres_fs_disk, "fs", "disk"},
               {tres_vmem, "vmem", ""}, {tres_pages, "pages", ""}};
  for (const auto& each : kTres) books.tres.set(each.id, {each.id, each.type, each.name});
  Qos normal;
  normal.id = books.next_qos_id++;
  normal.name = "normal";
  normal.description = "Normal QOS default";
  normal.created = normal.modified = now;
  books.qos.set(normal.id, std::move(normal));
  Account root;
  root.name = root.organization = "root";
  root.description = "default root account";
  root.created = root.modified = now;
  books.accounts.set("root", std::move(root));
  User administrator;
  administrator.name = "root";
  administrator.admin_level = AdminLevel::admin;
  administrator.created = administrator.modified = now;
  books.users.set("root", std::move(administrator));
  return books;
}

}  // namespace flurm::acct
