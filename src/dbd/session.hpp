// dbd/session.hpp — one connection's requests, answered. Runs on workers; a session serves one request at a time.
#pragma once
#include <optional>
#include <set>
#include <string>

#include "conf/other_conf.hpp"
#include "dbd/answers.hpp"
#include "dbd/ledger.hpp"
#include "dbd/purge.hpp"
#include "dbd/records.hpp"
#include "dbd/rollup.hpp"
#include "dbd/statistics.hpp"
#include "rpc/message.hpp"

namespace flurm::dbd {

/// What all sessions share. Its parts must outlive them.
struct Common {
  store::Store& store;
  Ledger& ledger;
  Statistics& statistics;
  Rollup& rollup;
  const PurgeRules& purge;
  const conf::SlurmdbdConf& conf;
  const std::string& conf_file;  ///< where it was read
  std::function<TimeS()> now;
  std::function<void()> shut_down;                  ///< any thread
  std::function<bool(const std::string&)> is_user;  ///< of this machine; may block
};

class Session {
 public:
  /// version: that both sides speak. port: where a controller listens; 0: a client.
  Session(Common& common, Actor actor, std::string cluster, std::uint16_t version, std::string host,
          std::uint16_t port);

  struct Answer {
    wire::MsgType type{};
    std::string body;
    bool close = false;  ///< the connection ends after the answer
    bool send = true;    ///< false: it ends without; the peer repeats the request elsewhere or later
  };
  Answer answer(const rpc::Message& request);
  /// The connection has ended: uncommitted changes are forgotten, a controller is no longer registered.
  void end();
  std::uint16_t version() const { return version_; }

 private:
  Answer dispatch(const rpc::Message& request);
  Answer change(const rpc::Message& request, ChangeFunction function);
  std::optional<Answer> ask(const rpc::Message& request);
  std::optional<Answer> administer(const rpc::Message& request);
  std::optional<Answer> record(const rpc::Message& request, store::Writer& writer);
  Answer record_all(const rpc::Message& request);
  /// With TrackWCKey the wckeys that jobs name come to be by being named.
  Result<void> add_named_wckeys(const rpc::Message& request);
  Result<void> add_wckeys(const std::string& cluster, const std::set<Charged>& missing);
  Answer modify_jobs(const wire::ModifyJob& message);
  Answer finish(const wire::DbdFini& message);
  Answer register_controller(std::uint16_t dimensions, std::uint32_t flags, std::uint32_t plugin_id_select);
  Answer cluster_tres(const wire::DbdClusterTres& message);
  Answer get_jobs(const wire::JobCond& cond);
  Answer get_usages(const Question& asked, const rpc::Message& request);
  Answer configuration();
  Answer dump_archive(const wire::ArchiveCond& cond);
  Answer load_archive(const wire::ArchiveRec& wish);

  Answer rc(Errc code, std::string comment, wire::MsgType request) const;
  Answer rc(std::uint32_t code, std::string comment, wire::MsgType request) const;
  template <class M>
  Answer reply(wire::MsgType type, const M& message) const {
    return {type, codec::pack(message, version_)};
  }
  /// The list, or why there is none.
  template <class List>
  Answer reply_or_refuse(wire::MsgType type, const List& list, wire::MsgType request) const {
    if (list.return_code != static_cast<std::uint32_t>(Errc::access_denied)) return reply(type, list);
    return rc(list.return_code, "Access/permission denied", request);
  }
  Question question() const;

  Common& common_;
  Actor actor_;
  std::string cluster_;
  std::uint16_t version_;
  std::string host_;
  std::uint16_t port_;
  bool registered_ = false;
  std::optional<Draft> draft_;
  std::vector<std::string> archives_;  // texts that are put back when the connection commits
};

}  // namespace flurm::dbd
