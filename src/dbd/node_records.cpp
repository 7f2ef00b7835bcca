// dbd/node_records.cpp — nodes that went down and came back, clusters' resources, reservations.
#include <algorithm>

#include "base/hostlist.hpp"
#include "dbd/records.hpp"
#include "dbd/translate.hpp"

namespace flurm::dbd {

namespace {

std::vector<acct::Event> open_events(Reporter& reporter) {
  store::EventFilter filter;
  filter.clusters = {reporter.cluster};
  filter.open_only = true;
  return reporter.writer.events(filter);
}

}  // namespace

void record_node_state(Reporter& reporter, const wire::DbdNodeState& m) {
  constexpr std::uint16_t kDown = 1;
  const auto nodes = HostSet::parse(m.hostlist);
  if (!nodes) return;
  std::vector<acct::Event> open = open_events(reporter);
  reporter.touch(m.event_time);
  for (const std::string& node : nodes->names()) {
    auto old = std::ranges::find(open, node, &acct::Event::node);
    if (m.new_state == kDown) {
      if (old != open.end() && old->state == m.state && old->reason == m.reason) continue;
      if (old != open.end() && old->start != m.event_time) {
        old->end = m.event_time;
        reporter.writer.put(*old);
      }
      acct::Event event;
      event.cluster = reporter.cluster;
      event.node = node;
      event.start = m.event_time;
      event.state = m.state;
      event.reason = m.reason;
      event.reason_uid = m.reason_uid;
      event.tres = m.tres_str;
      event.extra = m.extra;
      event.instance_id = m.instance_id;
      event.instance_type = m.instance_type;
      reporter.writer.put(event);
    } else if (old != open.end()) {
      old->end = m.event_time;
      reporter.writer.put(*old);
    }
  }
}

bool record_cluster_tres(Reporter& reporter, const wire::DbdClusterTres& m, bool& first, bool& nodes_changed) {
  std::vector<acct::Event> open = open_events(reporter);
  // It is back.
  for (acct::Event& each : open)
    if (each.node.empty() && each.state != 0) {
      each.end = std::max(m.event_time, each.start);
      reporter.writer.put(each);
    }
  std::erase_if(open, [](const acct::Event& each) { return static_cast<bool>(each.end); });
  auto old = std::ranges::find_if(open, [](const acct::Event& e) { return e.node.empty() && e.state == 0; });
  first = old == open.end();
  nodes_changed = !first && old->cluster_nodes != m.cluster_nodes;
  if (!first && !nodes_changed && old->tres == m.tres_str) return false;
  // Other resources: what was open belonged to the old ones, and the controller tells it again.
  if (!first)
    for (acct::Event& each : open) {
      each.end = std::max(m.event_time, each.start);
      reporter.writer.put(each);
    }
  acct::Event event;
  event.cluster = reporter.cluster;
  event.start = m.event_time;
  event.cluster_nodes = m.cluster_nodes;
  event.tres = m.tres_str;
  event.reason = "Cluster Registered TRES";
  reporter.touch(m.event_time);
  reporter.writer.put(event);
  return true;
}

void record_controller_down(Reporter& reporter) {
  const std::vector<acct::Event> open = open_events(reporter);
  const auto registered =
      std::ranges::find_if(open, [](const acct::Event& e) { return e.node.empty() && e.state == 0; });
  if (registered == open.end()) return;
  acct::Event event;
  event.cluster = reporter.cluster;
  event.start = reporter.now;
  event.state = 1;  // down
  event.tres = registered->tres;
  event.reason = "slurmctld disconnect";
  reporter.touch(reporter.now);
  reporter.writer.put(event);
}

void flush_jobs(Reporter& reporter, TimeS when) {
  store::JobFilter filter;
  filter.clusters = {reporter.cluster};
  filter.unfinished_only = true;
  reporter.touch(when);
  for (acct::Job& job : reporter.writer.jobs(filter)) {
    if (job.state == acct::job_suspended) job.suspended = when.v - job.suspended;
    job.state = acct::job_cancelled;
    job.end = when;
    job.modified = reporter.now;
    reporter.writer.put(job);
    for (acct::Suspension& each : reporter.writer.suspensions(job.db_index)) {
      if (each.end) continue;
      each.end = when;
      reporter.writer.put(each);
    }
    for (acct::Step& step : reporter.writer.steps(job.db_index)) {
      if (step.end) continue;
      if (step.state == acct::job_suspended) step.suspended = when.v - step.suspended;
      step.state = acct::job_cancelled;
      step.end = when;
      reporter.writer.put(step);
    }
  }
}

void record_reservation(Reporter& reporter, wire::MsgType type, const wire::ReservationRec& m) {
  acct::Reservation wish = to_acct(m);
  wish.cluster = reporter.cluster;
  reporter.touch(wish.start);
  if (type == wire::MsgType::DBD_ADD_RESV) return reporter.writer.put(wish);
  for (acct::Reservation& each : reporter.writer.reservations({reporter.cluster})) {
    if (each.id != wish.id) continue;
    const bool meant = each.start == wish.start || each.start == m.time_start_prev;
    if (!meant) continue;
    if (type == wire::MsgType::DBD_REMOVE_RESV) {
      each.end = reporter.now;
      each.deleted = each.start >= reporter.now;  // it never was in force
      return reporter.writer.put(each);
    }
    if (each.start < reporter.now && each.start != wish.start) {
      each.end = wish.start;
      reporter.writer.put(each);
      return reporter.writer.put(wish);
    }
    acct::Reservation changed = each;
    if (!wish.assocs.empty()) changed.assocs = wish.assocs;
    if (!wish.nodes.empty()) changed.nodes = wish.nodes;
    if (!wish.tres.empty()) changed.tres = wish.tres;
    if (!wish.name.empty()) changed.name = wish.name;
    if (wish.end) changed.end = wish.end;
    if (wish.flags != kNoVal64) changed.flags = wish.flags;
    return reporter.writer.put(changed);
  }
  if (type == wire::MsgType::DBD_MODIFY_RESV) reporter.writer.put(wish);
}

}  // namespace flurm::dbd
