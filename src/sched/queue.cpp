// sched/queue.cpp — the order of pending jobs.
#include "sched/queue.hpp"

#include <algorithm>
#include <tuple>

#include "acct/claim.hpp"
#include "sched/limits.hpp"

namespace flurm::sched {
namespace {

using model::JobReason;

template <class... Numbers>
void append_numbers(std::string& key, Numbers... numbers) {
  (key.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
}

template <class F>
void for_each_name(std::string_view list, F f) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    f(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

bool waits_for_nobody(const model::Job& job) {
  return job.state.pending() && job.priority != 0 && job.dependencies.empty();
}

bool before(const QueueEntry& a, const QueueEntry& b) {
  const bool a_apart = a.reservation == kNoReservation, b_apart = b.reservation == kNoReservation;
  return std::tuple(a_apart, b.tier, b.priority, a.id.v, a.partition, a.reservation) <
         std::tuple(b_apart, a.tier, a.priority, b.id.v, b.partition, b.reservation);
}

/// Where the job looks for nodes: in the reservations that it names; or in none, and those that draw jobs. Empty when
/// one that it names is not there, or not for it.
std::vector<ReservationIndex> reservations_of(const model::Job& job, const Reservable& reservations) {
  std::vector<ReservationIndex> out;
  const model::JobRequest& request = *job.request;
  const auto admits = [&](const auto& each) { return each->admits(request.user_id, request.account); };
  for (std::string_view name : model::reservation_names(request.reservation)) {
    const auto found =
        std::ranges::find(reservations, name, [](const auto& each) { return std::string_view(each->name); });
    if (found == reservations.end() || !admits(*found)) return {};
    out.push_back(static_cast<ReservationIndex>(found - reservations.begin()));
  }
  if (!out.empty()) return out;
  out.push_back(kNoReservation);
  for (ReservationIndex i = 0; i < reservations.size(); ++i)
    if (reservations[i]->has(model::resv_flag::magnetic) && admits(reservations[i])) out.push_back(i);
  return out;
}

}  // namespace

std::string shape_key(const model::JobRequest& r, std::size_t partition) {
  std::string key;
  key.reserve(192);
  append_numbers(key, partition, r.num_tasks, r.min_cpus, r.max_cpus, r.min_nodes, r.max_nodes, r.cpus_per_task,
                 r.ntasks_per_node, r.ntasks_per_socket, r.ntasks_per_core, r.sockets_per_node, r.cores_per_socket,
                 r.threads_per_core, r.pn_min_cpus, r.core_spec, r.plane_size, r.pn_min_memory, r.pn_min_tmp_disk,
                 r.task_dist, r.contiguous, r.shared, r.reboot, r.overcommit, r.req_switch, r.ntasks_per_tres,
                 r.bitflags & (model::job_bit::spread_job | model::job_bit::use_min_nodes | kGresEnforceBinding |
                               kGresDisableBinding));
  for (const std::string* text :
       {&r.req_nodes, &r.exc_nodes, &r.features, &r.prefer, &r.licenses, &r.tres_per_job, &r.tres_per_node,
        &r.tres_per_socket, &r.tres_per_task, &r.cpus_per_tres, &r.mem_per_tres, &r.mcs_label}) {
    append_numbers(key, text->size());
    key += *text;
  }
  return key;
}

const Shape* Shapes::find(const model::JobRequest& request, std::size_t partition, const Cluster& cluster,
                          const model::Settings& settings) {
  if (&request == last_request_ && partition == last_partition_) return last_shape_;
  auto [found, added] = by_key_.try_emplace(shape_key(request, partition));
  if (added)
    if (auto shape = make_shape(request, partition, cluster, settings))
      found->second = std::make_unique<const Shape>(std::move(*shape));
  last_request_ = &request;
  last_partition_ = partition;
  return last_shape_ = found->second.get();
}

void Shapes::clear() {
  by_key_.clear();
  forget_last();
}

void Queue::clear() {
  jobs_.clear();
  free_.clear();
  by_id_.clear();
  entries_.clear();
  limited_.clear();
  shapes_.clear();
}

std::uint32_t Queue::add(const std::shared_ptr<const model::Job>& shared, const Cluster& cluster,
                         const model::Settings& settings, const Reservable& reservations,
                         const model::PriorityScale* scale, const acct::Books* books,
                         std::vector<QueueEntry>& entries) {
  const model::Job& job = *shared;
  auto place = static_cast<std::uint32_t>(jobs_.size());
  if (free_.empty()) {
    jobs_.emplace_back();
  } else {
    place = free_.back();
    free_.pop_back();
  }
  QueuedJob& queued = jobs_[place];
  queued = {.job = shared,
            .begin = job.request->begin_time,
            .told_reason = job.reason,
            .told_text = !job.state_desc.empty() || !job.sched_nodes.empty(),
            .told_start = job.start_time};
  const auto where = reservations_of(job, reservations);
  if (where.empty()) {
    queued.limited = JobReason::reservation;
    limited_.push_back(place);
    return place;
  }
  const bool behind_already = job.reason == JobReason::priority && !queued.told_text && !queued.told_start &&
                              (!job.array || job.array->max_running == 0);
  JobReason limited = JobReason::none;
  const std::size_t had = entries.size();
  for_each_name(job.partition, [&](std::string_view name) {
    const std::size_t index = cluster.partition_index(name);
    if (index == cluster.partitions().size()) return;
    const PartitionInfo& partition = cluster.partitions()[index];
    const JobReason reason = partition_reason(job, partition, cluster, settings, books);
    if (reason != JobReason::none) {
      limited = reason;
      if (books && (reason == JobReason::account || reason == JobReason::qos))
        queued.limited_text = acct::why_not_admitted(*books, *partition.config, job.assoc, job.qos);
      return;
    }
    const Shape* shape = shapes_.find(*job.request, index, cluster, settings);
    for (ReservationIndex reservation : where)
      entries.push_back({.reservation = reservation,
                         .tier = partition.config->priority_tier,
                         .priority = model::priority_of(scale, job, *partition.config),
                         .id = job.id,
                         .partition = static_cast<std::uint32_t>(index),
                         .job = place,
                         .behind_already = behind_already && reservation == kNoReservation && !job.het,
                         .component = job.het.has_value(),
                         .shape = shape});
  });
  if (entries.size() == had) queued.limited = limited;
  if (queued.limited != JobReason::none) limited_.push_back(place);
  return place;
}

void Queue::update(const PersistentMap<model::Job>& before_jobs, const PersistentMap<model::Job>& after_jobs,
                   const Cluster& cluster, const model::Settings& settings, const Reservable& reservations,
                   const model::PriorityScale* scale, const acct::Books* books) {
  shapes_.forget_last();
  std::vector<QueueEntry> gone, added;
  std::vector<std::shared_ptr<const model::Job>> coming;
  PersistentMap<model::Job>::diff(before_jobs, after_jobs, [&](std::uint64_t id, const auto&, const auto& after) {
    const auto known = by_id_.find(static_cast<std::uint32_t>(id));
    if (known != by_id_.end()) {
      QueuedJob& queued = jobs_[known->second];
      if (queued.limited != JobReason::none) std::erase(limited_, known->second);
      const auto where = reservations_of(*queued.job, reservations);
      for_each_name(queued.job->partition, [&](std::string_view name) {
        const std::size_t index = cluster.partition_index(name);
        if (index == cluster.partitions().size() || queued.limited != JobReason::none) return;
        const model::Partition& partition = *cluster.partitions()[index].config;
        for (ReservationIndex reservation : where)
          gone.push_back({.reservation = reservation,
                          .tier = partition.priority_tier,
                          .priority = model::priority_of(scale, *queued.job, partition),
                          .id = queued.job->id,
                          .partition = static_cast<std::uint32_t>(index)});
      });
      queued = {};
      free_.push_back(known->second);
      by_id_.erase(known);
    }
    if (after && waits_for_nobody(*after)) coming.push_back(after);
  });
  remove(gone);
  for (const auto& job : coming) by_id_[job->id.v] = add(job, cluster, settings, reservations, scale, books, added);
  insert(added);
}

/// In one sweep; an entry may be asked for that is not there.
void Queue::remove(std::vector<QueueEntry>& gone) {
  std::ranges::sort(gone, before);
  auto keep = entries_.begin(), from = entries_.begin();
  bool moving = false;
  for (const QueueEntry& entry : gone) {
    const auto at = std::lower_bound(from, entries_.end(), entry, before);
    if (at == entries_.end() || before(entry, *at)) continue;
    keep = moving ? std::move(from, at, keep) : at;
    moving = true;
    from = at + 1;
  }
  if (moving) entries_.erase(std::move(from, entries_.end(), keep), entries_.end());
}

/// Merges from the end: most jobs that come belong there.
void Queue::insert(std::vector<QueueEntry>& added) {
  std::ranges::sort(added, before);
  std::size_t old = entries_.size(), fresh = added.size();
  entries_.resize(old + fresh);
  for (std::size_t to = entries_.size(); fresh > 0;) {
    const bool take_old = old > 0 && before(added[fresh - 1], entries_[old - 1]);
    entries_[--to] = take_old ? entries_[--old] : added[--fresh];
  }
}

}  // namespace flurm::sched
