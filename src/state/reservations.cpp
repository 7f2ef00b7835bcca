// state/reservations.cpp — see reservations.hpp.
#include "state/reservations.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>

#include "state/edit.hpp"
#include "state/reports.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::Reservation;
using model::ReservedNode;
namespace flag = model::resv_flag;

using Counts = std::map<std::string, std::uint64_t, std::less<>>;

/// "a:2,b" to counts, added to `counts`. False for text out of form.
bool add_licenses(Counts& counts, std::string_view text) {
  while (!text.empty()) {
    std::string_view item = text.substr(0, text.find_first_of(",;"));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    std::uint32_t count = 1;
    if (const std::size_t colon = item.find_first_of(":="); colon != item.npos) {
      const std::string_view number = item.substr(colon + 1);
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count);
      if (error != std::errc{} || end != number.data() + number.size()) return false;
      item = item.substr(0, colon);
    }
    if (item.empty()) return false;
    counts[std::string(item)] += count;
  }
  return true;
}

bool overlap(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
    if (a[i] & b[i]) return true;
  return false;
}

bool subset(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] & ~(i < b.size() ? b[i] : 0)) return false;
  return true;
}

/// A running job on the reservation's nodes, or cores, that goes on after its beginning.
bool meets_job(const ClusterState& state, const Reservation& made, TimeS now) {
  if (made.has(flag::ignore_jobs)) return false;
  const TimeS start = made.period(now).start;
  return !state.active.for_each([&](std::uint64_t, const auto& job) {
    if (!job->state.running() || job->end_time <= start || !job->allocation) return true;
    if (!made.name.empty() && job->reservation == made.name) return true;
    return std::ranges::none_of(job->allocation->shares, [&](const model::NodeShare& share) {
      const ReservedNode* node = made.find(share.node);
      return node && (made.whole_nodes || overlap(node->cores, share.cores));
    });
  });
}

bool names(const Job& job, std::string_view name) {
  if (job.reservation == name) return true;
  const auto all = model::reservation_names(job.request->reservation);
  return std::ranges::find(all, name) != all.end();
}

template <class F>
bool any_job(const ClusterState& state, F f) {
  const auto not_it = [&](std::uint64_t, const auto& job) { return job->state.ended() || !f(*job); };
  return !state.active.for_each(not_it) || !state.pending.for_each(not_it);
}

/// It runs in a reservation that is over.
bool outstays(const ClusterState& state, const Job& job, TimeS now, std::int64_t over_run_s) {
  if (job.reservation.empty() || !job.state.running()) return false;
  const Reservation* own = state.reservation(job.reservation);
  return own && own->binds() && own->end + over_run_s < now;
}

enum class Due : std::uint8_t { nothing, used, idle, over };

/// What has become of it, beside its jobs.
Due due_of(const ClusterState& state, const Reservation& r, TimeS now) {
  const bool purges = r.has(flag::purge_comp);
  const bool is_over = !r.has(flag::time_float) && r.end < now && !r.recurring();
  if (!is_over && !(purges && r.start <= now && !r.has(flag::time_float))) return Due::nothing;
  if (is_over) {
    const bool runs = r.binds() && any_job(state, [&](const Job& job) { return job.reservation == r.name; });
    return runs ? Due::nothing : Due::over;
  }
  if (in_use(state, r)) return r.idle_since ? Due::used : Due::nothing;
  if (!r.idle_since) return Due::idle;
  return !r.recurring() && r.end > now && now - r.idle_since >= r.purge_after_s ? Due::over : Due::nothing;
}

template <class F>
void change(ClusterState& state, std::string_view name, F f) {
  for (auto& each : state.reservations) {
    if (each->name != name) continue;
    auto changed = std::make_shared<Reservation>(*each);
    f(*changed);
    changed->version = state.sequence;
    each = std::move(changed);
  }
}

/// `list` without `name`.
std::string without(std::string_view list, std::string_view name) {
  std::string out;
  for (std::string_view each : model::reservation_names(list))
    if (each != name) out += (out.empty() ? "" : ",") + std::string(each);
  return out;
}

}  // namespace

std::vector<ReservedNode> all_nodes(const ClusterState& state) {
  std::vector<ReservedNode> out;
  state.nodes.for_each([&](std::uint64_t, const auto& node) {
    if (!node->removed && node->base != model::NodeBase::future) out.push_back({node->id, {}});
    return true;
  });
  return out;
}

bool licenses_left(const ClusterState& state, const Reservation& made, TimeS now) {
  if (made.licenses.empty()) return true;
  Counts configured, wanted;
  if (!add_licenses(configured, state.licenses()) || !add_licenses(wanted, made.licenses)) return false;
  const Counts own = wanted;
  const auto period = made.period(now);
  for (const auto& other : state.reservations)
    if (other->name != made.name && other->period(now).meets(period.start, period.end))
      add_licenses(wanted, other->licenses);
  return std::ranges::all_of(own, [&](const auto& license) {
    const auto found = configured.find(license.first);
    return found != configured.end() && wanted[license.first] <= found->second;
  });
}

Errc obstacle(const ClusterState& state, const Reservation& made, const Reservation* old, TimeS now) {
  for (const ReservedNode& node : made.nodes)
    if (const model::Node* known = state.node(node.node); !known || known->removed) return Errc::invalid_node_name;
  for (const auto& other : state.reservations) {
    if (other.get() != old && model::clash(made, *other, now)) return Errc::reservation_overlap;
    if (!made.whole_nodes && !other->whole_nodes && other.get() != old && !old && model::meet(made, *other, now))
      for (const ReservedNode& node : made.nodes)
        if (const ReservedNode* theirs = other->find(node.node); theirs && overlap(node.cores, theirs->cores))
          return Errc::nodes_busy;
  }
  if (meets_job(state, made, now)) return Errc::nodes_busy;
  return licenses_left(state, made, now) ? Errc::success : Errc::invalid_licenses;
}

Errc may_use(const ClusterState& state, std::string_view list, const model::JobRequest& job) {
  for (std::string_view name : model::reservation_names(list)) {
    const Reservation* reservation = state.reservation(name);
    if (!reservation) return Errc::reservation_invalid;
    if (!reservation->admits(job.user_id, job.account)) return Errc::reservation_access;
  }
  return Errc::success;
}

bool reservations_allow(const ClusterState& state, const Job& job, const Schedule::Start& start,
                        std::uint32_t minutes) {
  const Reservation* own = nullptr;
  if (!start.reservation.empty()) {
    own = state.reservation(start.reservation);
    if (!own || !own->admits(job.request->user_id, job.request->account)) return false;
    if (own->binds() && !own->active(state.now)) return false;
    for (const model::NodeShare& share : start.shares) {
      if (!own->binds() || own->has(flag::any_nodes)) break;
      const ReservedNode* node = own->find(share.node);
      if (!node || (!own->whole_nodes && !subset(share.cores, node->cores))) return false;
    }
  } else if (!job.request->reservation.empty()) {
    return false;
  }
  const TimeS end = state.now + (minutes == kInfinite32 ? model::kReservedForEverS : std::int64_t{minutes} * 60);
  for (const auto& other : state.reservations) {
    if (other.get() == own || !other->period(state.now).meets(state.now, end)) continue;
    if (own ? !model::keeps_out(*own, *other) : other->tolerates(*job.request)) continue;
    for (const model::NodeShare& share : start.shares) {
      const ReservedNode* node = other->find(share.node);
      if (node && (other->whole_nodes || start.whole_node || overlap(node->cores, share.cores))) return false;
    }
  }
  return true;
}

bool in_use(const ClusterState& state, const Reservation& reservation) {
  return any_job(state, [&](const Job& job) { return names(job, reservation.name); });
}

void drop_reservation(ClusterState& state, const Reservation& gone) {
  const Reservation r = gone;  // `gone` may be the last to hold it
  report_reservation(state, Report::Kind::reservation_gone, std::make_shared<const Reservation>(r));
  std::vector<JobId> jobs, told_of_maintenance;
  const auto look = [&](std::uint64_t, const auto& job) {
    if (names(*job, r.name)) jobs.push_back(job->id);
    if (r.has(flag::maint) && job->state_desc == "ReqNodeNotAvail, Reserved for maintenance")
      told_of_maintenance.push_back(job->id);
    return true;
  };
  state.active.for_each(look);
  state.pending.for_each(look);
  for (JobId id : told_of_maintenance)
    edit_job(state, id, [](Job& job) {
      job.reason = model::JobReason::none;
      job.state_desc.clear();
    });
  for (JobId id : jobs)
    edit_job(state, id, [&](Job& job) {
      auto request = std::make_shared<model::JobRequest>(*job.request);
      request->reservation = without(request->reservation, r.name);
      const bool was_named = request->reservation.size() != job.request->reservation.size();
      const bool held = job.reason == model::JobReason::held_admin || job.reason == model::JobReason::held_user;
      job.request = request;
      if (job.reservation == r.name) job.reservation.clear();
      if (!job.state.pending() || !was_named || !request->reservation.empty() || held || r.has(flag::no_hold_jobs))
        return;
      job.priority = 0;
      job.state.flags |= model::job_flag::reservation_deleted;
      job.reason = model::JobReason::reservation_deleted;
      job.state_desc = "Reservation " + r.name + " was deleted";
      job.eligible_time = {};
    });
  std::erase_if(state.reservations, [&](const auto& each) { return each->name == r.name; });
  state.reservations_changed = state.now;
}

void follow_configuration(ClusterState& state) {
  const auto before = state.reservations;
  for (const auto& each : before) {
    const model::Partition* partition = state.partition(each->partition);
    if (!each->partition.empty() && !partition) {
      drop_reservation(state, *each);
      continue;
    }
    std::vector<ReservedNode> nodes;
    if (partition && each->has(flag::part_nodes)) {
      for (model::NodeId node : partition->nodes) nodes.push_back({node, {}});
    } else if (each->has(flag::all_nodes)) {
      nodes = all_nodes(state);
    } else {
      std::ranges::copy_if(each->nodes, std::back_inserter(nodes), [&](const ReservedNode& reserved) {
        const model::Node* node = state.node(reserved.node);
        return node && !node->removed;
      });
    }
    if (nodes == each->nodes) continue;
    if (nodes.empty()) {
      drop_reservation(state, *each);
      continue;
    }
    change(state, each->name, [&](Reservation& r) { r.nodes = nodes; });
    state.reservations_changed = state.now;
  }
}

void pass_time(ClusterState& state, std::int64_t over_run_s) {
  if (state.reservations.empty()) return;
  std::vector<JobId> late;
  state.active.for_each([&](std::uint64_t, const auto& job) {
    if (outstays(state, *job, state.now, over_run_s)) late.push_back(job->id);
    return true;
  });
  for (JobId id : late)
    end_running(state, id, model::JobBase::timeout, model::JobReason::time_limit, Effect::End::time_limit);
  const auto before = state.reservations;
  for (const auto& each : before) {
    switch (due_of(state, *each, state.now)) {
      case Due::nothing:
        break;
      case Due::used:
        change(state, each->name, [](Reservation& r) { r.idle_since = {}; });
        break;
      case Due::idle:
        change(state, each->name, [&](Reservation& r) { r.idle_since = state.now; });
        break;
      case Due::over:
        drop_reservation(state, *each);
        break;
    }
  }
}

bool reservations_due(const ClusterState& state, TimeS now, std::int64_t over_run_s) {
  if (state.reservations.empty()) return false;
  for (const auto& each : state.reservations)
    if (due_of(state, *each, now) != Due::nothing) return true;
  return !state.active.for_each(
      [&](std::uint64_t, const auto& job) { return !outstays(state, *job, now, over_run_s); });
}

}  // namespace flurm::state
