// ctld/reserving.cpp — see reserving.hpp.
#include "ctld/reserving.hpp"

#include <algorithm>
#include <ctime>

#include "base/hostlist.hpp"
#include "ctld/controller.hpp"
#include "ctld/reserving_lists.hpp"
#include "sched/reserve.hpp"
#include "state/reservations.hpp"

namespace flurm::ctld {
namespace {

namespace flag = model::resv_flag;
using model::Reservation;
using wire::UpdateReservation;

constexpr std::int64_t kLateS = 600;  // a time so far back is still taken for now

/// What may be asked for at creation.
constexpr std::uint64_t kCreateFlags = flag::maint | flag::flex | flag::overlap | flag::ignore_jobs | flag::recurring |
                                       flag::static_nodes | flag::any_nodes | flag::part_nodes | flag::first_cores |
                                       flag::time_float | flag::purge_comp | flag::replace | flag::replace_down |
                                       flag::no_hold_jobs | flag::magnetic | flag::user_delete;

/// Flags that an update sets, and those by which it takes them back; 0: it cannot.
struct Pair {
  std::uint64_t set, clear;
};
constexpr Pair kChangeable[] = {
    {flag::flex, flag::no_flex},
    {flag::maint, flag::no_maint},
    {flag::overlap, 0},
    {flag::ignore_jobs, flag::no_ignore_jobs},
    {flag::hourly, flag::no_hourly},
    {flag::daily, flag::no_daily},
    {flag::weekday, flag::no_weekday},
    {flag::weekend, flag::no_weekend},
    {flag::weekly, flag::no_weekly},
    {flag::any_nodes, flag::no_any_nodes},
    {flag::static_nodes, flag::no_static_nodes},
    {flag::first_cores, 0},
    {flag::purge_comp, flag::no_purge_comp},
    {flag::no_hold_jobs, 0},
    {flag::magnetic, flag::no_magnetic},
    {flag::user_delete, flag::no_user_delete},
};

bool given(const std::optional<std::string>& text) { return text && !text->empty(); }
bool given(TimeS time) { return time != TimeS{kNoVal32}; }

bool is_all(const std::string& nodes) {
  return nodes.size() == 3 && (nodes[0] | 0x20) == 'a' && (nodes[1] | 0x20) == 'l' && (nodes[2] | 0x20) == 'l';
}

/// Counts of all releases: lists that end with 0, or one number.
std::vector<std::uint32_t> counts(const std::vector<std::uint32_t>& list, std::uint32_t one) {
  std::vector<std::uint32_t> out(list.begin(), std::ranges::find(list, 0u));
  if (out.empty() && one != kNoVal32 && one != 0) out.push_back(one);
  return out;
}

std::vector<std::uint32_t> node_counts(const UpdateReservation& asked) {
  auto out = counts(asked.node_cnts, asked.node_cnt);
  std::ranges::sort(out, std::ranges::greater());
  return out;
}

std::vector<model::ReservedNode> whole(std::vector<model::NodeId> ids) {
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::vector<model::ReservedNode> out;
  for (model::NodeId id : ids) out.push_back({id, {}});
  return out;
}

std::vector<model::NodeId> ids_of(const std::vector<model::ReservedNode>& nodes) {
  std::vector<model::NodeId> out;
  for (const model::ReservedNode& node : nodes) out.push_back(node.node);
  return out;
}

/// The nodes of `text`, whole, with the flags that it brings. Errors: invalid_node_name.
Result<void> take_nodes(const state::ClusterState& state, const std::string& text, Reservation& r) {
  r.flags |= flag::spec_nodes;
  std::vector<model::NodeId> ids;
  if (is_all(text) && !r.partition.empty() && r.has(flag::part_nodes)) {
    ids = state.partition(r.partition)->nodes;
  } else if (is_all(text)) {
    r.flags = (r.flags & ~flag::part_nodes) | flag::all_nodes;
    ids = ids_of(state::all_nodes(state));
  } else {
    r.flags &= ~(flag::part_nodes | flag::all_nodes);
    const auto hosts = expand_hosts(text);
    if (!hosts) return fail(Errc::invalid_node_name, "nodes '{}'", text);
    for (const std::string& host : *hosts) {
      const model::Node* node = state.node(host);
      if (!node) return fail(Errc::invalid_node_name, "node {}", host);
      ids.push_back(node->id);
    }
  }
  if (ids.empty()) return fail(Errc::invalid_node_name, "no nodes in '{}'", text);
  r.nodes = whole(std::move(ids));
  r.whole_nodes = true;
  return {};
}

Result<void> take_times(const UpdateReservation& asked, TimeS now, Reservation& r) {
  r.start = given(asked.start_time) ? asked.start_time : now;
  if (r.has(flag::time_float))
    r.start = std::max(r.start, now);
  else if (r.start < now - kLateS)
    return fail(Errc::invalid_time_value, "a start that is over");
  r.duration = asked.duration;
  if (given(asked.end_time))
    r.end = asked.end_time;
  else if (asked.duration == kInfinite32)
    r.end = r.start + model::kReservedForEverS;
  else if (asked.duration != 0)
    r.end = r.start + std::int64_t{asked.duration} * 60;
  else
    r.end = TimeS{kInfinite32};
  if (r.end < now - kLateS) return fail(Errc::invalid_time_value, "an end that is over");
  return {};
}

Result<void> check_new(const state::ClusterState& state, const UpdateReservation& asked, const Reservation& r) {
  if (r.has(flag::replace | flag::replace_down)) {
    if (given(asked.node_list)) return fail(Errc::invalid_node_name, "REPLACE goes with NodeCnt");
    if (!counts(asked.core_cnts, asked.core_cnt).empty())
      return fail(Errc::invalid_cpu_count, "REPLACE goes with NodeCnt");
  }
  if (!r.partition.empty() && !state.partition(r.partition))
    return fail(Errc::invalid_partition_name, "partition {}", r.partition);
  if (r.has(flag::part_nodes)) {
    if (r.partition.empty()) return fail(Errc::invalid_partition_name, "PART_NODES without a partition");
    if (!given(asked.node_list) || !is_all(*asked.node_list))
      return fail(Errc::invalid_node_name, "PART_NODES without Nodes=ALL");
  }
  if (asked.users && asked.groups) return fail(Errc::reservation_user_group);
  if (!asked.accounts && !asked.users && !asked.groups) return fail(Errc::reservation_empty);
  return {};
}

/// Errors of what stands in the way as such.
Result<void> check_obstacle(const state::ClusterState& state, const Reservation& r, const Reservation* old, TimeS now) {
  if (const Errc code = state::obstacle(state, r, old, now); code != Errc::success)
    return fail(code, "reservation {}", r.name);
  return {};
}

/// One without nodes has to keep something else.
Result<void> check_keeps_something(const Reservation& r) {
  if (!r.nodes.empty()) return {};
  const bool other = !r.burst_buffer.empty() || !r.licenses.empty() || (r.watts != 0 && r.watts != kNoVal32);
  if (!r.has(flag::any_nodes) || !other) return fail(Errc::reservation_invalid, "a reservation of nothing");
  return {};
}

/// Slurm looks at a list of nodes before it looks for cores on them.
Result<void> choose_nodes(const state::ClusterState& state, const UpdateReservation& asked, TimeS now, Reservation& r) {
  sched::Wish wish = sched::wish_of(r);
  wish.core_counts = counts(asked.core_cnts, asked.core_cnt);
  if (given(asked.node_list)) {
    FLURM_TRY_VOID(take_nodes(state, *asked.node_list, r));
    Reservation without_jobs = r;
    if (!wish.core_counts.empty()) without_jobs.flags |= flag::ignore_jobs;
    FLURM_TRY_VOID(check_obstacle(state, without_jobs, nullptr, now));
    if (wish.core_counts.empty()) return {};
    if (wish.core_counts.size() < r.nodes.size())
      return fail(Errc::invalid_core_count, "{} counts for {} nodes", wish.core_counts.size(), r.nodes.size());
    wish.core_counts.resize(r.nodes.size());
    wish.among = ids_of(r.nodes);
  } else {
    if (r.has(flag::any_nodes)) return {};
    r.flags &= ~flag::part_nodes;
    wish.node_counts = node_counts(asked);
    if (wish.node_counts.empty() && wish.core_counts.empty())
      return fail(Errc::invalid_node_name, "no nodes asked for");
  }
  if (r.partition.empty()) {
    const model::Partition* fallback = state.default_partition();
    if (!fallback) return fail(Errc::default_partition_not_set);
    r.partition = wish.partition = fallback->name;
  }
  if (!wish.core_counts.empty() && state.settings.select_linear)
    return fail(Errc::invalid_cpu_count, "cores cannot be reserved with select/linear");
  FLURM_TRY(r.nodes, sched::choose_reserved(scheduler_view(state), wish, now));
  r.whole_nodes = wish.core_counts.empty();
  return {};
}

void shift(TimeS& time, int days, int hours) {
  const std::time_t old = time.v;
  std::tm local{};
  localtime_r(&old, &local);
  local.tm_mday += days;
  local.tm_hour += hours;
  local.tm_isdst = -1;
  const std::time_t moved = std::mktime(&local);
  time = moved == -1 ? time + (days * 24 + hours) * 3600 : TimeS{moved};
}

}  // namespace

bool move_on(Reservation& r, TimeS now) {
  int days = 0, hours = 0;
  const std::time_t seconds = now.v;
  std::tm today{};
  localtime_r(&seconds, &today);
  const int weekday = today.tm_wday;  // 0: Sunday
  if (r.has(flag::time_float)) return false;
  if (r.has(flag::hourly))
    hours = 1;
  else if (r.has(flag::daily))
    days = 1;
  else if (r.has(flag::weekday))
    days = weekday == 5 ? 3 : weekday == 6 ? 2 : 1;
  else if (r.has(flag::weekend))
    days = weekday == 0 ? 6 : weekday == 6 ? 1 : 6 - weekday;
  else if (r.has(flag::weekly))
    days = 7;
  else
    return false;
  r.idle_since = {};
  shift(r.start, days, hours);
  shift(r.end, days, hours);
  return true;
}

Result<Reservation> new_reservation(const state::ClusterState& state, const UpdateReservation& asked,
                                    const People& people, TimeS now) {
  Reservation r;
  r.name = asked.name.value_or("");
  r.flags = asked.flags == kNoVal64 ? 0 : asked.flags & kCreateFlags;
  FLURM_TRY_VOID(take_times(asked, now, r));
  r.partition = asked.partition.value_or("");
  FLURM_TRY_VOID(check_new(state, asked, r));
  if (asked.accounts) FLURM_TRY_VOID(set_accounts(r, *asked.accounts));
  if (asked.users) FLURM_TRY_VOID(set_users(r, *asked.users, people));
  if (asked.groups) FLURM_TRY_VOID(set_groups(r, *asked.groups, people));
  r.licenses = asked.licenses.value_or("");
  if (!state::licenses_left(state, r, now)) return fail(Errc::invalid_licenses, "licenses {}", r.licenses);
  if (r.has(flag::time_float) && r.recurring()) return fail(Errc::not_supported, "one that recurs and floats");
  r.features = asked.features.value_or("");
  r.burst_buffer = asked.burst_buffer.value_or("");
  r.comment = asked.comment.value_or("");
  r.watts = asked.resv_watts;
  if (asked.max_start_delay != kNoVal32) r.max_start_delay_s = asked.max_start_delay;
  if (asked.purge_comp_time != kNoVal32) r.purge_after_s = asked.purge_comp_time;
  const bool floats = r.has(flag::time_float);
  r.flags &= ~flag::time_float;  // it is looked at from now
  FLURM_TRY_VOID(choose_nodes(state, asked, now, r));
  if (!counts(asked.core_cnts, asked.core_cnt).empty() && r.whole_nodes)
    return fail(Errc::invalid_cpu_count, "cores without nodes");
  FLURM_TRY_VOID(check_keeps_something(r));
  if (floats) {
    r.flags |= flag::time_float;
    r.start = TimeS{r.start - now};
  }
  return r;
}

namespace {

Result<void> change_flags(const UpdateReservation& asked, Reservation& r) {
  if (asked.flags == kNoVal64) return {};
  for (const Pair& pair : kChangeable) {
    if (asked.flags & pair.set) r.flags |= pair.set;
    if (asked.flags & pair.clear) r.flags &= ~pair.set;
  }
  if (asked.flags & (flag::replace | flag::replace_down)) {
    if (r.has(flag::spec_nodes) || !r.whole_nodes) return fail(Errc::not_supported, "REPLACE goes with NodeCnt");
    r.flags |= asked.flags & flag::replace ? flag::replace : flag::replace_down;
  }
  if (asked.flags & flag::part_nodes) {
    if (r.partition.empty() && !asked.partition)
      return fail(Errc::invalid_partition_name, "PART_NODES without a partition");
    if (!given(asked.node_list) || !is_all(*asked.node_list))
      return fail(Errc::invalid_node_name, "PART_NODES without Nodes=ALL");
    if (r.has(flag::replace | flag::replace_down)) return fail(Errc::not_supported, "PART_NODES and REPLACE");
    r.flags |= flag::part_nodes;
  }
  if (asked.flags & flag::no_part_nodes) r.flags &= ~flag::part_nodes;
  if (asked.flags & flag::time_float) return fail(Errc::invalid_time_value, "TIME_FLOAT is for new ones");
  if (asked.flags & flag::no_purge_comp && asked.purge_comp_time == kNoVal32) r.purge_after_s = 300;
  if (asked.flags & flag::skip && !r.recurring()) return fail(Errc::reservation_no_skip);
  return {};
}

Result<void> change_licenses(const state::ClusterState& state, const UpdateReservation& asked, TimeS now,
                             Reservation& r) {
  if (!asked.licenses) return {};
  const auto nodes = node_counts(asked);
  const bool no_nodes = asked.node_cnts.empty() && asked.node_cnt == kNoVal32 ? r.nodes.empty() : nodes.empty();
  if (asked.licenses->empty() && no_nodes) return fail(Errc::invalid_licenses, "without nodes it needs licenses");
  r.licenses = *asked.licenses;
  if (!state::licenses_left(state, r, now)) return fail(Errc::invalid_licenses, "licenses {}", r.licenses);
  return {};
}

Result<void> change_times(const UpdateReservation& asked, TimeS now, Reservation& r) {
  constexpr std::int64_t kSomewhatLateS = 60;
  if (given(asked.start_time)) {
    if (r.start <= now) return fail(Errc::reservation_started);
    if (asked.start_time < now - kSomewhatLateS) return fail(Errc::invalid_time_value, "a start that is over");
    r.start = asked.start_time;
    if (r.duration != kNoVal32) r.end = r.start + std::int64_t{r.duration} * 60;
  }
  if (given(asked.end_time)) {
    if (asked.end_time < now - kSomewhatLateS) return fail(Errc::invalid_time_value, "an end that is over");
    r.end = asked.end_time;
    r.duration = kNoVal32;
  }
  if (asked.duration != kNoVal32) {
    const std::uint64_t flags = asked.flags == kNoVal64 ? 0 : asked.flags;
    if (asked.duration == kInfinite32)
      r.duration = model::kReservedForEverS / 60;
    else if (flags & flag::duration_plus)
      r.duration += asked.duration;
    else if (flags & flag::duration_minus)
      r.duration -= std::min(r.duration, asked.duration);
    else
      r.duration = asked.duration;
    r.end = r.start + std::int64_t{r.duration} * 60;
    if (asked.duration != kInfinite32) r.end = std::max(r.end, now);
  }
  if (r.start >= r.end) return fail(Errc::invalid_time_value, "it ends before it begins");
  return {};
}

/// To so many nodes: idle ones go first, others come as for a new one.
Result<void> resize(const state::ClusterState& state, std::uint32_t count, TimeS now, Reservation& r) {
  if (count > r.nodes.size()) {
    sched::Wish wish = sched::wish_of(r);
    wish.node_counts = {count - static_cast<std::uint32_t>(r.nodes.size())};
    wish.apart_from = ids_of(r.nodes);
    wish.replaces = r.name;
    FLURM_TRY(const auto more, sched::choose_reserved(scheduler_view(state), wish, now));
    r.nodes.insert(r.nodes.end(), more.begin(), more.end());
    std::ranges::sort(r.nodes, {}, &model::ReservedNode::node);
    return {};
  }
  std::size_t surplus = r.nodes.size() - count;
  std::erase_if(r.nodes, [&](const model::ReservedNode& reserved) {
    const model::Node* node = state.node(reserved.node);
    const bool idle = node && node->jobs.empty() && node->completing_jobs.empty();
    return idle && surplus != 0 && surplus-- != 0;
  });
  if (r.nodes.size() > count) r.nodes.resize(count);
  return {};
}

Result<void> change_nodes(const state::ClusterState& state, const UpdateReservation& asked, TimeS now, Reservation& r) {
  std::vector<std::uint32_t> wanted = node_counts(asked);
  if (asked.node_list && asked.node_list->empty()) {
    r.flags &= ~(flag::spec_nodes | flag::all_nodes);
    if (wanted.empty() && !r.nodes.empty()) wanted.push_back(static_cast<std::uint32_t>(r.nodes.size()));
    r.nodes.clear();
  } else if (asked.node_list) {
    if (r.has(flag::replace | flag::replace_down)) return fail(Errc::not_supported, "Nodes and REPLACE");
    FLURM_TRY_VOID(take_nodes(state, *asked.node_list, r));
  }
  const bool by_count = !wanted.empty() || !asked.node_cnts.empty() || (asked.node_cnt != kNoVal32);
  if (!by_count) return {};
  r.flags &= ~(flag::part_nodes | flag::all_nodes);
  std::uint32_t sum = 0;
  for (std::uint32_t count : wanted) sum += count;
  return resize(state, sum, now, r);
}

}  // namespace

Result<Reservation> changed_reservation(const state::ClusterState& state, const UpdateReservation& asked,
                                        const People& people, TimeS now, bool& skips) {
  const Reservation* old = state.reservation(asked.name.value_or(""));
  if (!old) return fail(Errc::reservation_invalid, "reservation {}", asked.name.value_or(""));
  Reservation r = *old;
  const bool other_nodes = asked.node_list || !asked.node_cnts.empty() || asked.node_cnt != kNoVal32;
  if ((!r.whole_nodes && other_nodes) || !counts(asked.core_cnts, asked.core_cnt).empty())
    return fail(Errc::core_reservation_update);
  FLURM_TRY_VOID(change_flags(asked, r));
  if (asked.max_start_delay != kNoVal32) r.max_start_delay_s = asked.max_start_delay;
  if (asked.purge_comp_time != kNoVal32) r.purge_after_s = asked.purge_comp_time;
  if (asked.partition) {
    if (!asked.partition->empty() && !state.partition(*asked.partition))
      return fail(Errc::invalid_partition_name, "partition {}", *asked.partition);
    r.partition = *asked.partition;
  }
  if (asked.resv_watts != kNoVal32) r.watts = asked.resv_watts;
  if (asked.accounts) FLURM_TRY_VOID(change_accounts(r, *asked.accounts));
  if (asked.burst_buffer) r.burst_buffer = *asked.burst_buffer;
  if (asked.comment) r.comment = *asked.comment;
  FLURM_TRY_VOID(change_licenses(state, asked, now, r));
  if (given(asked.features)) return fail(Errc::not_supported, "the features of a reservation cannot be changed");
  if (asked.features) r.features.clear();
  if (asked.groups) FLURM_TRY_VOID(change_groups(r, *asked.groups, people));
  if (asked.users) FLURM_TRY_VOID(change_users(r, *asked.users, people));
  if (!r.users.empty() && !r.groups.empty()) return fail(Errc::reservation_user_group);
  if (r.users.empty() && r.groups.empty() && r.accounts.empty()) return fail(Errc::reservation_empty);
  FLURM_TRY_VOID(change_times(asked, now, r));
  FLURM_TRY_VOID(change_nodes(state, asked, now, r));
  FLURM_TRY_VOID(check_obstacle(state, r, old, now));
  FLURM_TRY_VOID(check_keeps_something(r));
  skips = asked.flags != kNoVal64 && (asked.flags & flag::skip);
  if (!skips) return r;
  if (state::in_use(state, *old)) return fail(Errc::reservation_busy, "reservation {}", r.name);
  if (!move_on(r, now)) return fail(Errc::reservation_no_skip);
  return r;
}

}  // namespace flurm::ctld
