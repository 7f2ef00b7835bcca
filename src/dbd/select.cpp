// dbd/select.cpp — sifting records by conditions.
#include "dbd/select.hpp"

#include <strings.h>

#include <algorithm>
#include <set>

#include "dbd/translate.hpp"
#include "fmt/format.h"

namespace flurm::dbd {

bool wanted(const std::vector<std::string>& list, std::uint32_t number) {
  return list.empty() || std::ranges::find(list, std::to_string(number)) != list.end();
}

bool same_name(const std::string& a, const std::string& b) { return strcasecmp(a.c_str(), b.c_str()) == 0; }

// Clients write what they ask for small.
bool wanted(const std::vector<std::string>& list, const std::string& item) {
  return list.empty() || std::ranges::any_of(list, [&](const std::string& each) { return same_name(each, item); });
}

namespace {

bool matches(const acct::Books& books, const acct::Assoc& assoc, const wire::AssocCond& cond) {
  if (cond.only_defs && !assoc.is_default) return false;
  if (!wanted(cond.acct_list, assoc.account) || !wanted(cond.partition_list, assoc.partition)) return false;
  if (!wanted(cond.id_list, assoc.id) || !wanted(cond.def_qos_id_list, assoc.limits.def_qos_id)) return false;
  if (cond.user_list) {
    if (cond.user_list->empty() ? assoc.user.empty() : !wanted(*cond.user_list, assoc.user)) return false;
  }
  if (!cond.parent_acct_list.empty()) {
    // Only accounts have a parent by name.
    const acct::Assoc* above = assoc.user.empty() ? books.assocs().find(assoc.parent_id) : nullptr;
    if (!wanted(cond.parent_acct_list, above ? above->account : std::string())) return false;
  }
  if (!cond.qos_list.empty() && std::ranges::none_of(cond.qos_list, [&](const std::string& item) {
        const auto id = numbers({item});
        return (!id.empty() && std::ranges::find(assoc.qos, id[0]) != assoc.qos.end()) ||
               std::ranges::find(assoc.delta_qos, "+" + item) != assoc.delta_qos.end();
      }))
    return false;
  return true;
}

}  // namespace

std::vector<acct::Books::Placed> select_assocs(const acct::Books& books, const wire::AssocCond& cond) {
  std::vector<acct::Books::Placed> result;
  const bool with_below = cond.with_sub_accts || !cond.qos_list.empty();
  for (const auto& [name, cluster] : books.clusters.rows()) {
    if (!wanted(cond.cluster_list, name) || (cluster->deleted && cond.cluster_list.empty())) continue;
    std::vector<std::uint32_t> open_until;  // right ends of those that were found and bring what is below them
    for (const acct::Books::Placed& placed : books.tree(name)) {
      while (!open_until.empty() && open_until.back() < placed.left) open_until.pop_back();
      const bool found = matches(books, *placed.assoc, cond);
      if (found && with_below) open_until.push_back(placed.right);
      if (placed.assoc->deleted && !cond.with_deleted) continue;
      if (found || !open_until.empty()) result.push_back(placed);
    }
  }
  return result;
}

std::string describe(const acct::Books& books, const acct::Assoc& assoc, bool removing) {
  if (assoc.user.empty()) {
    const acct::Assoc* above = books.assocs().find(assoc.parent_id);
    if (above) return fmt::format("C = {:<10} A = {} of {}", assoc.cluster, assoc.account, above->account);
    return fmt::format("C = {:<10} A = {}", assoc.cluster, assoc.account);
  }
  std::string text =
      fmt::format("C = {:<10} A = {:<{}} U = {:<9}", assoc.cluster, assoc.account, removing ? 10 : 20, assoc.user);
  if (!assoc.partition.empty()) text += " P = " + assoc.partition;
  return text;
}

}  // namespace flurm::dbd
