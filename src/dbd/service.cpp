// dbd/service.cpp — see the header.
#include "dbd/service.hpp"

#include <grp.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/log.hpp"
#include "dbd/configuration.hpp"
#include "dbd/periods.hpp"
#include "dbd/server.hpp"
#include "io/clock.hpp"
#include "io/detach.hpp"
#include "io/process.hpp"
#include "io/timer.hpp"
#include "io/worker.hpp"

namespace flurm::dbd {
namespace {

Level level_of(int debug) {
  constexpr Level kLevels[] = {Level::fatal,   Level::fatal, Level::error, Level::info,
                               Level::verbose, Level::debug, Level::debug2};
  return kLevels[std::clamp<int>(debug, 0, std::size(kLevels) - 1)];
}

/// "socket=/path" of AuthInfo.
std::string munge_socket(const std::string& auth_info) {
  const std::size_t at = auth_info.find("socket=");
  if (at == auth_info.npos) return "";
  const std::string rest = auth_info.substr(at + 7);
  return rest.substr(0, rest.find(','));
}

Result<void> become(const auth::User& user) {
  if (geteuid() == user.uid) return {};
  if (geteuid() != 0) return fail(Errc::eperm, "SlurmUser={} but flurmdbd runs as user {}", user.name, geteuid());
  if (initgroups(user.name.c_str(), user.gid) != 0 || setgid(user.gid) != 0 || setuid(user.uid) != 0)
    return fail(Errc::eperm, "cannot become SlurmUser {}: {}", user.name, std::strerror(errno));
  return {};
}

Policy policy_of(const conf::SlurmdbdConf& conf) {
  Policy policy{.default_qos = {}, .absolute_resources = conf.all_resources_absolute};
  std::istringstream words(conf.default_qos);
  for (std::string name; std::getline(words, name, ',');)
    if (!name.empty()) policy.default_qos.push_back(name);
  return policy;
}

/// Rolls up when the daemon begins and after each hour.
class RollupClock {
 public:
  /// `purge` is done after each roll-up.
  RollupClock(io::Loop& loop, Rollup& rollup, std::function<void()> purge)
      : loop_(loop), rollup_(rollup), purge_(std::move(purge)), timer_(loop, [this] { io::spawn(run()); }) {
    timer_.start(0);
  }
  io::Task<void> stop() {
    timer_.stop();
    rollup_.stop();
    while (running_) {
      auto pause = io::sleep(loop_, 10);
      co_await pause;
    }
  }

 private:
  io::Task<void> run() {
    running_ = true;
    auto work = io::on_worker(loop_, [this] {
      if (rollup_.run({}, {}, io::now(), Rollup::Turn::passes)) purge_();  // they log their own errors
    });
    co_await work;
    running_ = false;
    const TimeS now = io::now();
    // Not on the stroke: what happened in the last second of the hour may still be on its way.
    timer_.start(static_cast<std::uint64_t>(next(acct::Period::hour, now) - now + 5) * 1000);
  }

  io::Loop& loop_;
  Rollup& rollup_;
  std::function<void()> purge_;
  io::Timer timer_;
  bool running_ = false;
};

io::Task<void> stop_and_leave(Server& server, RollupClock& clock, io::Loop& loop) {
  auto stopping = server.stop();
  co_await stopping;
  auto resting = clock.stop();
  co_await resting;
  loop.stop();
}

}  // namespace

Result<void> run_service(const ServiceOptions& options) {
  FLURM_TRY(const conf::SlurmdbdConf conf, load_configuration(options.config_file));
  FLURM_TRY(const PurgeRules purge_rules, PurgeRules::of(conf));
  auth::Users users;
  FLURM_TRY(const auth::User slurm_user, users.by_name_or_number(conf.slurm_user));
  if (!options.foreground) FLURM_TRY_VOID(io::detach());
  if (!log_open("flurmdbd", options.foreground ? "" : conf.log_file, level_of(conf.debug_level + options.verbose)))
    return fail(Errc::io, "cannot write the log {}", conf.log_file);
  if (!conf.pid_file.empty()) std::ofstream(conf.pid_file) << getpid() << '\n';
  FLURM_TRY_VOID(become(slurm_user));
  signal(SIGPIPE, SIG_IGN);

  FLURM_TRY(const std::unique_ptr<store::Store> store, store::Store::open(place_of(conf)));
  const auth::Munge munge(munge_socket(conf.auth_info));
  io::Loop loop(8);
  // Commits begin before the server is there, and end after it has gone.
  Server* publisher = nullptr;
  FLURM_TRY(
      const std::unique_ptr<Ledger> ledger,
      Ledger::open(*store, io::now(), policy_of(conf), [&publisher](const acct::Books& before, const acct::Books& now) {
        if (publisher) publisher->publish(before, now);
      }));
  Statistics statistics(io::now());
  Rollup rollup(*store, *ledger, statistics, conf.track_wckey);
  std::optional<RollupClock> clock;
  std::unique_ptr<Server> server;
  bool leaving = false;
  const auto leave = [&] {
    if (std::exchange(leaving, true)) return;
    io::spawn(stop_and_leave(*server, *clock, loop));
  };
  Common common{*store,
                *ledger,
                statistics,
                rollup,
                purge_rules,
                conf,
                options.config_file,
                [] { return io::now(); },
                [&] { loop.post([&] { leave(); }); },
                [&users](const std::string& name) { return users.by_name(name).has_value(); }};
  FLURM_TRY(server, Server::listen(loop, munge, users, common, {conf.dbd_addr, conf.dbd_port, slurm_user.uid}));
  publisher = server.get();
  clock.emplace(loop, rollup, [&] {
    if (const auto purged = purge(*store, live_clusters(*ledger->books()), purge_rules, io::now()); !purged)
      log(Level::error, "dbd.not_purged", {{"error", purged.error().text}});
  });
  std::vector<std::unique_ptr<io::SignalWatch>> signals;
  for (int number : {SIGTERM, SIGINT}) signals.push_back(std::make_unique<io::SignalWatch>(loop, number, leave));
  signals.push_back(std::make_unique<io::SignalWatch>(loop, SIGUSR2, [] { log_reopen(); }));
  log(Level::info, "dbd.ready", {{"port", conf.dbd_port}, {"store", conf.storage_loc}, {"version", FLURM_VERSION}});
  loop.run();
  signals.clear();
  clock.reset();
  server.reset();
  if (!conf.pid_file.empty()) unlink(conf.pid_file.c_str());
  log(Level::info, "dbd.ended");
  return {};
}

}  // namespace flurm::dbd
