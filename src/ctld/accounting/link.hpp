// ctld/accounting/link.hpp — the leader's connection to the accounting daemon: slurmdbd or flurmdbd.
#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "auth/munge.hpp"
#include "conf/config.hpp"
#include "io/event.hpp"
#include "rpc/client.hpp"

namespace flurm::ctld {

/// Keeps one connection open while this controller leads: to AccountingStorageHost or, while nobody answers there, to
/// AccountingStorageBackupHost. After each opening it registers this controller, so that what sacctmgr changes is told
/// to it, and lets its listeners speak before anybody else. Loop thread only.
class AccountingLink {
 public:
  /// Speaks over a new connection, with ask(). An error ends the connection; it is opened again after a while.
  using Listener = std::function<io::Task<Result<void>>()>;

  explicit AccountingLink(io::Loop& loop) : loop_(loop) {}

  /// Before start() and whenever the configuration was read again: the connection goes on unless its end has moved.
  void configure(const conf::Config& config);
  /// slurm.conf names an accounting daemon.
  bool configured() const { return !hosts_.empty(); }
  /// Called in the order in which they were added. Before start().
  void on_connected(Listener listener) { listeners_.push_back(std::move(listener)); }

  /// Called when they all have spoken. One.
  void on_ready(std::function<void()> ready) { ready_ = std::move(ready); }

  /// This controller leads now.
  void start();
  /// It leads no more, or ends. Requests under way end with `closed`.
  void stop();

  /// Registered, and the listeners have spoken.
  bool connected() const { return connected_; }
  /// Where to, "host:port"; empty while there is no connection.
  std::string peer() const { return client_ ? at_.text() : ""; }

  /// One request to the daemon, and its answer; requests are sent in the order of their asking. Errors: closed (no
  /// connection: wait for on_connected()), and those of rpc::PersistentClient::call(), after which the connection is
  /// opened anew.
  template <class M>
  io::Task<Result<rpc::Response>> ask(wire::MsgType type, const M& message) {
    return ask_packed(type, client_ ? codec::pack(message, version()) : std::string());
  }
  /// The same with a body that was packed in version().
  io::Task<Result<rpc::Response>> ask_packed(wire::MsgType type, std::string body);
  /// That both sides speak; 0 while there is no connection.
  std::uint16_t version() const { return client_ ? client_->version() : std::uint16_t{0}; }

 private:
  io::Task<> keep();
  io::Task<Result<void>> open(rpc::Address to);
  io::Task<Result<void>> greet();
  void close();
  /// Sleeps, at most until stop().
  io::Task<> rest(std::uint64_t ms);

  io::Loop& loop_;
  std::vector<Listener> listeners_;
  std::function<void()> ready_;
  std::vector<rpc::Address> hosts_;                  // in the order of preference
  std::map<std::string, const auth::Munge> munges_;  // by socket; those no longer configured may still be in use
  const auth::Munge* munge_ = nullptr;
  std::string socket_, cluster_name_;
  std::uint16_t own_port_ = 0;
  std::uint32_t select_plugin_ = 0;
  std::uint64_t timeout_ms_ = 0;
  std::size_t version_ = 0;  // of wire::kVersions, to try next
  std::unique_ptr<rpc::PersistentClient> client_;
  rpc::Address at_;
  bool connected_ = false;
  std::uint64_t reign_ = 0;  // counts starts and stops
  std::list<io::Event> pauses_;
};

/// What the daemon answered when it has nothing to tell but success: its return code. Errors: unexpected_msg.
Result<wire::PersistRc> accounting_rc(const rpc::Response& response);

}  // namespace flurm::ctld
