// sched/pass_het.cpp — heterogeneous jobs in a pass: their components start together or not at all.
//
// The whole job has the turn of its first component. Where there is no room for all of them, each keeps the earliest
// place that backfill finds for it: what becomes free first is not given to others while it waits for the rest.
// Components have nodes of their own, without which srun cannot start a step over several of them.
#include <algorithm>

#include "sched/pass.hpp"

namespace flurm::sched {

using model::JobReason;

void Pass::find_components() {
  for (const QueueEntry& entry : queue_.entries()) {
    if (!entry.component) continue;
    const model::HetPart& het = *job_of(entry).het;
    std::vector<Component>& components = components_[het.leader().v];
    components.resize(het.components.size());
    components[het.offset].push_back(&entry);
  }
}

const std::vector<Pass::Component>* Pass::components_of(const QueueEntry& first) const {
  const auto found = components_.find(first.id.v);
  if (found == components_.end()) return nullptr;
  const auto ready = [&](const Component& component) {
    return !component.empty() && queue_.jobs()[component.front()->job].begin <= now_;
  };
  return std::ranges::all_of(found->second, ready) ? &found->second : nullptr;
}

void Pass::start_together(const QueueEntry& first) {
  const auto* components = components_of(first);
  if (!components) return;  // one is held, or waits for a job or a time
  const auto tell_all = [&](JobReason reason) {
    for (const Component& component : *components) answer(component.front()->job, reason);
  };
  Usage trial = usage_;
  Bitmap taken(cluster_.size());
  LicensePool licenses = licenses_;
  std::vector<std::pair<const QueueEntry*, Holding>> places;
  std::optional<Preemption> preemption = preemption_;  // kept if it lets all of them in
  std::vector<Preempted> preempted;
  bool at_once = true;
  for (const Component& component : *components) {
    bool placed = false, never = true;
    for (const QueueEntry* entry : component) {
      if (!entry->shape || blocked_[entry->partition] || careful_[entry->partition]) {
        never = false;
        continue;
      }
      const TimeS until = now_ + duration_s(job_of(*entry).time_limit, &partition_of(*entry));
      const Claim claim = claim_of(*entry, *entry->shape);
      const bool licensed = licenses.has(entry->shape->licenses, [&](std::string_view name) {
        return reservations_.empty() ? 0 : reservations_.licenses_kept(claim, name, now_, until);
      });
      if (!licensed) return tell_all(JobReason::licenses);
      Leave leave;
      if (!reservations_.empty()) leave = reservations_.leave(claim, now_, until);
      if (leave.closed != Leave::Closed::no) {
        never = false;
        continue;
      }
      Bitmap nodes = leave.key == 0 ? available_ : available_ & leave.nodes;
      nodes.and_not(taken);
      Holding holding;
      placer_.bar(leave.barred.get());
      const Outcome outcome = placer_.place(*entry->shape, job_of(*entry).request->user_id, trial, nodes, holding);
      placer_.bar(nullptr);
      never = never && outcome == Outcome::never && taken.none();
      if (outcome == Outcome::busy && preemption) {
        auto way = preemption->find(*entry, job_of(*entry), [&](const Usage& usage, Holding& place) {
          return place_beside(*entry, *entry->shape, leave, usage, nodes, place) == Outcome::placed;
        });
        if (!way) continue;
        preemption->take(*way);
        for (JobId each : way->jobs) preempted.push_back({each, first.id, partition_of(*entry).name});
        at_once = at_once && way->at_once;
        holding = std::move(way->holding);
      } else if (outcome != Outcome::placed) {
        continue;
      }
      trial.add(holding);
      for (const Share& share : holding.shares) taken.set(share.node);
      licenses.take(entry->shape->licenses);
      places.emplace_back(entry, std::move(holding));
      placed = true;
      break;
    }
    if (placed) continue;
    if (never) return tell_all(JobReason::bad_constraints);
    tell_all(JobReason::resources);
    held_back_.push_back(&first);
    return block(first.partition);
  }
  Policing policing = policing_;
  for (const auto& [entry, holding] : places) {
    const model::Job& job = job_of(*entry);
    JobReason limit = policing.before(job, entry->partition);
    if (limit == JobReason::none) limit = policing.after(job, entry->partition, holding);
    if (limit != JobReason::none) return tell_all(limit);
    policing.begin(job, entry->partition, holding);
  }
  if (preemption) preemption_.emplace(std::move(*preemption));
  plan_.preempted.insert(plan_.preempted.end(), preempted.begin(), preempted.end());
  for (auto& [entry, holding] : places) {
    if (at_once) {
      start(*entry, kNoVal32, std::move(holding));
      answers_[entry->job].started = true;
    } else {
      answer(entry->job, JobReason::resources);
      answers_[entry->job].makes_way = true;
      take_place(*entry, std::move(holding));
    }
  }
}

void Pass::plan_together(const QueueEntry& first, Backfill& slots) {
  const auto* components = components_of(first);
  if (!components) return;
  std::vector<std::pair<const QueueEntry*, Backfill::Slot>> places;
  Bitmap taken(cluster_.size());
  TimeS together = now_;
  for (const Component& component : *components) {
    const QueueEntry* at = nullptr;
    std::optional<Backfill::Slot> best;
    for (const QueueEntry* entry : component) {
      if (!entry->shape || !has_licenses(*entry)) continue;
      const std::int64_t duration = duration_s(job_of(*entry).time_limit, &partition_of(*entry));
      ++searches_;
      ++plan_.backfill.tried;
      Claim claim = claim_of(*entry, *entry->shape);
      claim.without = &taken;
      auto slot = slots.find(claim, duration, false);
      if (!slot || (best && best->start <= slot->start)) continue;
      best = std::move(slot);
      at = entry;
    }
    if (!best) return;
    slots.take(*best, duration_s(job_of(*at).time_limit, &partition_of(*at)));
    ++plan_.backfill.places;
    for (const Share& share : best->holding.shares) taken.set(share.node);
    together = std::max(together, best->start);
    places.emplace_back(at, std::move(*best));
  }
  for (auto& [entry, slot] : places) {
    Answer& answer = answers_[entry->job];
    if (together == now_) {
      start(*entry, kNoVal32, std::move(slot.holding));
      answer.started = true;
      continue;
    }
    if (!answer.given) this->answer(entry->job, JobReason::priority);
    planned_.push_back(forecast_of(*entry, together, slot.holding));
    answer.planned = static_cast<std::uint32_t>(planned_.size());
  }
}

}  // namespace flurm::sched
