// dbd/administration.cpp — connections, controllers, and the daemon itself: what is neither asked nor recorded.
#include <cerrno>
#include <map>

#include "base/log.hpp"
#include "dbd/session.hpp"
#include "dbd/sql_text.hpp"
#include "fmt/format.h"

namespace flurm::dbd {

using enum wire::MsgType;

namespace {

constexpr const char* kNoRight = "Your user doesn't have privilege to perform this action";

std::string period_text(std::uint32_t seconds) {
  return seconds == kInfinite32 ? "UNLIMITED" : fmt::format("{} secs", seconds);
}

}  // namespace

std::optional<Session::Answer> Session::administer(const rpc::Message& request) {
  const auto books = common_.ledger.books();
  const wire::MsgType type = request.type();
  switch (type) {
    case DBD_FINI:
      return finish(request.as<wire::DbdFini>());
    case DBD_REGISTER_CTLD: {
      if (!actor_.super) return rc(Errc::access_denied, "DBD_REGISTER_CTLD message from invalid uid", type);
      const auto& message = request.as<wire::DbdRegisterCtld>();
      if (message.port != 0) port_ = message.port;
      return register_controller(message.dimensions, message.flags, message.plugin_id_select);
    }
    case DBD_CLUSTER_TRES:
      if (!actor_.super) return rc(Errc::access_denied, "DBD_CLUSTER_TRES message from invalid uid", type);
      if (!books->clusters.find_live(cluster_))
        return rc(Errc::error, "This cluster hasn't been added to accounting yet", type);
      return cluster_tres(request.as<wire::DbdClusterTres>());
    case DBD_FIX_RUNAWAY_JOB: {
      if (!is_operator(*books, actor_))
        return rc(Errc::access_denied, "You must have an AdminLevel>=Operator to fix runaway jobs", type);
      const auto written = common_.store.write([&](store::Writer& writer) -> Result<void> {
        Reporter reporter{writer, *books, cluster_, common_.now()};
        fix_runaway(reporter, request.as<wire::JobList>());
        return {};
      });
      return written ? rc(Errc::success, "", type) : rc(written.error().code, written.error().text, type);
    }
    case DBD_MODIFY_JOB:
      return modify_jobs(request.as<wire::ModifyJob>());
    case DBD_GET_CONFIG:
      return configuration();
    case DBD_GET_STATS:
      if (!is_operator(*books, actor_)) return rc(Errc::access_denied, kNoRight, type);
      return reply(DBD_GOT_STATS, common_.statistics.report());
    case DBD_CLEAR_STATS:
      if (!is_operator(*books, actor_)) return rc(Errc::access_denied, kNoRight, type);
      common_.statistics.clear(common_.now());
      return rc(Errc::success, "", type);
    case DBD_ARCHIVE_DUMP:
      if (!is_administrator(*books, actor_)) return rc(Errc::access_denied, kNoRight, type);
      return dump_archive(request.as<wire::ArchiveCond>());
    case DBD_ARCHIVE_LOAD:
      if (!is_administrator(*books, actor_)) return rc(Errc::access_denied, kNoRight, type);
      return load_archive(request.as<wire::ArchiveRec>());
    case DBD_ROLL_USAGE: {
      if (!is_operator(*books, actor_)) return rc(Errc::access_denied, kNoRight, type);
      const auto& wish = request.as<wire::DbdRollUsage>();
      auto rolled = common_.rollup.run(wish.start, wish.end, common_.now(), Rollup::Turn::waits);
      if (rolled && wish.archive_data)
        rolled = purge(common_.store, live_clusters(*books), common_.purge, common_.now());
      return rolled ? rc(Errc::success, "", type) : rc(rolled.error().code, rolled.error().text, type);
    }
    case DBD_RECONFIG:
      if (!is_administrator(*books, actor_)) return rc(Errc::access_denied, kNoRight, type);
      return rc(Errc::success, "", type);
    case DBD_SHUTDOWN:
      if (!is_administrator(*books, actor_)) return rc(Errc::access_denied, kNoRight, type);
      log(Level::info, "dbd.shutdown", {{"uid", actor_.uid}});
      common_.shut_down();
      return rc(Errc::success, "", type);
    default:
      return std::nullopt;
  }
}

/// A user may say of his own jobs what became of them; comments of administrators and others' jobs are for operators.
Session::Answer Session::modify_jobs(const wire::ModifyJob& message) {
  constexpr std::uint32_t kNoSteps = 2, kNoWait = 64, kNoDefaultPeriod = 128;  // bits of JobCond::flags
  const wire::JobRec& wish = message.rec;
  const Question asked = question();
  const bool may_all = is_operator(*asked.books, actor_);
  if (!may_all && !(wish.admin_comment.empty() && wish.system_comment.empty()))
    return rc(Errc::access_denied, kNoRight, DBD_MODIFY_JOB);
  wire::JobCond cond = message.cond;
  cond.flags |= kNoSteps | kNoDefaultPeriod;
  if (cond.cluster_list.empty()) cond.cluster_list = {cluster_};
  const wire::JobList found = dbd::get_jobs(asked, cond);
  std::map<std::string, std::set<Charged>> charged;
  for (const wire::JobRec& job : found.list) {
    if (!may_all && job.uid != actor_.uid) return rc(Errc::access_denied, kNoRight, DBD_MODIFY_JOB);
    if (!wish.wckey.empty() && !job.user.empty() && !asked.books->find_wckey(job.cluster, job.user, wish.wckey))
      charged[job.cluster].insert({job.user, wish.wckey});
  }
  Result<void> written;
  for (const auto& [cluster, wckeys] : charged)
    if (written) written = add_wckeys(cluster, wckeys);
  const auto books = common_.ledger.books();
  wire::NameList names;
  if (written)
    written = common_.store.write([&](store::Writer& writer) -> Result<void> {
      Reporter reporter{writer, *books, cluster_, common_.now()};
      names.list.clear();
      for (const wire::JobRec& each : found.list)
        if (auto job = writer.job(each.db_index)) names.list.push_back(modify_job(reporter, *std::move(job), wish));
      return {};
    });
  if (!written) return rc(written.error().code, written.error().text, DBD_MODIFY_JOB);
  if (names.list.empty())
    return rc(Errc::success,
              "Request didn't affect anything or your user doesn't have privilege to perform this action",
              DBD_MODIFY_JOB);
  return cond.flags & kNoWait ? rc(Errc::success, "", DBD_MODIFY_JOB) : reply(DBD_GOT_LIST, names);
}

Session::Answer Session::dump_archive(const wire::ArchiveCond& cond) {
  auto clusters = cond.job_cond.cluster_list;
  if (clusters.empty()) clusters = live_clusters(*common_.ledger.books());
  const auto purged = purge(common_.store, clusters, common_.purge.changed(cond), common_.now());
  if (purged) return rc(Errc::success, "SUCCESS", DBD_ARCHIVE_DUMP);
  log(Level::error, "dbd.not_purged", {{"error", purged.error().text}});
  return rc(purged.error().code, purged.error().text, DBD_ARCHIVE_DUMP);
}

/// Tried at once, so that who asks hears what is wrong with it; done when he commits.
Session::Answer Session::load_archive(const wire::ArchiveRec& wish) {
  if (!wish.insert.empty() && !is_sql(wish.insert)) return rc(Errc::error, "What is inserted is SQL", DBD_ARCHIVE_LOAD);
  Result<std::string> text = wish.insert.empty() ? read_archive(wish.archive_file) : wish.insert;
  if (!text)
    return rc(text.error().code,
              text.error().code == Errc{ENOENT} ? "No archive file given to recover." : text.error().text,
              DBD_ARCHIVE_LOAD);
  if (auto tried = put_back(common_.store, *common_.ledger.books(), *text, false); !tried) {
    log(Level::error, "dbd.archive_refused", {{"file", wish.archive_file}, {"error", tried.error().text}});
    return rc(Errc::error, tried.error().text, DBD_ARCHIVE_LOAD);
  }
  archives_.push_back(std::move(*text));
  return rc(Errc::success, "SUCCESS", DBD_ARCHIVE_LOAD);
}

Session::Answer Session::configuration() {
  const conf::SlurmdbdConf& conf = common_.conf;
  wire::ConfigList list;
  const auto add = [&](const char* name, std::string value) { list.list.push_back({name, std::move(value)}); };
  add("AuthType", conf.auth_type);
  add("CommitDelay", conf.commit_delay ? "Yes" : "No");
  add("DbdAddr", conf.dbd_addr);
  add("DbdHost", conf.dbd_host);
  add("DbdPort", std::to_string(conf.dbd_port));
  add("DebugLevel", std::to_string(conf.debug_level));
  add("DefaultQOS", conf.default_qos);
  add("LogFile", conf.log_file);
  add("MaxQueryTimeRange", period_text(conf.max_query_time_range_s));
  add("MessageTimeout", fmt::format("{} secs", conf.message_timeout_s));
  add("PidFile", conf.pid_file);
  add("PrivateData", conf.private_data.empty() ? "none" : conf.private_data);
  add("SLURMDBD_CONF", common_.conf_file);
  add("SlurmUser", conf.slurm_user);
  add("StorageLoc", conf.storage_loc);
  add("StorageType", conf.storage_type);
  add("TrackWCKey", conf.track_wckey ? "Yes" : "No");
  add("Version", FLURM_VERSION);
  return reply(DBD_GOT_CONFIG, list);
}

}  // namespace flurm::dbd
