// sched/pass.cpp — from inventory and queue to a plan.
#include "sched/pass.hpp"

#include <algorithm>

namespace flurm::sched {

using model::JobReason;

Pass::Pass(const Inventory& inventory, const Queue& queue, Placer& placer, const Limits& limits, TimeS now,
           Policing policing, std::optional<Preemption> preemption)
    : inventory_(inventory),
      queue_(queue),
      cluster_(inventory.cluster()),
      placer_(placer),
      limits_(limits),
      now_(now),
      reservations_(inventory.reservations(), cluster_, now),
      usage_(inventory.usage()),
      licenses_(inventory.licenses()),
      policing_(std::move(policing)),
      preemption_(std::move(preemption)),
      available_(inventory.usable()),
      blocked_(cluster_.partitions().size()),
      careful_(cluster_.partitions().size()),
      full_(inventory.reservations().size()),
      answers_(queue.jobs().size()) {
  placer_.watch(usage_);
}

Plan Pass::run() {
  find_components();
  std::uint32_t tested = 0;
  const auto test = [&](const QueueEntry& entry) {
    const bool apart = entry.reservation != kNoReservation;
    if (!apart && blocked_[entry.partition] && entry.behind_already)
      held_back_.push_back(&entry);
    else if (!answers_[entry.job].started && !answers_[entry.job].makes_way)
      consider(entry);
  };
  std::vector<const QueueEntry*> order;
  if (preemption_) order = preemption_->order(queue_);
  for (std::size_t i = 0; i < queue_.entries().size() && tested++ < limits_.jobs_tested_max; ++i)
    test(order.empty() ? queue_.entries()[i] : *order[i]);
  if (inventory_.settings().backfill && limits_.backfill_jobs_max != 0 && !held_back_.empty()) backfill();
  tell();
  return std::move(plan_);
}

bool Pass::array_has_room(const model::Job& job) const {
  if (!job.array || job.array->max_running == 0) return true;
  const std::uint32_t array = job.array->array_job.v;
  const auto running = inventory_.running_tasks().find(array);
  const auto started = tasks_started_.find(array);
  return (running == inventory_.running_tasks().end() ? 0 : running->second) +
             (started == tasks_started_.end() ? 0 : started->second) <
         job.array->max_running;
}

void Pass::count_task(const model::Job& job) {
  if (job.array && job.array->max_running != 0) ++tasks_started_[job.array->array_job.v];
}

void Pass::consider(const QueueEntry& entry) {
  const QueuedJob& queued = queue_.jobs()[entry.job];
  if (entry.component && job_of(entry).het->offset != 0) return;
  if (queued.begin > now_) return answer(entry.job, JobReason::begin_time);
  if (!array_has_room(*queued.job)) return answer(entry.job, JobReason::array_task_limit);
  if (const JobReason limit = policing_.before(*queued.job, entry.partition); limit != JobReason::none)
    return answer(entry.job, limit);
  const bool apart = entry.reservation != kNoReservation;
  if (apart && waits_for_reservation(entry)) return;
  if (!apart && blocked_[entry.partition]) {
    // what it was told of licenses and nodes may still be so
    const bool told_more = queued.told_reason == JobReason::licenses || queued.told_reason == JobReason::node_not_avail;
    if (!told_more)
      answer(entry.job, JobReason::priority);
    else if (!answers_[entry.job].given)
      answer(entry.job, queued.told_reason, queued.job->state_desc);
    held_back_.push_back(&entry);
    return;
  }
  if (!entry.shape) return answer(entry.job, JobReason::bad_constraints);
  if (entry.component) return start_together(entry);
  if (cluster_.partitions()[entry.partition].nodes.count_and(available_) < entry.shape->demand.min_nodes) {
    answer(entry.job, JobReason::resources,
           "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions");
    held_back_.push_back(&entry);
    if (apart)
      full_[entry.reservation] = true;
    else
      block(entry.partition);
    return;
  }
  start_tasks(entry);
}

/// Its reservation is not in force, or a job further up waits in it. One that only draws jobs keeps none waiting.
bool Pass::waits_for_reservation(const QueueEntry& entry) {
  const model::Reservation& own = reservations_.config(entry.reservation);
  const bool asked_for = !job_of(entry).request->reservation.empty();
  const bool in_force = own.active(now_) && (!own.nodes.empty() || own.has(model::resv_flag::any_nodes));
  if (own.binds() && !in_force) {
    if (asked_for) answer(entry.job, JobReason::reservation);
    return true;
  }
  if (!full_[entry.reservation]) return false;
  if (asked_for) {
    answer(entry.job, JobReason::priority);
    held_back_.push_back(&entry);
  }
  return true;
}

bool Pass::has_licenses(const QueueEntry& entry) const {
  const Claim claim = claim_of(entry, *entry.shape);
  const TimeS until = now_ + duration_s(job_of(entry).time_limit, &partition_of(entry));
  return licenses_.has(entry.shape->licenses, [&](std::string_view name) {
    return reservations_.empty() ? 0 : reservations_.licenses_kept(claim, name, now_, until);
  });
}

bool Pass::waited_for_switches(const QueueEntry& entry) const {
  const model::Job& job = job_of(entry);
  const std::uint32_t most_s = inventory_.settings().switch_wait_max_s;
  const std::uint32_t asked_s = job.request->wait4switch;
  const std::int64_t wait_s = asked_s == 0 ? most_s : std::min(asked_s, most_s);
  const TimeS since = job.eligible_time ? job.eligible_time : job.submit_time;
  return now_ - since >= wait_s;
}

const Shape& Pass::shape_of(const QueueEntry& entry) {
  const Shape& asked = entry.shape->anywhere && waited_for_switches(entry) ? *entry.shape->anywhere : *entry.shape;
  if (asked.demand.max_nodes <= asked.demand.min_nodes) return asked;
  const std::uint64_t nodes = policing_.nodes_at_most(job_of(entry), entry.partition);
  if (nodes >= asked.demand.max_nodes || nodes < asked.demand.min_nodes) return asked;
  const auto [at, added] = narrowed_.try_emplace({&asked, static_cast<std::uint32_t>(nodes)});
  if (added) {
    at->second = asked;
    at->second.demand.max_nodes = at->first.second;
    at->second.demand.wanted_nodes = std::min(asked.demand.wanted_nodes, at->first.second);
  }
  return at->second;
}

Outcome Pass::try_now(const QueueEntry& entry, Holding& holding) {
  if (const Shape* preferred = entry.shape->preferred.get()) {
    const Outcome outcome = try_now(entry, *preferred, holding);
    holding.preferred = outcome == Outcome::placed;
    if (holding.preferred) return outcome;
  }
  return try_now(entry, shape_of(entry), holding);
}

/// A shape that has failed in this pass fails again: what is free only shrinks.
Outcome Pass::try_now(const QueueEntry& entry, const Shape& shape, Holding& holding) {
  const Leave leave = leave_for(entry, shape);
  const bool same_for_all = !shape.demand.same_user_only && !usage_.has_owner();
  const std::pair key{&shape, leave.key};
  if (same_for_all)
    if (const auto known = failed_.find(key); known != failed_.end()) return known->second;
  const Outcome outcome = place_beside(entry, shape, leave, usage_, available_, holding);
  if (outcome != Outcome::placed) failed_[key] = outcome;
  return outcome;
}

Leave Pass::leave_for(const QueueEntry& entry, const Shape& shape) {
  if (reservations_.empty()) return {};
  const TimeS until = now_ + duration_s(job_of(entry).time_limit, &partition_of(entry));
  return reservations_.leave(claim_of(entry, shape), now_, until);
}

/// With what reservations leave.
Outcome Pass::place_beside(const QueueEntry& entry, const Shape& shape, const Leave& leave, const Usage& usage,
                           const Bitmap& available, Holding& holding) {
  using Closed = Leave::Closed;
  const std::uint32_t user = job_of(entry).request->user_id;
  if (leave.key == 0) return placer_.place(shape, user, usage, available, holding);
  if (leave.closed == Closed::later || leave.closed == Closed::ended) return Outcome::reserved;
  const bool apart = entry.reservation != kNoReservation;
  if (apart && leave.closed == Closed::maintenance) return Outcome::maintenance;
  const Bitmap nodes = leave.closed == Closed::no ? available & leave.nodes : Bitmap(cluster_.size());
  placer_.bar(leave.barred.get());
  const Outcome outcome = placer_.place(shape, user, usage, nodes, holding, apart ? &leave.nodes : nullptr);
  placer_.bar(nullptr);
  if (outcome == Outcome::never && leave.overlap) return Outcome::reserved;
  if (outcome == Outcome::not_available && leave.closed == Closed::maintenance) return Outcome::maintenance;
  return outcome;
}

/// Tasks of an array that this pass has not started yet, in another partition or reservation.
model::TaskSet Pass::tasks_left(const QueueEntry& entry) const {
  model::TaskSet left = job_of(entry).array->pending;
  if (!answers_[entry.job].begun) return left;
  for (const Placement& placement : plan_.starts)
    if (placement.job == entry.id) left.erase(placement.task);
  return left;
}

/// One job, or as many of an array's tasks as fit.
void Pass::start_tasks(const QueueEntry& entry) {
  const model::Job& job = job_of(entry);
  const bool many = job.array && job.array->task == kNoVal32;
  model::TaskSet left = many ? tasks_left(entry) : model::TaskSet{};
  if (many && left.empty()) return;
  do {
    if (!array_has_room(job)) return answer(entry.job, JobReason::array_task_limit);
    if (!has_licenses(entry)) return answer(entry.job, JobReason::licenses);
    if (const JobReason limit = policing_.before(job, entry.partition); limit != JobReason::none)
      return answer(entry.job, limit);
    Holding holding;
    const Outcome outcome = try_now(entry, holding);
    if (outcome != Outcome::placed) {
      const bool careful = careful_[entry.partition] && entry.reservation == kNoReservation;
      auto way = outcome == Outcome::busy && !careful ? find_way(entry, available_, 0) : std::nullopt;
      if (!way) return hold_back(entry, outcome);
      if (const JobReason limit = over_limit(entry, way->holding); limit != JobReason::none)
        return answer(entry.job, limit);
      make_way(entry, many ? left.first() : kNoVal32, std::move(*way));
      if (many) left.erase(left.first());
      continue;
    }
    if (const JobReason limit = over_limit(entry, holding); limit != JobReason::none) return answer(entry.job, limit);
    if (careful_[entry.partition] && entry.reservation == kNoReservation) {
      answer(entry.job, JobReason::priority);
      return held_back_.push_back(&entry);
    }
    start(entry, many ? left.first() : kNoVal32, std::move(holding));
    if (many) left.erase(left.first());
  } while (!left.empty());
  answers_[entry.job].started = !answers_[entry.job].makes_way;
}

JobReason Pass::over_limit(const QueueEntry& entry, const Holding& holding) {
  return policing_.after(job_of(entry), entry.partition, holding);
}

/// Nobody else gets that place any more.
void Pass::take_place(const QueueEntry& entry, Holding holding) {
  policing_.begin(job_of(entry), entry.partition, holding);
  usage_.add(holding);
  licenses_.take(entry.shape->licenses);
  count_task(job_of(entry));
  if (preemption_) preemption_->add(holding);
  started_.emplace_back(std::move(holding), now_ + duration_s(job_of(entry).time_limit, &partition_of(entry)));
}

void Pass::start(const QueueEntry& entry, std::uint32_t task, Holding holding) {
  answers_[entry.job].begun = true;
  Placement placement{.job = entry.id,
                      .task = task,
                      .partition = partition_of(entry).name,
                      .shares = {},
                      .whole_node = holding.whole_node,
                      .preferred = holding.preferred,
                      .reservation = {},
                      .backfilled = plan_.backfill.ran};
  if (entry.reservation != kNoReservation) placement.reservation = reservations_.config(entry.reservation).name;
  placement.shares.reserve(holding.shares.size());
  for (const Share& share : holding.shares)
    placement.shares.push_back({cluster_.node(share.node).id, share.cpus, share.memory_mib, share.cores, share.gres});
  std::ranges::sort(placement.shares, {}, &model::NodeShare::node);
  plan_.starts.push_back(std::move(placement));
  take_place(entry, std::move(holding));
}

/// How the job gets a place that others have.
std::optional<Preemption::Way> Pass::find_way(const QueueEntry& entry, const Bitmap& available,
                                              std::int64_t planned_s) {
  if (!preemption_) return std::nullopt;
  const model::Job& job = job_of(entry);
  const Shape& shape = shape_of(entry);
  const Leave leave = leave_for(entry, shape);
  // What there is no way for now, there is none for later in the pass, nor for one of lower priority.
  const std::tuple key{&shape, leave.key, job.request->user_id, job.qos, planned_s};
  if (no_way_.contains(key)) return std::nullopt;
  auto way = preemption_->find(entry, job, [&](const Usage& usage, Holding& holding) {
    return place_beside(entry, shape, leave, usage, available, holding) == Outcome::placed;
  });
  if (!way) no_way_.insert(key);
  return way;
}

/// Those that have the place are told to go, and the job waits for it; or it starts over jobs that are suspended.
void Pass::make_way(const QueueEntry& entry, std::uint32_t task, Preemption::Way way) {
  preemption_->take(way);
  for (JobId each : way.jobs) plan_.preempted.push_back({each, entry.id, partition_of(entry).name});
  if (way.at_once) return start(entry, task, std::move(way.holding));
  Answer& answer = answers_[entry.job];
  if (!answer.makes_way) {
    this->answer(entry.job, JobReason::resources);
    planned_.push_back(forecast_of(entry, way.free_at, way.holding));
    answer.planned = static_cast<std::uint32_t>(planned_.size());
    answer.makes_way = true;
  }
  take_place(entry, std::move(way.holding));
}

void Pass::hold_back(const QueueEntry& entry, Outcome outcome) {
  const Shape& shape = *entry.shape;
  const bool apart = entry.reservation != kNoReservation;
  if (apart && job_of(entry).request->reservation.empty()) return;  // it still has its turn outside
  switch (outcome) {
    case Outcome::placed:
      return;
    case Outcome::never:
      answer(entry.job, JobReason::bad_constraints);
      break;
    case Outcome::node_limit:
      answer(entry.job, JobReason::part_node_limit);
      break;
    case Outcome::not_available:
      answer(entry.job, JobReason::node_not_avail, unavailable_nodes(shape));
      held_back_.push_back(&entry);  // its nodes may only be waited for by a job further up
      break;
    case Outcome::busy:
      answer(entry.job, JobReason::resources);
      held_back_.push_back(&entry);
      break;
    case Outcome::maintenance:
      answer(entry.job, JobReason::node_not_avail, "ReqNodeNotAvail, Reserved for maintenance");
      held_back_.push_back(&entry);
      break;
    case Outcome::reserved:
      answer(entry.job, JobReason::reservation);
      held_back_.push_back(&entry);
      break;
  }
  if (policing_.too_low_to_reserve(job_of(entry), entry.partition, entry.priority)) return;
  if (shape.required.size() != 0 && shape.required.count() >= shape.demand.min_nodes) {
    // Jobs further down may not take the nodes it waits for, but need not wait with it; where there is backfill, that
    // sees to it that they do not delay it by taking other nodes that it needs too.
    available_.and_not(shape.required);
    if (outcome == Outcome::busy && inventory_.settings().backfill && limits_.backfill_jobs_max != 0)
      for (std::size_t p = 0; p < careful_.size(); ++p)
        if (cluster_.partitions()[p].nodes.intersects(cluster_.partitions()[entry.partition].nodes)) careful_[p] = true;
  } else if (outcome == Outcome::busy && apart) {
    full_[entry.reservation] = true;
  } else if (outcome == Outcome::busy) {
    block(entry.partition);
  }
}

void Pass::block(std::size_t partition) {
  blocked_[partition] = true;
  available_.and_not(cluster_.partitions()[partition].nodes);
}

std::string Pass::unavailable_nodes(const Shape& shape) const {
  Bitmap nodes = cluster_.partitions()[shape.partition].nodes;
  nodes.and_not(available_);
  if (shape.required.size() != 0) nodes &= shape.required;
  if (nodes.none()) return "ReqNodeNotAvail, May be reserved for other job";
  return "ReqNodeNotAvail, UnavailableNodes:" + cluster_.hostlist(nodes);
}

bool Pass::reserves_nothing(const QueueEntry& entry) const {
  const model::Job& job = job_of(entry);
  return policing_.reserves_nothing(job) || policing_.too_low_to_reserve(job, entry.partition, entry.priority);
}

/// Gives each job that is held back the earliest time that delays none before it; that may be now.
void Pass::backfill() {
  plan_.backfill = {.ran = true, .queue = static_cast<std::uint32_t>(held_back_.size())};
  Profile profile(cluster_, inventory_.timelines());
  for (const auto& [holding, until] : started_) profile.hold(holding, until);
  Backfill slots(cluster_, inventory_.usable(), placer_, profile, reservations_, usage_, now_,
                 limits_.backfill_window_s);
  for (const QueueEntry* entry : held_back_) {
    if (searches_ == limits_.backfill_jobs_max) break;
    if (answers_[entry->job].started || answers_[entry->job].makes_way || !entry->shape) continue;
    ++plan_.backfill.looked;
    if (entry->component) {
      plan_together(*entry, slots);
    } else {
      plan_tasks(*entry, slots);
    }
  }
}

/// One job, or the first tasks of an array: those that start now, and a few more.
void Pass::plan_tasks(const QueueEntry& entry, Backfill& slots) {
  constexpr int kTasksPlannedMax = 20;  // as Slurm's bf_max_job_array_resv
  const model::Job& job = job_of(entry);
  const bool many = job.array && job.array->task == kNoVal32;
  model::TaskSet left = many ? tasks_left(entry) : model::TaskSet{};
  if (many && left.empty()) return;
  const std::int64_t duration = duration_s(job.time_limit, &partition_of(entry));
  Answer& answer = answers_[entry.job];
  const bool planned_elsewhere = answer.planned != 0;
  for (int planned = 0; planned < kTasksPlannedMax && searches_ < limits_.backfill_jobs_max;) {
    if (!array_has_room(job) || !has_licenses(entry)) return;
    if (const JobReason limit = policing_.before(job, entry.partition); limit != JobReason::none)
      return this->answer(entry.job, limit);
    ++plan_.backfill.tried;
    std::optional<Backfill::Slot> slot;
    if (const Shape* preferred = entry.shape->preferred.get()) {  // only a start at once is worth a preference
      slot = slots.find(claim_of(entry, *preferred), duration, true);
      if (slot) slot->holding.preferred = true;
    }
    if (!slot) slot = slots.find(claim_of(entry, shape_of(entry)), duration, planned_elsewhere);
    const bool starts = slot && slot->start == now_;
    if (!starts) ++searches_;
    if (!starts && preemption_ && ways_left_ > 0) {  // not over those for whom the time is kept
      --ways_left_;
      if (auto way = find_way(entry, inventory_.usable() & slots.unplanned(duration), duration)) {
        if (const JobReason limit = over_limit(entry, way->holding); limit != JobReason::none)
          return this->answer(entry.job, limit);
        slots.take({now_, way->holding}, duration);
        make_way(entry, many ? left.first() : kNoVal32, std::move(*way));
        if (many) left.erase(left.first());
        if (!left.empty()) continue;
        answer.started = !answer.makes_way;
        return;
      }
    }
    if (!slot || (!starts && reserves_nothing(entry))) return;
    if (const JobReason limit = over_limit(entry, slot->holding); limit != JobReason::none)
      return this->answer(entry.job, limit);
    slots.take(*slot, duration);
    ++plan_.backfill.places;
    if (starts) {
      start(entry, many ? left.first() : kNoVal32, std::move(slot->holding));
    } else {
      ++planned;
      if (answer.planned == 0) {
        // one that was only behind others has a time now
        if (!answer.given) this->answer(entry.job, JobReason::priority);
        planned_.push_back(forecast_of(entry, slot->start, slot->holding));
        answer.planned = static_cast<std::uint32_t>(planned_.size());
      }
    }
    if (many) left.erase(left.first());
    if (!left.empty()) continue;
    answer.started = starts;
    return;
  }
}

Forecast Pass::forecast_of(const QueueEntry& entry, TimeS start, const Holding& holding) const {
  Forecast forecast{.start = start, .nodes = {}, .partition = partition_of(entry).name, .cpus = 0, .preempted = {}};
  Bitmap nodes(cluster_.size());
  for (const Share& share : holding.shares) {
    nodes.set(share.node);
    forecast.cpus += share.cpus;
  }
  forecast.nodes = cluster_.hostlist(nodes);
  return forecast;
}

std::optional<Forecast> Pass::forecast(JobId job) const {
  for (std::size_t i = 0; i < answers_.size(); ++i)
    if (answers_[i].planned != 0 && queue_.jobs()[i].job->id == job) return planned_[answers_[i].planned - 1];
  return std::nullopt;
}

void Pass::answer(std::uint32_t job, JobReason reason, std::string text) {
  Answer& answer = answers_[job];
  if (!answer.given) answered_.push_back(job);
  answer.reason = reason;
  answer.given = true;
  answer.text = 0;
  if (text.empty()) return;
  texts_.push_back(std::move(text));
  answer.text = static_cast<std::uint32_t>(texts_.size());
}

/// Only what is news, by job.
void Pass::tell() {
  for (std::uint32_t job : queue_.limited()) answer(job, queue_.jobs()[job].limited, queue_.jobs()[job].limited_text);
  for (std::uint32_t i : answered_) {
    const QueuedJob& queued = queue_.jobs()[i];
    const Answer& answer = answers_[i];
    if (answer.started) continue;
    const bool plain = answer.text == 0 && answer.planned == 0 && !queued.told_text;
    const bool same_start = !queued.told_start || !limits_.report_starts;
    if (plain && same_start && answer.reason == queued.told_reason) continue;

    const model::Job& job = *queued.job;
    Waiting waiting{.job = job.id, .reason = answer.reason, .desc = {}, .expected_start = {}, .sched_nodes = {}};
    if (answer.text != 0) waiting.desc = texts_[answer.text - 1];
    if (!limits_.report_starts) {
      waiting.expected_start = job.start_time;
      waiting.sched_nodes = job.sched_nodes;
    } else if (answer.planned != 0) {
      waiting.expected_start = planned_[answer.planned - 1].start;
      waiting.sched_nodes = planned_[answer.planned - 1].nodes;
    }
    if (waiting.reason != job.reason || waiting.desc != job.state_desc || waiting.expected_start != job.start_time ||
        waiting.sched_nodes != job.sched_nodes)
      plan_.waiting.push_back(std::move(waiting));
  }
  std::ranges::sort(plan_.waiting, {}, &Waiting::job);
}

}  // namespace flurm::sched
