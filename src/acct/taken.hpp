// acct/taken.hpp — which limits a QOS has set already, so that what comes after it does not set them again. Internal to
// the room.
#pragma once
#include <algorithm>
#include <array>
#include <vector>

#include "acct/policy.hpp"

namespace flurm::acct {

/// Limits that are counted per resource, whoever sets them.
enum class TresKind { grp, grp_mins, grp_run_mins, max_job, max_node, max_account, max_user, max_mins, min_job, count };
/// The others.
enum class Plain {
  grp_jobs,
  grp_submit,
  grp_wall,
  max_jobs_account,
  max_jobs_user,
  max_submit_account,
  max_submit_user,
  max_wall,
  count
};

struct Taken {
  std::array<std::vector<std::uint32_t>, static_cast<std::size_t>(TresKind::count)> tres;  // ids
  std::array<bool, static_cast<std::size_t>(Plain::count)> plain{};

  bool has(TresKind kind, std::uint32_t id) const {
    return std::ranges::find(tres[static_cast<std::size_t>(kind)], id) != tres[static_cast<std::size_t>(kind)].end();
  }
  void take(TresKind kind, std::uint32_t id) { tres[static_cast<std::size_t>(kind)].push_back(id); }
  bool has(Plain which) const { return plain[static_cast<std::size_t>(which)]; }
  /// Whether the limit is to be looked at: it is set, and nobody has set it before.
  bool take(Plain which, std::uint32_t limit) {
    bool& taken = plain[static_cast<std::size_t>(which)];
    if (taken || limit == kInfinite32) return false;
    return taken = true;
  }
};

inline std::uint64_t amount(const TresCounts& counts, std::uint32_t id) {
  const auto at = counts.find(id);
  return at == counts.end() ? 0 : at->second;
}

/// The QOS whose limits count for the job, the one that goes first in front; null: none.
struct QosOrder {
  const Qos *first = nullptr, *second = nullptr;
};
QosOrder qos_order(const Books& books, const Claimant& job);
/// What the limits of the job's associations are multiplied with; 1 usually.
double limit_factor(const QosOrder& order);
/// The limit times that factor; kInfinite64 stays what it is.
std::uint64_t factored(std::uint64_t limit, double factor);

/// The type of the resource, for its reason.
std::string_view tres_type(const Books& books, std::uint32_t id);

}  // namespace flurm::acct
