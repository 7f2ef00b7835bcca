// ctld/cluster_status.hpp — how the controllers stand: who leads, who is there, how far each is.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cluster/link.hpp"
#include "io/task.hpp"
#include "replog/log.hpp"

namespace flurm::ctld {

struct MemberStatus {
  std::string name, version;
  std::uint64_t id = 0;
  bool votes = true;     ///< false: it is new and has not caught up
  bool reached = false;  ///< what follows is known
  std::string error;     ///< why not
  bool leads = false;
  std::uint64_t term = 0, applied = 0, snapshot = 0;  ///< indexes count the log's entries
  std::uint64_t round_trip_us = 0;                    ///< 0 for the member that was asked
  std::uint64_t stored = 0;                           ///< as replog::Position::stored
};

/// How the accounting daemon hears of jobs.
struct AccountingStatus {
  std::uint64_t waiting = 0;  ///< records that it has not taken
  bool connected = false;     ///< of the member that was asked: only the leader ever is
};

struct ClusterStatus {
  std::string asked;   ///< the member that tells
  std::string leader;  ///< as that member knows it; empty: none
  std::vector<MemberStatus> members;
  std::string drain;                           ///< why no new jobs are taken; empty: they are
  std::optional<AccountingStatus> accounting;  ///< none: there is no daemon in slurm.conf

  /// Somebody leads, and all members are there.
  bool healthy() const;
  /// Somebody leads, and more than half of those that vote are there: changes are possible.
  bool has_quorum() const;
  /// How many entries a reached member has yet to apply.
  std::uint64_t lag(const MemberStatus& member) const;
};

/// Answers other members' questions; the log must outlive the link's calls.
void answer_status(cluster::Link& link, const replog::Log& log, const std::string& version);
/// Asks all members, a second at most.
io::Task<ClusterStatus> cluster_status(io::Loop& loop, cluster::Link& link, const replog::Log& log,
                                       std::string version);

std::string to_json(const ClusterStatus& status);
/// A table for people.
std::string to_text(const ClusterStatus& status);

}  // namespace flurm::ctld
