// sched/planner.cpp — the planner's public face: what is kept between calls, and calls that keep nothing.
#include <algorithm>
#include <optional>
#include <unordered_map>

#include "acct/fair_share.hpp"
#include "sched/limits.hpp"
#include "sched/pass.hpp"
#include "sched/possible.hpp"

namespace flurm::sched {

struct Planner::Kept {
  Inventory inventory;
  std::optional<Placer> placer;
  PersistentMap<model::Job> pending;
  std::shared_ptr<const acct::Books> books;
  Queue queue;
  std::optional<model::PriorityScale> scale;  // with priority/multifactor
  TimeS scale_at, usage_counted;

  void forget_queue() {
    queue.clear();
    pending = {};
  }
  void update_cluster(const View& view) {
    if (!inventory.update_cluster(view)) return;
    forget_queue();
    scale.reset();
    placer.emplace(inventory.cluster());
  }
  void update(const View& view, TimeS now) {
    update_cluster(view);
    const TimeS at = model::PriorityScale::at(view.settings.priority, now);
    if (view.settings.multifactor &&
        (!scale || scale_at != at || usage_counted != view.usage_counted || books != view.books)) {
      forget_queue();
      scale.emplace(view.settings.priority, view.nodes, view.partitions, now,
                    view.books ? acct::account_factors(*view.books, view.assoc_usage, view.settings.priority)
                               : model::AccountFactors{});
      scale_at = at;
      usage_counted = view.usage_counted;
    }
    if (inventory.update_reservations(view) || queue.too_many_shapes()) forget_queue();
    if (books != view.books) forget_queue();  // QOS may free jobs of limits, and accounts be let in or not
    books = view.books;
    inventory.update_use(view, now);
    queue.update(pending, view.pending, inventory.cluster(), view.settings, inventory.reservations(),
                 scale ? &*scale : nullptr, books.get());
    pending = view.pending;
  }
  Pass pass(const View& view, const Limits& limits, TimeS now) {
    std::optional<Preemption> preemption;
    if (view.settings.preempt.enabled()) preemption.emplace(view, inventory, scale ? &*scale : nullptr, now);
    return {inventory, queue, *placer, limits, now, Policing(view, inventory.cluster(), now), std::move(preemption)};
  }
};

Planner::Planner() : kept_(std::make_unique<Kept>()) {}
Planner::~Planner() = default;
Planner::Planner(Planner&&) noexcept = default;
Planner& Planner::operator=(Planner&&) noexcept = default;

Plan Planner::plan(const View& view, const Limits& limits, TimeS now) {
  kept_->update(view, now);
  return kept_->pass(view, limits, now).run();
}

Result<void> Planner::within_limits(const View& view, const model::JobRequest& request,
                                    const model::Partition& partition, std::uint32_t qos_flags) {
  kept_->update_cluster(view);
  const Cluster& cluster = kept_->inventory.cluster();
  const std::size_t index = cluster.partition_index(partition.name);
  if (index == cluster.partitions().size()) return fail(Errc::invalid_partition_name, "partition {}", partition.name);
  return sched::within_limits(request, cluster.partitions()[index], cluster, view.settings, qos_flags);
}

Result<void> Planner::knows_names(const View& view, const model::JobRequest& request) {
  kept_->update_cluster(view);
  return sched::knows_names(request, kept_->inventory.cluster(), view.settings);
}

Result<void> Planner::can_ever_run(const View& view, const model::JobRequest& request,
                                   const model::Partition& partition, TimeS now) {
  kept_->update_cluster(view);
  const Cluster& cluster = kept_->inventory.cluster();
  const std::size_t index = cluster.partition_index(partition.name);
  if (index == cluster.partitions().size()) return fail(Errc::invalid_partition_name, "partition {}", partition.name);
  const std::vector<std::string_view> names = model::reservation_names(request.reservation);
  if (!now || names.empty()) return possible(request, index, cluster, view.settings, *kept_->placer, nullptr);
  Reservations reservations(view.reservations, cluster, now);
  return possible_in(request, index, cluster, view.settings, *kept_->placer, reservations, names, now);
}

Result<Forecast> Planner::forecast(const View& view, const Limits& limits, const model::Job& job, TimeS now) {
  constexpr std::int64_t kFarAhead = 5 * 365 * std::int64_t{24} * 3600;
  View with = view;
  with.settings.backfill = true;
  with.pending.set(job.id.v, std::make_shared<const model::Job>(job));
  Limits patient = limits;
  patient.backfill_jobs_max = std::max(limits.backfill_jobs_max, limits.jobs_tested_max);
  patient.backfill_window_s = kFarAhead;
  kept_->update(with, now);
  Pass pass = kept_->pass(with, patient, now);
  const Plan plan = pass.run();
  const auto started = std::ranges::find(plan.starts, job.id, &Placement::job);
  if (started == plan.starts.end()) {
    if (auto planned = pass.forecast(job.id)) {
      for (const Preempted& each : plan.preempted)
        if (each.preemptor == job.id) planned->preempted.push_back(each.job);
      if (!planned->preempted.empty()) planned->start = now;  // as Slurm says, whatever their time of grace
      return *planned;
    }
    return fail(Errc::requested_part_config_unavailable, "job {} has no time to start", job.id.v);
  }
  const Cluster& cluster = kept_->inventory.cluster();
  Bitmap nodes(cluster.size());
  Forecast forecast{.start = now, .nodes = {}, .partition = started->partition, .cpus = 0, .preempted = {}};
  for (const model::NodeShare& share : started->shares) {
    nodes.set(cluster.index_of(share.node));
    forecast.cpus += share.cpus;
  }
  forecast.nodes = cluster.hostlist(nodes);
  return forecast;
}

Plan plan(const View& view, const Limits& limits, TimeS now) { return Planner().plan(view, limits, now); }

Result<void> within_limits(const View& view, const model::JobRequest& request, const model::Partition& partition) {
  return Planner().within_limits(view, request, partition);
}

Result<void> knows_names(const View& view, const model::JobRequest& request) {
  return Planner().knows_names(view, request);
}

Result<void> can_ever_run(const View& view, const model::JobRequest& request, const model::Partition& partition,
                          TimeS now) {
  return Planner().can_ever_run(view, request, partition, now);
}

Result<Forecast> forecast(const View& view, const Limits& limits, const model::Job& job, TimeS now) {
  return Planner().forecast(view, limits, job, now);
}

}  // namespace flurm::sched
