// sched/backfill.hpp — the earliest time for each job that is held back, without delay to those before it.
//
// Conservative: every job considered gets its cores for its whole time limit in the profile, and later ones are only
// placed into what is left. Source of the idea: Mu'alem & Feitelson 2001.
#pragma once
#include <map>
#include <optional>

#include "sched/place.hpp"
#include "sched/profile.hpp"

namespace flurm::sched {

class Backfill {
 public:
  /// `usage` is what is held at `now`, with the jobs that the pass has started.
  Backfill(const Cluster& cluster, const Bitmap& usable, Placer& placer, const Profile& profile, const Usage& usage,
           TimeS now, std::int64_t window_s)
      : cluster_(cluster),
        usable_(usable),
        placer_(placer),
        profile_(profile),
        usage_(usage),
        now_(now),
        window_s_(window_s),
        window_usage_(cluster) {}

  struct Slot {
    TimeS start;
    Holding holding;
  };
  /// The earliest slot that begins within the window; `now_only`: one that begins now.
  std::optional<Slot> find(const Shape& shape, std::uint32_t user, std::int64_t duration_s, bool now_only);

 private:
  /// How far the search for one shape has come: earlier times are known to be full.
  using SearchKey = std::pair<const Shape*, std::int64_t>;

  bool place_at(const Shape& shape, std::uint32_t user, const Bitmap& nodes, TimeS start, std::int64_t duration_s,
                Holding& holding);

  const Cluster& cluster_;
  const Bitmap& usable_;
  Placer& placer_;
  const Profile& profile_;
  const Usage& usage_;
  TimeS now_;
  std::int64_t window_s_;
  Usage window_usage_;
  std::map<SearchKey, TimeS> searched_;
  std::vector<TimeS> ready_;
};

}  // namespace flurm::sched
