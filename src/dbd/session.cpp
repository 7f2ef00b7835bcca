// dbd/session.cpp — which request is answered by what.
#include "dbd/session.hpp"

#include <set>

#include "acct/edit.hpp"
#include "base/log.hpp"
#include "dbd/records.hpp"
#include "fmt/format.h"
#include "io/clock.hpp"
#include "rpc/frames.hpp"
#include "wire/msg/persist.hpp"

namespace flurm::dbd {

using enum wire::MsgType;
using wire::MsgType;

namespace {

/// Answers to DBD_CLUSTER_TRES: what the controller shall tell again.
constexpr std::uint32_t kFirstRegistration = 10002, kTresChanged = 10004, kNodesChanged = 10005;
constexpr const char* kNoRight = "Your user doesn't have privilege to perform this action";

bool is_record(MsgType type) {
  switch (type) {
    case DBD_JOB_START:
    case DBD_JOB_COMPLETE:
    case DBD_JOB_SUSPEND:
    case DBD_JOB_HEAVY:
    case DBD_STEP_START:
    case DBD_STEP_COMPLETE:
    case DBD_NODE_STATE:
    case DBD_FLUSH_JOBS:
    case DBD_ADD_RESV:
    case DBD_MODIFY_RESV:
    case DBD_REMOVE_RESV:
    case DBD_SEND_MULT_JOB_START:
    case DBD_SEND_MULT_MSG:
      return true;
    default:
      return false;
  }
}

/// Which job a report is about; 0 for what is about none.
std::uint32_t job_reported(const rpc::Message& report) {
  switch (report.type()) {
    case DBD_JOB_START:
      return report.as<wire::DbdJobStart>().job_id;
    case DBD_JOB_COMPLETE:
      return report.as<wire::DbdJobComplete>().job_id;
    case DBD_JOB_SUSPEND:
      return report.as<wire::DbdJobSuspend>().job_id;
    case DBD_STEP_START:
      return report.as<wire::DbdStepStart>().step_id.job_id.v;
    case DBD_STEP_COMPLETE:
      return report.as<wire::DbdStepComplete>().step_id.job_id.v;
    default:
      return 0;
  }
}

}  // namespace

Session::Session(Common& common, Actor actor, std::string cluster, std::uint16_t version, std::string host,
                 std::uint16_t port)
    : common_(common),
      actor_(std::move(actor)),
      cluster_(std::move(cluster)),
      version_(version),
      host_(std::move(host)),
      port_(port) {}

Session::Answer Session::rc(std::uint32_t code, std::string comment, MsgType request) const {
  wire::PersistRc message;
  message.rc = code;
  message.comment = std::move(comment);
  message.ret_info = static_cast<std::uint16_t>(request);
  return reply(PERSIST_RC, message);
}

Session::Answer Session::rc(Errc code, std::string comment, MsgType request) const {
  return rc(static_cast<std::uint32_t>(code), std::move(comment), request);
}

Question Session::question() const {
  // What it has not committed, the connection itself sees.
  auto books = draft_ ? std::make_shared<const acct::Books>(draft_->books) : common_.ledger.books();
  const PrivateData hidden = is_operator(*books, actor_) ? PrivateData() : PrivateData::of(common_.conf.private_data);
  return {std::move(books), common_.store, actor_, cluster_, common_.now(), common_.is_user, hidden};
}

Session::Answer Session::answer(const rpc::Message& request) {
  const std::uint64_t begin = io::monotonic_us();
  Answer result = dispatch(request);
  common_.statistics.count(request.type(), actor_.uid, io::monotonic_us() - begin);
  return result;
}

Session::Answer Session::dispatch(const rpc::Message& request) {
  const MsgType type = request.type();
  const wire::MessageInfo* info = wire::find_message(type);
  if (!info || !info->in(version_)) return rc(Errc::einval, "Invalid RPC", type);
  if (is_record(type)) return record_all(request);
  if (ChangeFunction function = find_change(type)) return change(request, function);
  if (auto answered = ask(request)) return std::move(*answered);
  if (auto answered = administer(request)) return std::move(*answered);
  return rc(Errc::not_supported, "flurmdbd does not do this", type);
}

Session::Answer Session::change(const rpc::Message& request, ChangeFunction function) {
  if (!draft_) {
    if (auto fresh = common_.ledger.refresh(); !fresh)
      return rc(fresh.error().code, fresh.error().text, request.type());
    draft_ = common_.ledger.draft();
  }
  const acct::Books before = draft_->books;
  const std::size_t notes = draft_->log.size();
  const Change change{draft_->books, draft_->log,    common_.store,          actor_,
                      common_.now(), request.type(), common_.ledger.policy()};
  Outcome outcome = function(change, request.message.get());
  if (outcome.changed()) {
    draft_->steps.push_back({request.type(), request.message, actor_});
  } else {
    draft_->books = before;
    draft_->log.resize(notes);
    log(Level::info, "dbd.refused",
        {{"request", rpc::type_text(request.type())}, {"uid", actor_.uid}, {"why", outcome.comment}});
  }
  // A controller says nothing of commits, and new TRES are needed at once by whoever brings them.
  if (port_ != 0 || request.type() == DBD_ADD_TRES) {
    const Draft done = *std::exchange(draft_, std::nullopt);
    if (auto committed = common_.ledger.commit(done, common_.now()); !committed)
      return rc(committed.error().code, committed.error().text, request.type());
  }
  if (!outcome.listed) return rc(outcome.code, outcome.comment, request.type());
  return reply(DBD_GOT_LIST, wire::NameList{{std::move(outcome.names), static_cast<std::uint32_t>(outcome.code)}});
}

Session::Answer Session::finish(const wire::DbdFini& message) {
  std::optional<Draft> draft = std::exchange(draft_, std::nullopt);
  const std::vector<std::string> archives = std::exchange(archives_, {});
  Answer answer = rc(Errc::success, "", DBD_FINI);
  if (message.commit && !message.close_conn) {
    for (const std::string& text : archives)
      if (auto loaded = put_back(common_.store, *common_.ledger.books(), text, true); !loaded)
        answer = rc(loaded.error().code, loaded.error().text, DBD_FINI);
    if (draft)
      if (auto committed = common_.ledger.commit(*draft, common_.now()); !committed)
        answer = rc(committed.error().code, committed.error().text, DBD_FINI);
  }
  answer.close = message.close_conn == 1;
  return answer;
}

std::optional<Session::Answer> Session::ask(const rpc::Message& request) {
  const Question asked = question();
  switch (request.type()) {
    case DBD_GET_TRES:
      return reply(DBD_GOT_TRES, get_tres(asked, request.as<wire::TresCond>()));
    case DBD_GET_QOS:
      return reply(DBD_GOT_QOS, get_qos(asked, request.as<wire::QosCond>()));
    case DBD_GET_CLUSTERS:
      return reply(DBD_GOT_CLUSTERS, get_clusters(asked, request.as<wire::ClusterCond>()));
    case DBD_GET_ACCOUNTS:
      return reply_or_refuse(DBD_GOT_ACCOUNTS, get_accounts(asked, request.as<wire::AccountCond>()), request.type());
    case DBD_GET_USERS:
      return reply(DBD_GOT_USERS, get_users(asked, request.as<wire::UserCond>()));
    case DBD_GET_ASSOCS:
      return reply(DBD_GOT_ASSOCS, get_assocs(asked, request.as<wire::AssocCond>()));
    case DBD_GET_PROBS:
      return reply(DBD_GOT_PROBS, get_problems(asked, request.as<wire::AssocCond>()));
    case DBD_GET_WCKEYS:
      if (!is_operator(*asked.books, actor_)) return rc(Errc::access_denied, kNoRight, request.type());
      return reply(DBD_GOT_WCKEYS, get_wckeys(asked, request.as<wire::WckeyCond>()));
    case DBD_GET_TXN:
      return reply(DBD_GOT_TXN, get_transactions(asked, request.as<wire::TxnCond>()));
    case DBD_GET_EVENTS:
      return reply_or_refuse(DBD_GOT_EVENTS, get_events(asked, request.as<wire::EventCond>()), request.type());
    case DBD_GET_RESVS:
      return reply_or_refuse(DBD_GOT_RESVS, get_reservations(asked, request.as<wire::ReservationCond>()), request.type());
    case DBD_GET_JOBS_COND:
      return get_jobs(request.as<wire::JobCond>());
    case DBD_GET_RES:
      return reply(DBD_GOT_RES, get_resources(asked, request.as<wire::ResCond>()));
    case DBD_GET_FEDERATIONS:
      return reply(DBD_GOT_FEDERATIONS, get_federations(asked, request.as<wire::FederationCond>()));
    case DBD_GET_ASSOC_USAGE:
    case DBD_GET_CLUSTER_USAGE:
    case DBD_GET_WCKEY_USAGE:
      return get_usages(asked, request);
    default:
      return std::nullopt;
  }
}

/// Users see their own, and coordinators that of their accounts.
Session::Answer Session::get_usages(const Question& asked, const rpc::Message& request) {
  const auto refused = [&](const std::string& user, const std::string& account) {
    return !may_see_usage(*asked.books, actor_, asked.hidden, user, account);
  };
  const Answer denied = rc(Errc::access_denied, kNoRight, request.type());
  switch (request.type()) {
    case DBD_GET_ASSOC_USAGE: {
      const wire::AssocUsage& wish = request.as<wire::AssocUsage>();
      return refused(wish.rec.user, wish.rec.acct) ? denied : reply(DBD_GOT_ASSOC_USAGE, get_usage(asked, wish));
    }
    case DBD_GET_WCKEY_USAGE: {
      const wire::WckeyUsage& wish = request.as<wire::WckeyUsage>();
      return refused(wish.rec.user, "") ? denied : reply(DBD_GOT_WCKEY_USAGE, get_usage(asked, wish));
    }
    default:
      return reply(DBD_GOT_CLUSTER_USAGE, get_usage(asked, request.as<wire::ClusterUsage>()));
  }
}

Session::Answer Session::get_jobs(const wire::JobCond& cond) {
  constexpr std::uint32_t kRunaway = 8;
  const Question asked = question();
  const bool is_op = is_operator(*asked.books, actor_);
  if (cond.flags & kRunaway && !is_op)
    return rc(Errc::access_denied, "You must have an AdminLevel>=Operator to fix runaway jobs", DBD_GET_JOBS_COND);
  const std::uint32_t range = common_.conf.max_query_time_range_s;
  const TimeS end = cond.usage_end ? cond.usage_end : asked.now;
  if (!is_op && cond.step_list.empty() && range != kInfinite32 && end - cond.usage_start > std::int64_t{range})
    return rc(Errc::db_query_too_wide, "Too wide of a date range in query", DBD_GET_JOBS_COND);
  wire::JobList jobs = dbd::get_jobs(asked, cond);
  if (jobs.return_code != 0) return rc(jobs.return_code, "the accounting database cannot be read", DBD_GET_JOBS_COND);
  return reply(DBD_GOT_JOBS, jobs);
}

Session::Answer Session::record_all(const rpc::Message& request) {
  if (!actor_.super)
    return rc(Errc::access_denied, fmt::format("{} message from invalid uid", rpc::type_text(request.type())),
              request.type());
  if (port_ != 0 && !registered_) (void)register_controller(0, kNoVal32, 0);
  std::optional<Answer> answered;
  auto written = common_.conf.track_wckey ? add_named_wckeys(request) : Result<void>();
  if (written)
    written = common_.store.write([&](store::Writer& writer) -> Result<void> {
      answered = record(request, writer);
      return {};
    });
  if (!written) {
    // Unanswered, the controller keeps it and sends it again.
    log(Level::error, "dbd.not_recorded",
        {{"request", rpc::type_text(request.type())}, {"cluster", cluster_}, {"error", written.error().text}});
    Answer none;
    none.send = false;
    none.close = true;
    return none;
  }
  return answered ? std::move(*answered) : rc(Errc::einval, "Invalid RPC", request.type());
}

Result<void> Session::add_named_wckeys(const rpc::Message& request) {
  std::set<Charged> missing;
  const auto books = common_.ledger.books();
  const auto look = [&](const wire::DbdJobStart& start) {
    Charged to = charged(*books, cluster_, start);
    if (!to.user.empty() && !books->find_wckey(cluster_, to.user, to.wckey)) missing.insert(std::move(to));
  };
  if (request.type() == DBD_JOB_START) look(request.as<wire::DbdJobStart>());
  if (request.type() == DBD_SEND_MULT_JOB_START)
    for (const wire::DbdJobStart& each : request.as<wire::JobStartList>().list) look(each);
  if (request.type() == DBD_SEND_MULT_MSG)
    for (const wire::PackedMessage& each : request.as<wire::PackedMessageList>().list)
      if (auto inner = rpc::open_bare_frame(each.bytes, version_); inner && inner->message)
        if (inner->type() == DBD_JOB_START) look(inner->as<wire::DbdJobStart>());
  return add_wckeys(cluster_, missing);
}

Result<void> Session::add_wckeys(const std::string& cluster, const std::set<Charged>& missing) {
  if (missing.empty()) return {};
  const TimeS now = common_.now();
  return common_.ledger.change([&](acct::Books& changed, std::vector<acct::Transaction>&) {
    for (const Charged& each : missing) {
      if (changed.find_wckey(cluster, each.user, each.wckey)) continue;
      acct::Wckey wckey;
      wckey.id = changed.next_wckey_id++;
      wckey.cluster = cluster;
      wckey.user = each.user;
      wckey.name = each.wckey;
      wckey.created = wckey.modified = now;
      changed.wckeys.set(wckey.id, std::move(wckey));
    }
  });
}

std::optional<Session::Answer> Session::record(const rpc::Message& request, store::Writer& writer) {
  const MsgType type = request.type();
  const auto books = common_.ledger.books();
  Reporter reporter{writer, *books, cluster_, common_.now(), common_.conf.track_wckey};
  switch (type) {
    case DBD_JOB_START:
      return reply(DBD_ID_RC, record_job_start(reporter, request.as<wire::DbdJobStart>()));
    case DBD_JOB_COMPLETE:
      record_job_complete(reporter, request.as<wire::DbdJobComplete>());
      break;
    case DBD_JOB_SUSPEND:
      record_job_suspend(reporter, request.as<wire::DbdJobSuspend>());
      break;
    case DBD_JOB_HEAVY:
      record_job_heavy(reporter, request.as<wire::DbdJobHeavy>());
      break;
    case DBD_STEP_START:
      record_step_start(reporter, request.as<wire::DbdStepStart>());
      break;
    case DBD_STEP_COMPLETE:
      record_step_complete(reporter, request.as<wire::DbdStepComplete>());
      break;
    case DBD_NODE_STATE:
      record_node_state(reporter, request.as<wire::DbdNodeState>());
      break;
    case DBD_FLUSH_JOBS:
      flush_jobs(reporter, request.as<wire::DbdClusterTres>().event_time);
      break;
    case DBD_ADD_RESV:
    case DBD_MODIFY_RESV:
    case DBD_REMOVE_RESV:
      record_reservation(reporter, type, request.as<wire::ReservationRec>());
      break;
    case DBD_SEND_MULT_JOB_START: {
      wire::IdRcList answers;
      for (const wire::DbdJobStart& each : request.as<wire::JobStartList>().list)
        answers.list.push_back(record_job_start(reporter, each));
      return reply(DBD_GOT_MULT_JOB_START, answers);
    }
    case DBD_SEND_MULT_MSG: {
      std::vector<Result<rpc::Message>> opened;
      std::vector<std::uint32_t> job_ids;
      for (const wire::PackedMessage& each : request.as<wire::PackedMessageList>().list) {
        opened.push_back(rpc::open_bare_frame(each.bytes, version_));
        if (opened.back() && opened.back()->message)
          if (const std::uint32_t id = job_reported(*opened.back())) job_ids.push_back(id);
      }
      writer.expect(cluster_, std::move(job_ids));
      wire::PackedMessageList answers;
      for (const auto& inner : opened) {
        Answer answered = rc(Errc::einval, "Invalid RPC", type);
        if (inner && inner->message && inner->type() != DBD_SEND_MULT_MSG)
          if (auto recorded = record(*inner, writer)) answered = std::move(*recorded);
        answers.list.push_back({rpc::bare_frame(answered.type, answered.body).substr(4)});
      }
      return reply(DBD_GOT_MULT_MSG, answers);
    }
    default:
      return std::nullopt;
  }
  return rc(Errc::success, "", type);
}

Session::Answer Session::register_controller(std::uint16_t dimensions, std::uint32_t flags,
                                             std::uint32_t plugin_id_select) {
  if (cluster_.empty()) return rc(Errc::error, "Must have a cluster name to register it", DBD_REGISTER_CTLD);
  const TimeS now = common_.now();
  const auto changed = common_.ledger.change([&](acct::Books& books, std::vector<acct::Transaction>& notes) {
    if (!books.clusters.find_live(cluster_)) {
      acct::Cluster fresh;
      fresh.name = cluster_;
      acct::Assoc root;
      root.qos = default_qos(books, common_.ledger.policy());
      acct::add_cluster(books, std::move(fresh), root, now);
      notes.push_back({0, now, static_cast<std::uint16_t>(DBD_ADD_CLUSTERS), actor_.name, cluster_,
                       fmt::format("name='{}'", cluster_), ""});
    }
    acct::Cluster cluster = *books.clusters.find(cluster_);
    cluster.control_host = host_;
    cluster.control_port = cluster.last_port = port_;
    cluster.rpc_version = version_;
    if (dimensions != 0) cluster.dimensions = dimensions;
    if (flags != kNoVal32) cluster.flags = flags;
    if (plugin_id_select != 0) cluster.plugin_id_select = plugin_id_select;
    cluster.modified = now;
    books.clusters.set(cluster_, std::move(cluster));
  });
  if (!changed) return rc(changed.error().code, changed.error().text, DBD_REGISTER_CTLD);
  registered_ = true;
  log(Level::info, "dbd.registered", {{"cluster", cluster_}, {"host", host_}, {"port", port_}});
  return rc(Errc::success, "", DBD_REGISTER_CTLD);
}

Session::Answer Session::cluster_tres(const wire::DbdClusterTres& message) {
  bool first = false, nodes_changed = false, news = false;
  const auto written = common_.store.write([&](store::Writer& writer) -> Result<void> {
    const auto books = common_.ledger.books();
    Reporter reporter{writer, *books, cluster_, common_.now()};
    news = record_cluster_tres(reporter, message, first, nodes_changed);
    return {};
  });
  if (!written) return rc(written.error().code, written.error().text, DBD_CLUSTER_TRES);
  const auto changed = common_.ledger.change([&](acct::Books& books, std::vector<acct::Transaction>&) {
    const acct::Cluster* old = books.clusters.find_live(cluster_);
    if (!old) return;
    acct::Cluster cluster = *old;
    cluster.tres = acct::parse_tres(message.tres_str);
    cluster.nodes = message.cluster_nodes;
    books.clusters.set(cluster_, std::move(cluster));
  });
  if (!changed) return rc(changed.error().code, changed.error().text, DBD_CLUSTER_TRES);
  const std::uint32_t code = first ? kFirstRegistration : nodes_changed ? kNodesChanged : news ? kTresChanged : 0;
  return rc(code, "", DBD_CLUSTER_TRES);
}

void Session::end() {
  draft_.reset();
  if (!registered_) return;
  bool left = false;
  const auto changed = common_.ledger.change([&](acct::Books& books, std::vector<acct::Transaction>&) {
    const acct::Cluster* old = books.clusters.find_live(cluster_);
    left = old && old->control_host == host_ && old->control_port == port_;
    if (!left) return;  // another one has taken over
    acct::Cluster cluster = *old;
    cluster.control_host.clear();
    cluster.control_port = 0;
    books.clusters.set(cluster_, std::move(cluster));
  });
  if (changed && common_.conf.track_slurmctld_down && left) {
    const auto written = common_.store.write([&](store::Writer& writer) -> Result<void> {
      Reporter reporter{writer, *common_.ledger.books(), cluster_, common_.now()};
      record_controller_down(reporter);
      return {};
    });
    if (!written) log(Level::error, "dbd.not_recorded", {{"cluster", cluster_}, {"error", written.error().text}});
  }
  if (!changed) log(Level::warn, "dbd.still_registered", {{"cluster", cluster_}, {"error", changed.error().text}});
}

}  // namespace flurm::dbd
