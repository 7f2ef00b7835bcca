// model/reservation.cpp — see reservation.hpp.
#include "model/reservation.hpp"

#include <algorithm>

#include "codec/archive.hpp"
#include "fmt/format.h"

namespace flurm::model {
namespace {

constexpr std::uint16_t kGivesWay = 1 << 8;  // slurm 22.05 slurm/slurm.h KILL_JOB_RESV

/// How far apart its occurrences are, as far as the week ahead matters; 0 when it does not come back within it.
std::int64_t step_s(const Reservation& r) {
  if (r.has(resv_flag::hourly)) return 3600;
  return r.has(resv_flag::daily) ? 24 * 3600 : 0;
}

bool nodes_in_common(const Reservation& a, const Reservation& b) {
  return std::ranges::any_of(a.nodes, [&](const ReservedNode& node) { return b.find(node.node) != nullptr; });
}

}  // namespace

const ReservedNode* Reservation::find(NodeId node) const {
  const auto at = std::ranges::lower_bound(nodes, node, {}, &ReservedNode::node);
  return at != nodes.end() && at->node == node ? &*at : nullptr;
}

Reservation::Period Reservation::period(TimeS now) const {
  if (!has(resv_flag::time_float)) return {start, end};
  const TimeS begin = now + start.v;
  if (duration == kInfinite32) return {begin, begin + kReservedForEverS};
  if (duration != 0 && duration != kNoVal32) return {begin, begin + std::int64_t{duration} * 60};
  return {std::min(begin, end), end};
}

bool Reservation::active(TimeS now) const {
  // A floating one is always about to begin.
  return !has(resv_flag::time_float) && start <= now && now < end;
}

bool Reservation::admits(std::uint32_t user, std::string_view account) const {
  if (has(resv_flag::time_float)) return false;
  const bool user_named = std::ranges::find(user_ids, user) != user_ids.end();
  if (!user_ids.empty() && user_named == users_denied) return false;
  if (account_names.empty()) return true;
  const bool account_named = std::ranges::find(account_names, account) != account_names.end();
  return account_named != accounts_denied;
}

bool Reservation::tolerates(const JobRequest& job) const {
  return job.warn_flags & kGivesWay && job.warn_time <= max_start_delay_s;
}

/// Source: slurm 22.05 src/slurmctld/reservation.c job_borrow_from_resv_check().
bool Reservation::lends_to(const Job& job) const {
  if (max_start_delay_s == 0 || !(job.request->warn_flags & kGivesWay) || !job.allocation) return false;
  return std::ranges::any_of(job.allocation->shares, [&](const NodeShare& share) { return find(share.node); });
}

bool keeps_out(const Reservation& own, const Reservation& other) {
  if (own.has(resv_flag::maint) || !other.whole_nodes) return false;
  return !own.has(resv_flag::overlap) || other.has(resv_flag::maint);
}

/// Of one that recurs, only the first occurrence is looked at unless one of both is hourly and the other is not: Slurm
/// takes two that both recur by the day, or not at all, to move on together.
bool meet(const Reservation& made, const Reservation& other, TimeS now) {
  constexpr std::int64_t kWeekS = 7 * 24 * 3600;
  const Reservation::Period theirs = other.period(now);
  const std::int64_t own_step = step_s(made), their_step = step_s(other);
  const bool same_pace = made.has(resv_flag::hourly) == other.has(resv_flag::hourly);
  for (std::int64_t i = 0; i < kWeekS; i += own_step) {
    for (std::int64_t j = 0; j < kWeekS; j += their_step) {
      if (made.start + i < theirs.end + j && theirs.start + j < made.end + i) return true;
      if (their_step == 0) break;
    }
    if (own_step == 0 || same_pace) break;
  }
  return false;
}

bool clash(const Reservation& made, const Reservation& other, TimeS now) {
  constexpr std::uint64_t kLayered = resv_flag::maint | resv_flag::overlap;
  if (made.has(kLayered) || other.has(kLayered) || !other.whole_nodes) return false;
  return nodes_in_common(made, other) && meet(made, other, now);
}

std::vector<std::string_view> reservation_names(std::string_view list) {
  std::vector<std::string_view> out;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view name = list.substr(0, comma);
    if (!name.empty() && std::ranges::find(out, name) == out.end()) out.push_back(name);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return out;
}

std::string generated_name(const Reservation& r) {
  std::string_view from = "resv";
  for (const std::string* names : {&r.groups, &r.users, &r.accounts})
    if (!names->empty()) from = *names;
  if (from.starts_with('-')) from.remove_prefix(1);
  return fmt::format("{}_{}", from.substr(0, from.find(',')), r.id);
}

void fields(codec::Archive& ar, ReservedNode& n) {
  ar("node", n.node);
  ar("cores", n.cores);
}

void fields(codec::Archive& ar, Reservation& r) {
  ar("id", r.id);
  ar("version", r.version);
  ar("name", r.name);
  ar("users", r.users);
  ar("accounts", r.accounts);
  ar("groups", r.groups);
  ar("user_ids", r.user_ids);
  ar("account_names", r.account_names);
  ar("users_denied", r.users_denied);
  ar("accounts_denied", r.accounts_denied);
  ar("flags", r.flags);
  ar("partition", r.partition);
  ar("features", r.features);
  ar("licenses", r.licenses);
  ar("burst_buffer", r.burst_buffer);
  ar("comment", r.comment);
  ar("watts", r.watts);
  ar("nodes", r.nodes);
  ar("whole_nodes", r.whole_nodes);
  ar("start", r.start);
  ar("end", r.end);
  ar("duration", r.duration);
  ar("max_start_delay_s", r.max_start_delay_s);
  ar("purge_after_s", r.purge_after_s);
  ar("idle_since", r.idle_since);
}

}  // namespace flurm::model
