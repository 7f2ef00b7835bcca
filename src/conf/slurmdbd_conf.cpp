// conf/slurmdbd_conf.cpp — slurmdbd.conf(5).
#include "conf/key_file.hpp"
#include "conf/other_conf.hpp"

namespace flurm::conf {
namespace {

constexpr Word kAuth[] = {{"auth/munge", 0}};
constexpr Word kStorage[] = {
    {"accounting_storage/sqlite", 0}, {"accounting_storage/mysql", 0}, {"accounting_storage/pgsql", 0}};

std::span<const Key<SlurmdbdConf>> keys() {
  using C = SlurmdbdConf;
  constexpr Support kUsed = Support::acted, kNot = Support::later;
  static const Key<C> kKeys[] = {
      {.name = "AuthInfo", .support = kUsed, .field = &C::auth_info},
      {.name = "AuthType", .support = kUsed, .field = &C::auth_type, .choices = kAuth},
      {.name = "CommitDelay", .support = kNot, .field = &C::commit_delay},
      {.name = "DbdAddr", .support = kUsed, .field = &C::dbd_addr},
      {.name = "DbdBackupHost", .support = kNot, .field = &C::dbd_backup_host},
      {.name = "DbdHost", .support = kUsed, .field = &C::dbd_host},
      {.name = "DbdPort", .support = kUsed, .field = &C::dbd_port},
      {.name = "DebugLevel", .support = kUsed, .field = &C::debug_level, .kind = Kind::log_level},
      {.name = "DefaultQOS", .support = kNot, .field = &C::default_qos},
      {.name = "LogFile", .support = kUsed, .field = &C::log_file},
      {.name = "MaxQueryTimeRange", .support = kUsed, .field = &C::max_query_time_range_s, .kind = Kind::seconds},
      {.name = "MessageTimeout", .support = kUsed, .field = &C::message_timeout_s},
      {.name = "Parameters", .support = kNot, .field = &C::parameters},
      {.name = "PidFile", .support = kUsed, .field = &C::pid_file},
      {.name = "PrivateData", .support = kNot, .field = &C::private_data},
      {.name = "SlurmUser", .support = kUsed, .field = &C::slurm_user},
      {.name = "StorageHost", .support = kUsed, .field = &C::storage_host},
      {.name = "StorageLoc", .support = kUsed, .field = &C::storage_loc},
      {.name = "StoragePass", .support = kUsed, .field = &C::storage_pass},
      {.name = "StoragePort", .support = kUsed, .field = &C::storage_port},
      {.name = "StorageType", .support = kUsed, .field = &C::storage_type, .choices = kStorage},
      {.name = "StorageUser", .support = kUsed, .field = &C::storage_user},
      {.name = "TrackWCKey", .support = kUsed, .field = &C::track_wckey},
  };
  return kKeys;
}

/// Keys of things that are not there yet: archives and purges, other logs, other credentials.
constexpr std::string_view kWithoutEffect[] = {
    "AllResourcesAbsolute", "AllowNoDefAcct",    "ArchiveDir",        "ArchiveEvents",           "ArchiveJobs",
    "ArchiveResvs",         "ArchiveScript",     "ArchiveSteps",      "ArchiveSuspend",          "ArchiveTXN",
    "ArchiveUsage",         "AuthAltTypes",      "AuthAltParameters", "CommunicationParameters", "DebugFlags",
    "DebugLevelSyslog",     "LogTimeFormat",     "PluginDir",         "PurgeEventAfter",         "PurgeJobAfter",
    "PurgeResvAfter",       "PurgeStepAfter",    "PurgeSuspendAfter", "PurgeTXNAfter",           "PurgeUsageAfter",
    "StorageBackupHost",    "StorageParameters", "TCPTimeout",        "TrackSlurmctldDown"};

}  // namespace

Result<SlurmdbdConf> parse_slurmdbd_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                         std::vector<Diagnostic>& out) {
  const KeyFile<SlurmdbdConf> kind{.name = "slurmdbd.conf",
                                   .keys = keys(),
                                   .without_effect = kWithoutEffect,
                                   .why = "is accepted but has no effect in FLURM yet"};
  return parse_key_file(kind, text, file, include, out);
}

}  // namespace flurm::conf
