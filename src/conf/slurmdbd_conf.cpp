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
  constexpr Support kUsed = Support::acted;
  static const Key<C> kKeys[] = {
      {.name = "AllResourcesAbsolute", .support = kUsed, .field = &C::all_resources_absolute},
      {.name = "ArchiveDir", .support = kUsed, .field = &C::archive_dir},
      {.name = "ArchiveEvents", .support = kUsed, .field = &C::archive_events},
      {.name = "ArchiveJobs", .support = kUsed, .field = &C::archive_jobs},
      {.name = "ArchiveResvs", .support = kUsed, .field = &C::archive_resvs},
      {.name = "ArchiveScript", .support = kUsed, .field = &C::archive_script},
      {.name = "ArchiveSteps", .support = kUsed, .field = &C::archive_steps},
      {.name = "ArchiveSuspend", .support = kUsed, .field = &C::archive_suspend},
      {.name = "ArchiveTXN", .support = kUsed, .field = &C::archive_txn},
      {.name = "ArchiveUsage", .support = kUsed, .field = &C::archive_usage},
      {.name = "AuthInfo", .support = kUsed, .field = &C::auth_info},
      {.name = "AuthType", .support = kUsed, .field = &C::auth_type, .choices = kAuth},
      {.name = "CommitDelay", .support = kUsed, .field = &C::commit_delay},
      {.name = "DbdAddr", .support = kUsed, .field = &C::dbd_addr},
      {.name = "DbdBackupHost", .support = kUsed, .field = &C::dbd_backup_host},
      {.name = "DbdHost", .support = kUsed, .field = &C::dbd_host},
      {.name = "DbdPort", .support = kUsed, .field = &C::dbd_port},
      {.name = "DebugFlags", .support = kUsed, .field = &C::debug_flags},
      {.name = "DebugLevel", .support = kUsed, .field = &C::debug_level, .kind = Kind::log_level},
      {.name = "DefaultQOS", .support = kUsed, .field = &C::default_qos},
      {.name = "LogFile", .support = kUsed, .field = &C::log_file},
      {.name = "MaxQueryTimeRange", .support = kUsed, .field = &C::max_query_time_range_s, .kind = Kind::seconds},
      {.name = "MessageTimeout", .support = kUsed, .field = &C::message_timeout_s},
      {.name = "Parameters", .support = kUsed, .field = &C::parameters},
      {.name = "PidFile", .support = kUsed, .field = &C::pid_file},
      {.name = "PrivateData", .support = kUsed, .field = &C::private_data},
      {.name = "PurgeEventAfter", .support = kUsed, .field = &C::purge_events},
      {.name = "PurgeJobAfter", .support = kUsed, .field = &C::purge_jobs},
      {.name = "PurgeResvAfter", .support = kUsed, .field = &C::purge_resvs},
      {.name = "PurgeStepAfter", .support = kUsed, .field = &C::purge_steps},
      {.name = "PurgeSuspendAfter", .support = kUsed, .field = &C::purge_suspend},
      {.name = "PurgeTXNAfter", .support = kUsed, .field = &C::purge_txn},
      {.name = "PurgeUsageAfter", .support = kUsed, .field = &C::purge_usage},
      {.name = "SlurmUser", .support = kUsed, .field = &C::slurm_user},
      {.name = "StorageHost", .support = kUsed, .field = &C::storage_host},
      {.name = "StorageLoc", .support = kUsed, .field = &C::storage_loc},
      {.name = "StoragePass", .support = kUsed, .field = &C::storage_pass},
      {.name = "StoragePort", .support = kUsed, .field = &C::storage_port},
      {.name = "StorageType", .support = kUsed, .field = &C::storage_type, .choices = kStorage},
      {.name = "StorageUser", .support = kUsed, .field = &C::storage_user},
      {.name = "TrackSlurmctldDown", .support = kUsed, .field = &C::track_slurmctld_down},
      {.name = "TrackWCKey", .support = kUsed, .field = &C::track_wckey},
  };
  return kKeys;
}

/// Keys without a meaning here: FLURM's logs, credentials and connections are what they are.
constexpr std::string_view kWithoutEffect[] = {
    "AllowNoDefAcct", "AuthAltParameters", "AuthAltTypes",      "CommunicationParameters", "DebugLevelSyslog",
    "LogTimeFormat",  "PluginDir",         "StorageBackupHost", "StorageParameters",       "TCPTimeout"};

}  // namespace

Result<SlurmdbdConf> parse_slurmdbd_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                         std::vector<Diagnostic>& out) {
  const KeyFile<SlurmdbdConf> kind{.name = "slurmdbd.conf",
                                   .keys = keys(),
                                   .without_effect = kWithoutEffect,
                                   .why = "is accepted but has no effect in FLURM"};
  return parse_key_file(kind, text, file, include, out);
}

}  // namespace flurm::conf
