// store/archive.hpp — old records taken out of the database as text, and put back from it.
//
// The text: a first line with the form's number; per table a line "table NAME ROWS", a line with its columns' names,
// and the rows. Values are divided by tabs; each begins with its type, i (whole number), d (fraction) or t (text, with
// \t, \n, \r and \\ for what would divide).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/types.hpp"
#include "store/session.hpp"

namespace flurm::store {

/// What is taken out together. Jobs bring their steps, suspensions, scripts and environments along.
enum class OldRecords : std::uint8_t { events, suspensions, steps, jobs, reservations, transactions, usage };

struct TakenOut {
  std::uint64_t records = 0;
  TimeS first, last;  ///< of the records' own times: start, or submission
};

/// As Store's: may throw DatabaseError inside Store::write().
class Archiver {
 public:
  explicit Archiver(Session& session) : session_(session) {}

  /// Deletes the oldest records of the cluster that were over at `until`, some ten thousand at once; until a call takes
  /// none there may be more. Transactions are everybody's. `text`: what is deleted is appended to it; may be null.
  TakenOut take_out(OldRecords kind, const std::string& cluster, TimeS until, std::string* text);

  /// Deletes all of the cluster, whether it is over or not, without an archive. Not of transactions, which are of no
  /// cluster, and of usage nothing: UsageWriter does that.
  void remove(OldRecords kind, const std::string& cluster);
  /// The same of jobs on just these nodes, or on so many.
  void remove_jobs(const std::string& cluster, const std::string& nodes);

  /// Puts back what the text holds, in place of records with the same keys. Returns how many records it was.
  /// Errors: parse (no such text; cut off), einval (its jobs have numbers that other jobs have here).
  Result<std::uint64_t> put_back(std::string_view text);

 private:
  Session& session_;
};

}  // namespace flurm::store
