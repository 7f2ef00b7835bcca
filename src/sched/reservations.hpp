// sched/reservations.hpp — what reservations leave to a job that would run during some time.
//
// Reservations bar nodes and cores for a time, from those that are not their own; a job in one is held to its nodes,
// its cores and its times. Source: slurm 22.05 src/slurmctld/reservation.c job_test_resv().
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "model/reservation.hpp"
#include "sched/cluster.hpp"
#include "sched/place.hpp"

namespace flurm::sched {

/// Reservations by their place in View::reservations.
using ReservationIndex = std::uint32_t;
inline constexpr ReservationIndex kNoReservation = 0xffffffff;

/// What a job is to reservations.
struct Claim {
  ReservationIndex own = kNoReservation;
  const Shape* shape = nullptr;
  const model::JobRequest* request = nullptr;
  const Bitmap* without = nullptr;  // nodes that are not for it: other components of its heterogeneous job have them
};

/// What is left to it. `key` is equal where all of it is equal, within a pass; 0 where no reservation has a say.
struct Leave {
  enum class Closed : std::uint8_t {
    no,
    maintenance,  // all that the job could have is reserved
    required,     // nodes that it names are
    later,        // its own has not begun
    ended,        // its own is over, or does not have the nodes that it names
  } closed = Closed::no;
  std::uint32_t key = 0;
  bool overlap = false;                             // some of its partition is reserved, or of its own reservation
  TimeS until;                                      // Closed::maintenance, required: when that may be otherwise
  Bitmap nodes;                                     // that it may use, of all
  std::shared_ptr<const std::vector<Word>> barred;  // cores that it may not use, as Cluster::all_cores(); null: none
};

class Reservations {
 public:
  /// Both must outlive it. `now`: floating ones are looked at from there.
  Reservations(const std::vector<std::shared_ptr<const model::Reservation>>& all, const Cluster& cluster, TimeS now);

  bool empty() const { return all_.empty(); }
  /// kNoReservation when there is none of that name.
  ReservationIndex find(std::string_view name) const;
  const model::Reservation& config(ReservationIndex index) const { return *all_[index].config; }
  const Bitmap& nodes(ReservationIndex index) const { return all_[index].nodes; }

  Leave leave(const Claim& claim, TimeS from, TimeS until);
  /// From when on, not before `from`, no reservation bars the node to the job for that long.
  TimeS node_open(const Claim& claim, NodeIndex node, TimeS from, std::int64_t duration_s) const;
  /// The first end of a reservation after that time; kNever (sched/profile.hpp) when there is none.
  TimeS next_end(TimeS after) const;
  /// How many of a license those that are not the job's own keep, at some moment of that time.
  std::uint64_t licenses_kept(const Claim& claim, std::string_view name, TimeS from, TimeS until) const;

 private:
  struct Reserved {
    const model::Reservation* config = nullptr;
    model::Reservation::Period period;
    Bitmap nodes;
    std::vector<Word> cores;  // as Cluster::all_cores(); empty for whole nodes
    std::vector<std::pair<std::string, std::uint32_t>> licenses;
  };
  /// Whether it has a say in what the job may use, apart from when.
  bool concerns(const Claim& claim, ReservationIndex index) const;
  bool whole_for(const Claim& claim, const Reserved& reserved) const;
  std::uint32_t key_of(const Leave& leave, const std::vector<ReservationIndex>& having_say);
  void stay_inside(const Claim& claim, TimeS from, Leave& leave);

  const Cluster& cluster_;
  std::vector<Reserved> all_;
  std::vector<std::pair<std::vector<ReservationIndex>, Leave::Closed>> keys_;  // key - 1 is the place
};

}  // namespace flurm::sched
