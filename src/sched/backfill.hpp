// sched/backfill.hpp — the earliest time for each job that is held back, without delay to those before it.
//
// Conservative: every job considered gets its cores for its whole time limit in the profile, and later ones are only
// placed into what is left. Source of the idea: Mu'alem & Feitelson 2001.
#pragma once
#include <map>
#include <optional>

#include "sched/place.hpp"
#include "sched/profile.hpp"
#include "sched/reservations.hpp"

namespace flurm::sched {

class Backfill {
 public:
  /// `usage` is what is held at `now`, with the jobs that the pass has started.
  Backfill(const Cluster& cluster, const Bitmap& usable, Placer& placer, Profile& profile, Reservations& reservations,
           const Usage& usage, TimeS now, std::int64_t window_s)
      : cluster_(cluster),
        usable_(usable),
        placer_(placer),
        profile_(profile),
        reservations_(reservations),
        usage_(usage),
        now_(now),
        window_s_(window_s),
        window_usage_(cluster) {}

  struct Slot {
    TimeS start;
    Holding holding;
  };
  /// The earliest slot that begins within the window; `now_only`: one that begins now.
  std::optional<Slot> find(const Claim& claim, std::int64_t duration_s, bool now_only);
  /// The job has that slot: from now, or later. Of a job on several nodes, these are kept whole: which of them it gets,
  /// and how its tasks lie on them, may turn out otherwise when their free cores are others by then.
  void take(const Slot& slot, std::int64_t duration_s);
  /// Nodes on which no job has a later slot that would be in the way of one that began now.
  Bitmap unplanned(std::int64_t duration_s) const;

 private:
  /// How far the search for one shape has come: earlier times are known to be full.
  struct SearchKey {
    const Shape* shape;
    std::int64_t duration_s;
    ReservationIndex own;
    std::uint32_t warning;  // what makes a reservation tolerate the job
    auto operator<=>(const SearchKey&) const = default;
  };

  /// When a node first has room for the job's least, and its CPUs.
  struct Ready {
    TimeS at;
    std::uint32_t cpus;
  };
  TimeS enough_ready(const Demand& demand);

  TimeS ready_at(const Claim& claim, NodeIndex node, const NodeNeed& need, TimeS from, std::int64_t duration_s) const;
  bool place_at(const Shape& shape, std::uint32_t user, const Bitmap& nodes, TimeS start, std::int64_t duration_s,
                Holding& holding);

  const Cluster& cluster_;
  const Bitmap& usable_;
  Placer& placer_;
  Profile& profile_;
  Reservations& reservations_;
  const Usage& usage_;
  TimeS now_;
  std::int64_t window_s_;
  Usage window_usage_;
  std::map<SearchKey, TimeS> searched_;
  std::vector<Ready> ready_;
  int exact_tries_left_ = 4000;
};

}  // namespace flurm::sched
