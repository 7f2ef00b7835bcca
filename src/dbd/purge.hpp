// dbd/purge.hpp — records that are too old: away, and into archives before where that is wished. All block.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "conf/other_conf.hpp"
#include "store/store.hpp"
#include "wire/msg/dbd_conditions.hpp"

namespace flurm::dbd {

/// Which records go, and where to.
struct PurgeRules {
  /// Of each store::OldRecords how old they get, as messages say it: hours, days or months with the unit as a bit, and
  /// one for "into an archive first". kNoVal32: they stay.
  std::array<std::uint32_t, 7> ages;
  std::string folder;  ///< for archives
  std::string script;  ///< does it all instead of us; empty: none

  /// Errors: einval (an age that is none).
  static Result<PurgeRules> of(const conf::SlurmdbdConf& conf);
  /// With what `sacctmgr archive dump` was given.
  PurgeRules changed(const wire::ArchiveCond& wish) const;
};

std::vector<std::string> live_clusters(const acct::Books& books);

/// Takes out of the store what is older than the rules allow, in transactions of some ten thousand records. An archive
/// is on disk before its records are gone. Errors: db_connection, io (an archive), einval (an age without unit).
Result<void> purge(store::Store& store, const std::vector<std::string>& clusters, const PurgeRules& rules, TimeS now);

/// Errors: the system's number for why the file cannot be read; einval (too large).
Result<std::string> read_archive(const std::string& path);
/// Puts the archive's records back, or only looks whether that can be done. The archive: ours, or SQL (slurm_sql.hpp).
/// Errors: parse, einval, db_connection.
Result<void> put_back(store::Store& store, const acct::Books& books, const std::string& text, bool keep);

}  // namespace flurm::dbd
