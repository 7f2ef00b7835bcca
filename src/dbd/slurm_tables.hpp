// dbd/slurm_tables.hpp — the tables of a slurmdbd's database, as they are in releases 22.05 and later: read only, by
// the names of their columns. Source of the layout: slurm 22.05
// src/plugins/accounting_storage/mysql/accounting_storage_mysql.c.
//
// All may throw store::DatabaseError.
#pragma once
#include <concepts>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "acct/books.hpp"
#include "acct/job.hpp"
#include "store/session.hpp"
#include "store/usage.hpp"

namespace flurm::dbd {

/// A row; NULL, and a column that the release does not have, is empty.
class SlurmRow {
 public:
  using Places = std::map<std::string, std::size_t, std::less<>>;
  using Names = std::set<std::string, std::less<>>;
  /// `asked`: the names of the columns that are asked for go there; may be null.
  SlurmRow(const Places& places, const store::Row& row, Names* asked = nullptr)
      : places_(places), row_(row), asked_(asked) {}

  std::string text(std::string_view column) const;
  /// `none`: for what is empty. Negative numbers come as their two's complement.
  std::uint64_t number(std::string_view column, std::uint64_t none = 0) const;
  std::uint32_t small(std::string_view column, std::uint32_t none = 0) const {
    return static_cast<std::uint32_t>(number(column, none));
  }
  double real(std::string_view column, double none) const;
  TimeS time(std::string_view column) const { return TimeS{static_cast<std::int64_t>(number(column))}; }
  bool flag(std::string_view column) const { return number(column) != 0; }

  // What the row says; where it is empty, `to` stays as it is. A text is replaced by an empty one of a column that is
  // there.
  void read(std::string_view column, std::string& to) const;
  void read(std::string_view column, TimeS& to) const { read(column, to.v); }
  void read(std::string_view column, std::integral auto& to) const {
    to = static_cast<std::remove_reference_t<decltype(to)>>(number(column, static_cast<std::uint64_t>(to)));
  }

 private:
  const Places& places_;
  const store::Row& row_;
  Names* asked_;
};

/// A script's or environment's place in a cluster's table of them, by which its jobs name it: what stands here for its
/// hash.
std::string text_key(const std::string& cluster, std::uint64_t number);

class SlurmTable {
 public:
  /// `name`: as in the database, "linux_job_table".
  SlurmTable(store::Session& session, const std::string& name);
  bool has(std::string_view column) const { return places_.contains(column); }
  /// Rows of what `which` ("WHERE … ORDER BY …") means. A table that is not there has none.
  void each(const std::string& which, const store::Row& values,
            const std::function<void(const SlurmRow&)>& visit) const;
  /// The first column of the first row of "SELECT `what` FROM it `which`", as a number; 0: none.
  std::int64_t number(const std::string& what, const std::string& which = "", const store::Row& values = {}) const;
  /// The highest number that the database gave a row by itself, be the row there or not; 0: none.
  std::int64_t last_given() const;

 private:
  store::Session& session_;
  std::string name_, columns_;
  SlurmRow::Places places_;
};

/// Numbers that clusters have in common there and that must differ here. The first cluster keeps its own.
struct Renumbered {
  std::map<std::uint32_t, std::uint32_t> assocs, wckeys;
  std::uint64_t jobs = 0;  ///< what a job's number grows by
};

struct SlurmBooks {
  acct::Books books;
  std::map<std::string, Renumbered> clusters;
  std::uint64_t last_job = 0;  ///< the highest number that a job, there or purged, has here
};

/// Everything but jobs, events, reservations, usage and the log.
SlurmBooks read_books(store::Session& session);

// What the row has of a record is read into it, with the numbers that stand there.
void read(const SlurmRow& row, acct::Job& job);
void read(const SlurmRow& row, acct::Step& step);

// Rows as records; cluster and numbers are those of `cluster`, except where the comment says otherwise.
acct::Job job_of(const SlurmRow& row, const std::string& cluster, const SlurmBooks& all);
acct::Step step_of(const SlurmRow& row, const Renumbered& numbers);
acct::Event event_of(const SlurmRow& row, const std::string& cluster);
acct::Reservation reservation_of(const SlurmRow& row, const std::string& cluster, const Renumbered& numbers);
acct::Transaction transaction_of(const SlurmRow& row);
store::IdUsage id_usage_of(const SlurmRow& row, const std::map<std::uint32_t, std::uint32_t>& numbers);
store::ClusterUsage cluster_usage_of(const SlurmRow& row);
/// The new number of one that is known, else the old.
std::uint32_t renumbered(const std::map<std::uint32_t, std::uint32_t>& numbers, std::uint32_t old);

}  // namespace flurm::dbd
