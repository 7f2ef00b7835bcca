// acct/claim.cpp — see claim.hpp.
#include "acct/claim.hpp"

#include <algorithm>
#include <charconv>

#include "fmt/core.h"
#include "model/gres_request.hpp"

namespace flurm::acct {
namespace {

constexpr std::uint16_t kMaxTres = 1 << 1;  // PriorityFlags=MAX_TRES

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool same_name(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

template <class F>
void for_each_part(std::string_view list, F&& f) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    f(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

std::uint64_t license_count(std::string_view licenses, std::string_view name) {
  std::uint64_t sum = 0;
  for_each_part(licenses, [&](std::string_view part) {
    const std::size_t colon = std::min(part.find_first_of(":="), part.size());
    if (part.substr(0, colon) != name) return;
    std::uint64_t count = 1;
    if (colon < part.size()) std::from_chars(part.data() + colon + 1, part.data() + part.size(), count);
    sum += count;
  });
  return sum;
}

std::uint64_t gres_count(const std::vector<model::GresCount>& counts, std::string_view name) {
  std::uint64_t sum = 0;
  for (const model::GresCount& count : counts)
    if (count.name == name || (!count.type.empty() && count.name + ":" + count.type == name)) sum += count.count;
  return sum;
}

/// "0.25G": for 1024 of what is counted (MiB of memory), K for other resources.
double weight_of(std::string_view text, bool memory) {
  double weight = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (read.ec != std::errc{} || read.ptr == text.data() + text.size()) return weight;
  const std::string_view units = memory ? "mgtp" : " kmgtp";
  const std::size_t power = units.find(lower(*read.ptr));
  for (std::size_t i = 0; power != units.npos && i < power; ++i) weight /= 1024;
  return weight;
}

/// Source: slurm 22.05 src/common/assoc_mgr.c assoc_mgr_tres_weighted(). With PriorityFlags=MAX_TRES of what lies on
/// nodes only the dearest is billed.
std::uint64_t billing_of(const Books& books, const TresCounts& counts, std::string_view weights, bool dearest) {
  double on_nodes = 0, elsewhere = 0;
  for_each_part(weights, [&](std::string_view part) {
    const std::size_t equals = part.find('=');
    if (equals == part.npos) return;
    const std::string_view name = part.substr(0, equals);
    const std::size_t slash = std::min(name.find('/'), name.size());
    for (const auto& [id, tres] : books.tres.rows()) {
      if (!same_name(tres->type, name.substr(0, slash)) ||
          !same_name(tres->name, name.substr(std::min(slash + 1, name.size()))))
        continue;
      const auto has = counts.find(id);
      if (has == counts.end()) continue;
      const double cost = weight_of(part.substr(equals + 1), id == tres_mem) * static_cast<double>(has->second);
      if (tres->type == "license" || tres->type == "bb")
        elsewhere += cost;
      else
        on_nodes = dearest ? std::max(on_nodes, cost) : on_nodes + cost;
    }
  });
  return static_cast<std::uint64_t>(on_nodes + elsewhere);
}

}  // namespace

TresCounts count_tres(const Books& books, const Amounts& amounts, const model::Partition* partition,
                      std::uint16_t priority_flags) {
  TresCounts counts;
  if (amounts.cpus) counts[tres_cpu] = amounts.cpus;
  if (amounts.memory_mib) counts[tres_mem] = amounts.memory_mib;
  if (amounts.nodes) counts[tres_node] = amounts.nodes;
  for (auto at = books.tres.rows().lower_bound(tres_first_dynamic); at != books.tres.rows().end(); ++at) {
    std::uint64_t count = 0;
    if (at->second->type == "gres") count = gres_count(amounts.gres, at->second->name);
    if (at->second->type == "license") count = license_count(amounts.licenses, at->second->name);
    if (count) counts[at->first] = count;
  }
  const bool weighted = partition && !partition->billing_weights.empty();
  counts[tres_billing] =
      weighted ? billing_of(books, counts, partition->billing_weights, priority_flags & kMaxTres) : amounts.cpus;
  return counts;
}

TresCounts requested_tres(const Books& books, const model::JobRequest& r, const model::Settings& settings,
                          const model::Partition* partition) {
  Amounts amounts{.cpus = r.min_cpus == kNoVal32 ? 0 : r.min_cpus,
                  .nodes = r.min_nodes == kNoVal32 ? 0 : r.min_nodes,
                  .gres = {},
                  .licenses = r.licenses};
  if (r.pn_min_memory != kNoVal64) {
    const bool per_cpu = r.pn_min_memory & model::kMemoryPerCpu;
    amounts.memory_mib = (r.pn_min_memory & ~model::kMemoryPerCpu) * (per_cpu ? amounts.cpus : amounts.nodes);
  }
  if (!settings.gres_types.empty())
    if (const auto wishes = model::gres_wishes(r, settings.gres_types))
      for (const model::GresWish& wish : *wishes) {
        std::uint64_t count = wish.per_job;
        if (count == 0) count = wish.per_node * amounts.nodes;
        if (count == 0 && r.num_tasks != kNoVal32) count = wish.per_task * r.num_tasks;
        if (count == 0)
          count = wish.per_socket * amounts.nodes * (r.sockets_per_node == kNoVal16 ? 1 : r.sockets_per_node);
        amounts.gres.push_back({wish.name, wish.type, count});
      }
  return count_tres(books, amounts, partition, settings.priority.flags);
}

TresCounts job_tres(const Books& books, const model::Job& job, const model::Settings& settings,
                    const model::Partition* partition) {
  if (!job.allocation || job.state.pending()) return requested_tres(books, *job.request, settings, partition);
  Amounts amounts{.nodes = job.allocation->shares.size(), .gres = {}, .licenses = job.request->licenses};
  for (const model::NodeShare& share : job.allocation->shares) {
    amounts.cpus += share.cpus;
    amounts.memory_mib += share.memory_mib;
    for (const model::GresShare& gres : share.gres) amounts.gres.push_back({gres.name, gres.type, gres.count});
  }
  return count_tres(books, amounts, partition, settings.priority.flags);
}

std::uint32_t partition_qos(const Books& books, const model::Partition* partition) {
  if (!partition || partition->qos.empty()) return 0;
  const Qos* qos = books.find_qos(partition->qos);
  return qos && !qos->deleted ? qos->id : 0;
}

Errc admits(const Books& books, const model::Partition& partition, std::uint32_t assoc_id, std::uint32_t qos_id) {
  const auto restricts = [](const std::string& list) { return !list.empty() && !same_name(list, "all"); };
  const auto lists = [](const std::string& list, std::string_view name) {
    bool found = false;
    for_each_part(list, [&](std::string_view each) { found = found || each == name; });
    return found;
  };
  const Assoc* assoc = books.assocs().find(assoc_id);
  if (restricts(partition.allow_accounts)) {
    if (!assoc || !lists(partition.allow_accounts, assoc->account)) return Errc::invalid_account;
  } else if (!partition.deny_accounts.empty() && assoc && lists(partition.deny_accounts, assoc->account)) {
    return Errc::invalid_account;
  }
  if (books.qos.size() == 0) return Errc::success;  // names of QOS mean nothing
  const Qos* qos = books.qos.find(qos_id);
  if (restricts(partition.allow_qos)) {
    if (!qos || !lists(partition.allow_qos, qos->name)) return Errc::invalid_qos;
  } else if (!partition.deny_qos.empty() && qos && lists(partition.deny_qos, qos->name)) {
    return Errc::invalid_qos;
  }
  return Errc::success;
}

std::string why_not_admitted(const Books& books, const model::Partition& partition, std::uint32_t assoc_id,
                             std::uint32_t qos_id) {
  const auto sentence = [&](std::string_view what, const std::string& allowed, const std::string& denied,
                            const std::string* own) {
    if (!own)
      return fmt::format("Job's {} not known, so it can't use this partition ({} allows {})", what, partition.name,
                         allowed);
    return allowed.empty() ? fmt::format("Job's {} not permitted to use this partition ({} denies {} including {})",
                                         what, partition.name, denied, *own)
                           : fmt::format("Job's {} not permitted to use this partition ({} allows {} not {})", what,
                                         partition.name, allowed, *own);
  };
  switch (admits(books, partition, assoc_id, qos_id)) {
    case Errc::invalid_account: {
      const Assoc* assoc = books.assocs().find(assoc_id);
      return sentence("account", partition.allow_accounts, partition.deny_accounts, assoc ? &assoc->account : nullptr);
    }
    case Errc::invalid_qos: {
      const Qos* qos = books.qos.find(qos_id);
      return sentence("QOS", partition.allow_qos, partition.deny_qos, qos ? &qos->name : nullptr);
    }
    default:
      return {};
  }
}

std::uint32_t qos_flags(const Books& books, std::uint32_t id) {
  const Qos* qos = books.qos.find_live(id);
  return qos ? qos->flags : 0;
}

Claimant claimant(const model::Job& job, std::uint32_t partition_qos) {
  return {.assoc = job.assoc,
          .qos = job.qos,
          .partition_qos = partition_qos,
          .user = job.request->user_id,
          .tasks = job.pending_count(),
          .time_limit = job.time_limit,
          .tres = {},
          .nodes = {}};
}

Claimant holder(const Books& books, const model::Job& job, const model::Settings& settings,
                const model::Partition* partition) {
  Claimant out = claimant(job, partition_qos(books, partition));
  out.tres = job_tres(books, job, settings, partition);
  if (job.allocation)
    for (const model::NodeShare& share : job.allocation->shares) out.nodes.push_back(share.node);
  return out;
}

}  // namespace flurm::acct
