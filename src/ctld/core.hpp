// ctld/core.hpp — one controller without its process: log, state, colleagues, server, scheduler, effects and monitor,
// and how they begin and end with leadership. The process around it (service.cpp, or a simulated one) brings the loop.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "auth/hosts.hpp"
#include "auth/munge.hpp"
#include "auth/users.hpp"
#include "base/result.hpp"
#include "cluster/link.hpp"
#include "conf/flurm_conf.hpp"
#include "conf/other_conf.hpp"
#include "ctld/accounting/books.hpp"
#include "ctld/accounting/link.hpp"
#include "ctld/accounting/reporter.hpp"
#include "ctld/client_watch.hpp"
#include "ctld/clockwork.hpp"
#include "ctld/cluster_orders.hpp"
#include "ctld/cluster_status.hpp"
#include "ctld/colleagues.hpp"
#include "ctld/concord.hpp"
#include "ctld/config_files.hpp"
#include "ctld/controller.hpp"
#include "ctld/effects.hpp"
#include "ctld/formats.hpp"
#include "ctld/membership.hpp"
#include "ctld/monitor.hpp"
#include "ctld/replica.hpp"
#include "ctld/roster.hpp"
#include "ctld/scheduler.hpp"
#include "io/event.hpp"
#include "io/timer.hpp"
#include "replog/log.hpp"
#include "replog/raft_log.hpp"
#include "rpc/server.hpp"

namespace flurm::ctld {

/// What a controller is made of.
struct Setup {
  std::string config_file;  ///< path of slurm.conf, for `scontrol reconfigure`
  LoadedConfig loaded;      ///< its text and what it says, without errors
  conf::FlurmConf flurm_conf;
  Membership membership;
  std::uint32_t slurm_user = 0;  ///< uid of SlurmUser
  std::uint32_t node_user = 0;   ///< uid that node daemons run as
  std::string host;              ///< this machine, without the domain
};

/// Loop thread only. stop() it before it is destroyed.
class Core {
 public:
  /// on_end: it cannot go on, or was told to shut down; the process ends with this. Called at most once.
  using OnEnd = std::move_only_function<void(Result<void>)>;
  Core(io::Loop& loop, Setup setup, OnEnd on_end);

  /// Listens for the other controllers. Errors: einval (members, secret), io (port).
  Result<void> open();
  /// After open(): joins the others and returns when there is something to serve, and it is being served. Errors: what
  /// stopped the start, with the file, key or port at fault.
  io::Task<Result<void>> start();
  /// Hands leadership over, answers what is under way, which may take so long, ends. `on_end` comes at last.
  io::Task<> stop(std::uint64_t patience_ms = 2000);
  /// After an error of start(): ends without ceremony.
  io::Task<> close();

  /// Reads the configuration files again, here and at the others, and proposes what they say.
  io::Task<Result<void>> reconfigure();
  /// Called after the files were read again.
  void on_reread(std::function<void(const conf::Config&)> fn) { on_reread_ = std::move(fn); }

  /// After open(): orders about the controllers.
  ClusterOrders& cluster_orders() { return *cluster_orders_; }
  const Roster& roster() const { return *roster_; }
  /// After open(): how all controllers stand.
  io::Task<ClusterStatus> status();
  /// After open(): which releases they run.
  io::Task<Versions> versions() { return formats_->versions(); }

  Controller& controller() { return controller_; }
  Replica& replica() { return replica_; }
  /// After open().
  replog::Log& replicated_log() { return *log_; }
  cluster::Link& link() { return *link_; }
  const Membership& membership() const { return membership_; }
  const auth::Munge& munge() const { return munge_; }
  /// Slurm's port; 0 while nothing is served.
  std::uint16_t port() const { return server_ ? server_->port() : std::uint16_t{0}; }

 private:
  bool alone() const { return roster_->is_alone(); }
  replog::RaftOptions raft_options();
  Result<void> open_link();
  Error with_advice(Error error) const;
  io::Task<> configure_again();
  void watch_concord();
  void watch_roster();
  io::Task<> leave();
  std::string reached_members() const;
  io::Task<Result<void>> become_ready();
  void look_ready();
  io::Task<> lead();
  void follow();
  void end(Result<void> result);
  rpc::ServerOptions server_options() const;
  void read_cgroup_conf();
  /// Errors: einval (topology.conf has faults).
  Result<conf::TopologyConf> read_topology() const;
  io::Task<Result<void>> propose_configuration(bool at_start);
  io::Task<Result<void>> reread();
  io::Task<Result<std::string>> reread_for_another();
  io::Task<> tell_to_reread(cluster::Member member);

  io::Loop& loop_;
  conf::FlurmConf flurm_conf_;
  Membership membership_;
  OnEnd on_end_;
  std::function<void(const conf::Config&)> on_reread_;
  auth::Munge munge_;
  mutable auth::Users users_;
  mutable auth::Hosts hosts_;
  Replica replica_;
  rpc::Client client_;
  AccountingLink accounting_;
  Controller controller_;
  BooksLoader books_loader_;
  Scheduler scheduler_;
  Clockwork clockwork_;
  ClientWatch client_watch_;
  Effects effects_;
  Monitor monitor_;
  AccountingReporter reporter_;
  std::optional<conf::CgroupConf> cgroup_conf_;
  std::unique_ptr<cluster::Link> link_;
  std::unique_ptr<replog::Log> log_;
  std::optional<Roster> roster_;
  std::optional<ClusterOrders> cluster_orders_;
  std::optional<Colleagues> colleagues_;
  std::optional<Concord> concord_;
  std::optional<Formats> formats_;
  std::unique_ptr<rpc::Server> server_;
  io::Timer removal_;  // is announced, and should come
  io::Event ready_;
  std::uint64_t reign_ = 0;       // counts changes of leadership
  bool configured_ = false;       // this process's configuration is in the state
  std::optional<Error> refused_;  // or why it cannot be
  bool leaving_ = false;          // the leader removes this controller: it serves nobody any more
  bool stopping_ = false;
};

}  // namespace flurm::ctld
