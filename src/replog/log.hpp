// replog/log.hpp — the replicated log: the one place where "acknowledged" is decided.
//
// Entries and snapshots are bytes to this room. Everything here belongs to the loop's thread, except where said.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"

namespace flurm::replog {

/// Makes the bytes of a snapshot. Runs once, perhaps on a worker thread, and must use only the immutable view it
/// holds.
using SnapshotJob = std::move_only_function<std::string()>;

/// The state machine that the log drives. Calls come on the loop's thread, in order.
class Machine {
 public:
  virtual ~Machine() = default;
  /// index: 1, 2, 3, ... without gaps, the same on every member. Never called twice for an index after a restore of
  /// an older snapshot.
  virtual void apply(std::uint64_t index, std::string_view entry) = 0;
  /// A view of the state as it is now, with everything applied so far in it.
  virtual SnapshotJob take_snapshot() = 0;
  /// Replaces the state by one that take_snapshot() once gave, after `index` entries.
  virtual Result<void> restore(std::uint64_t index, std::string_view snapshot) = 0;
};

/// One of the members as the log has them. Who is a member is an entry of the log, too.
struct Member {
  std::uint64_t id = 0;
  std::string address{};  ///< for the transport's user; the log keeps it and does not look at it
  bool votes = true;      ///< false: it gets everything, and neither votes nor counts for a majority
  bool operator==(const Member&) const = default;
};

/// Where a log stands. Indexes count entries of propose(); 0 means none.
struct Position {
  std::uint64_t term = 0;
  std::uint64_t proposed = 0;  ///< last index given to an entry by this member while it leads
  std::uint64_t applied = 0;   ///< last index applied here; all of these are committed
  std::uint64_t snapshot = 0;  ///< last index that the newest snapshot on disk contains
  std::uint64_t stored = 0;    ///< entries here, committed or not, libraft's own counted; 1: no more than its founding
};

class Log {
 public:
  /// Called with the index of the last entry, after it was applied here; or with the reason why it may not be in the
  /// log: not_leader, io (disk failure), closed (stopping), einval (too large). After `not_leader` and `io` the entry
  /// may still turn up later: whoever retries must be recognisable by the machine (request ids).
  using Done = std::move_only_function<void(Result<std::uint64_t>)>;
  using OnLeadership = std::move_only_function<void(bool leads)>;
  using OnLeader = std::move_only_function<void(std::uint64_t leader)>;
  using OnMembers = std::move_only_function<void()>;

  virtual ~Log() = default;

  /// Before start(), where others have a log and this member has none: it founds none, but is given theirs by a leader
  /// that knows it. known: the members as their logs have them.
  virtual void join(std::vector<Member> known) = 0;
  /// Loads what is on disk, restores the newest snapshot and applies the entries after it that are known to be
  /// committed. Errors: corrupt (names the file), io, einval (locked by another process).
  virtual io::Task<Result<void>> start() = 0;
  /// Ends everything; proposals under way get `closed`. The log may be destroyed afterwards.
  virtual io::Task<void> stop() = 0;

  /// Lets another member lead when this one does: `to`, or the one that is furthest. Errors: not_leader; einval (nobody,
  /// or not one that votes); timed_out, when no other leads after an election timeout.
  virtual io::Task<Result<void>> hand_over(std::uint64_t to = 0) = 0;

  /// The members as this one knows them; none while a new one has heard nothing. The last change counts already, and may
  /// still be undone while has_settled() is false.
  virtual std::vector<Member> members() const = 0;
  virtual bool has_settled() const = 0;
  /// Called when members() or has_settled() has changed. One listener.
  virtual void on_members(OnMembers fn) = 0;
  /// Changes the members, through the leader, one change at a time; returns when a majority has it. Errors: not_leader
  /// (it may have happened all the same), einval (is one already, is none), eagain (another change is under way).
  /// A new member gets everything, and does not vote before it is promoted, which should wait until it has caught up.
  virtual io::Task<Result<void>> add_member(Member member) = 0;
  virtual io::Task<Result<void>> promote_member(std::uint64_t id) = 0;
  virtual io::Task<Result<void>> remove_member(std::uint64_t id) = 0;

  /// Appends the entries in order, all or none in one write. Proposals of one loop iteration share a write. `done`
  /// may be called before propose() returns only with an error.
  virtual void propose(std::vector<std::string> entries, Done done) = 0;
  /// As above, for coroutines.
  io::Task<Result<std::uint64_t>> commit(std::vector<std::string> entries);

  /// True when this member leads and has applied everything that was in its log when it was elected.
  virtual bool leads() const = 0;
  /// Member id of the leader known here, 0 when none.
  virtual std::uint64_t leader() const = 0;
  virtual Position position() const = 0;
  /// Called at each change of leads(). One listener.
  virtual void on_leadership(OnLeadership fn) = 0;
  /// Called when leader() may have changed: 0 when none is known. One listener.
  virtual void on_leader(OnLeader fn) = 0;
  /// Called once when the log can no longer go on (a committed entry does not decode, the snapshot cannot be
  /// restored): the process should report and end.
  virtual void on_fatal(std::move_only_function<void(Error)> fn) = 0;

 protected:
  explicit Log(io::Loop& loop) : loop_(loop) {}
  io::Loop& loop_;
};

}  // namespace flurm::replog
