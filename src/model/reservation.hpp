// model/reservation.hpp — an advance reservation: nodes, cores or licenses kept for some users during some time.
// The rules are those of slurm 22.05 src/slurmctld/reservation.c.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.hpp"
#include "model/job.hpp"

namespace flurm::model {

/// Bits of Reservation::flags, and of the message that changes one: `no_` takes a flag back (slurm 22.05 slurm/slurm.h
/// RESERVE_FLAG_*; user_delete is of 23.11).
namespace resv_flag {
constexpr std::uint64_t bit(int n) { return std::uint64_t{1} << n; }
inline constexpr std::uint64_t maint = bit(0), no_maint = bit(1), daily = bit(2), no_daily = bit(3), weekly = bit(4),
                               no_weekly = bit(5), ignore_jobs = bit(6), no_ignore_jobs = bit(7), any_nodes = bit(8),
                               no_any_nodes = bit(9), static_nodes = bit(10), no_static_nodes = bit(11),
                               part_nodes = bit(12), no_part_nodes = bit(13), overlap = bit(14), spec_nodes = bit(15),
                               first_cores = bit(16), time_float = bit(17), replace = bit(18), all_nodes = bit(19),
                               purge_comp = bit(20), weekday = bit(21), no_weekday = bit(22), weekend = bit(23),
                               no_weekend = bit(24), flex = bit(25), no_flex = bit(26), duration_plus = bit(27),
                               duration_minus = bit(28), no_hold_jobs = bit(29), replace_down = bit(30),
                               no_purge_comp = bit(31), magnetic = bit(32), no_magnetic = bit(33), skip = bit(34),
                               hourly = bit(35), no_hourly = bit(36), user_delete = bit(39), no_user_delete = bit(40);
inline constexpr std::uint64_t recurring = hourly | daily | weekly | weekday | weekend;
}  // namespace resv_flag

/// How long "for ever" is for reservations.
inline constexpr std::int64_t kReservedForEverS = 365 * 24 * 3600;

/// A node of a reservation; `cores`, a mask as in NodeShare, is empty when the whole node is reserved.
struct ReservedNode {
  NodeId node = 0;
  std::vector<std::uint64_t> cores;
  bool operator==(const ReservedNode&) const = default;
};

struct Reservation {
  std::uint32_t id = 0;       // 1 to 9999; a recurring one gets a new one each time
  std::uint64_t version = 0;  // ClusterState::sequence of the last change
  std::string name;

  // for whom; names as they were given, and what they mean
  std::string users, accounts, groups;
  std::vector<std::uint32_t> user_ids;  // those of `users`, or the members of `groups`
  std::vector<std::string> account_names;
  bool users_denied = false, accounts_denied = false;  // all but those

  // what
  std::uint64_t flags = 0;
  std::string partition, features, licenses, burst_buffer, comment;
  std::uint32_t watts = kNoVal32;
  std::vector<ReservedNode> nodes;  // by node
  bool whole_nodes = true;          // no cores were asked for

  // when
  TimeS start, end;                     // `start` of a floating one: seconds from whenever one looks
  std::uint32_t duration = kNoVal32;    // minutes
  std::uint32_t max_start_delay_s = 0;  // jobs that give way after at most so long may use the nodes
  std::uint32_t purge_after_s = 300;    // unused for so long it ends (purge_comp)
  TimeS idle_since;                     // no job uses or awaits it since

  bool operator==(const Reservation&) const = default;

  bool has(std::uint64_t flag) const { return (flags & flag) != 0; }
  bool recurring() const { return has(resv_flag::recurring); }
  const ReservedNode* find(NodeId node) const;

  struct Period {
    TimeS start, end;
    bool meets(TimeS from, TimeS until) const { return start < until && from < end; }
  };
  /// The next time it is in force, or the present one; a floating one moves along with `now`.
  Period period(TimeS now) const;
  bool active(TimeS now) const;

  /// A job of this user and account may use it.
  bool admits(std::uint32_t user, std::string_view account) const;
  /// Though it is not its own, the job may use its nodes: it goes, when asked to, within what the reservation can wait
  /// (sbatch --signal=R:…).
  bool tolerates(const JobRequest& job) const;
  /// The running job uses nodes of it on these terms. Its --signal says how many seconds it has to go.
  bool lends_to(const Job& job) const;
  /// Jobs that run in it are not held to its nodes and times.
  bool binds() const { return !has(resv_flag::flex); }
};

/// A job in `own` may not use the whole nodes of `other` while that is in force.
bool keeps_out(const Reservation& own, const Reservation& other);

/// Both may not be: they have whole nodes in common at the same time, and neither is made to overlap.
/// Looks one week ahead for what recurs.
bool clash(const Reservation& made, const Reservation& other, TimeS now);
/// The same, for times only.
bool meet(const Reservation& made, const Reservation& other, TimeS now);

/// The reservations that a job names, in the order in which it is to try them.
std::vector<std::string_view> reservation_names(std::string_view list);

/// The name of one that nobody named.
std::string generated_name(const Reservation& reservation);

void fields(codec::Archive& ar, ReservedNode& node);
void fields(codec::Archive& ar, Reservation& reservation);

}  // namespace flurm::model
