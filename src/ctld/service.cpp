// ctld/service.cpp — see service.hpp.
#include "ctld/service.hpp"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "auth/hosts.hpp"
#include "auth/munge.hpp"
#include "auth/users.hpp"
#include "cluster/bytes.hpp"
#include "cluster/link.hpp"
#include "cluster/proof.hpp"
#include "conf/flurm_conf.hpp"
#include "conf/other_conf.hpp"
#include "ctld/clockwork.hpp"
#include "ctld/cluster_status.hpp"
#include "ctld/colleagues.hpp"
#include "ctld/concord.hpp"
#include "ctld/config_files.hpp"
#include "ctld/controller.hpp"
#include "ctld/effects.hpp"
#include "ctld/membership.hpp"
#include "ctld/monitor.hpp"
#include "ctld/scheduler.hpp"
#include "ctld/translate/configure.hpp"
#include "http/server.hpp"
#include "io/clock.hpp"
#include "io/process.hpp"
#include "io/worker.hpp"
#include "replog/directory.hpp"
#include "replog/raft_log.hpp"
#include "rpc/server.hpp"

extern char** environ;

namespace flurm::ctld {
namespace {

Level level_of(std::uint16_t slurmctld_debug, int verbose) {
  constexpr Level kLevels[] = {Level::fatal, Level::fatal, Level::error, Level::info, Level::verbose, Level::debug, Level::debug2};
  const std::size_t at = std::min<std::size_t>(slurmctld_debug + static_cast<std::size_t>(verbose), std::size(kLevels) - 1);
  return kLevels[at];
}

/// The secret where it was not given itself; a file that holds it must be its owner's alone.
Result<void> find_secret(const std::string& path, const std::string& text, conf::FlurmConf& conf) {
  if (conf.cookie.empty() && !conf.cookie_file.empty()) {
    FLURM_TRY(conf.cookie, cluster::read_secret(conf.cookie_file));
    return {};
  }
  if (conf.cookie.empty() || text.find(conf.cookie) == text.npos) return {};
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & 077) != 0)
    return fail(Errc::eperm, "{} has the controllers' secret and may be read by others than its owner", path);
  return {};
}

Result<conf::FlurmConf> load_flurm_conf(const std::string& config_file) {
  const std::string path = (std::filesystem::path(config_file).parent_path() / "flurm.conf").string();
  std::string text;
  if (std::ifstream in(path); in) text.assign(std::istreambuf_iterator<char>(in), {});
  conf::Environment environment;
  for (char** each = environ; *each; ++each)
    if (std::strncmp(*each, "FLURM_", 6) == 0)
      if (const char* equals = std::strchr(*each, '=')) environment[std::string(*each, static_cast<std::size_t>(equals - *each))] = equals + 1;
  unsetenv("FLURM_COOKIE");  // not for the programs that we start
  std::vector<conf::Diagnostic> diagnostics;
  const auto no_include = [](const std::string& file) -> Result<std::string> { return fail(Errc::io, "cannot read {}", file); };
  auto conf = conf::parse_flurm_conf(text, path, no_include, environment, diagnostics);
  log_diagnostics(diagnostics);
  if (conf) FLURM_TRY_VOID(find_secret(path, text, *conf));
  return conf;
}

/// "socket=/path" of AuthInfo.
std::string munge_socket(const conf::Config& config) {
  std::string socket;
  conf::Config::has_option(config.authinfo, "socket", &socket);
  return socket;
}

/// The process becomes SlurmUser: clients encrypt for that user, and the controller needs no other rights.
Result<void> become(const auth::User& user) {
  if (geteuid() == user.uid) return {};
  if (geteuid() != 0)
    return fail(Errc::eperm, "SlurmUser={} but flurmctld runs as user {}: start it as root or as SlurmUser", user.name,
                geteuid());
  if (initgroups(user.name.c_str(), user.gid) != 0 || setgid(user.gid) != 0 || setuid(user.uid) != 0)
    return fail(Errc::eperm, "cannot become SlurmUser {}: {}", user.name, std::strerror(errno));
  return {};
}

void write_pid_file(const std::string& path) {
  if (path.empty()) return;
  std::ofstream out(path);
  if (out) {
    out << getpid() << '\n';
  } else {
    log(Level::warn, "ctld.no_pid_file", {{"file", path}});
  }
}

Result<void> detach() {
  const pid_t child = fork();
  if (child < 0) return fail(Errc::io, "cannot fork: {}", std::strerror(errno));
  if (child > 0) _exit(0);
  setsid();
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  return {};
}

/// Whose behaviour and output we match; `scontrol show config` prints it.
constexpr const char* kSlurmVersion = "22.05.8";
/// Where Debian's clients look for their plugins.
constexpr const char* kPluginDir = "/usr/lib/x86_64-linux-gnu/slurm-wlm";

std::string host_name() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}
std::string short_host_name() { return host_name().substr(0, host_name().find('.')); }

class Service {
 public:
  Service(LoadedConfig loaded, conf::FlurmConf flurm_conf, Membership membership, const auth::User& slurm_user, std::uint32_t node_user,
          const ServiceOptions& options)
      : options_(options),
        flurm_conf_(std::move(flurm_conf)),
        membership_(std::move(membership)),
        munge_(munge_socket(*loaded.config)),
        replica_(loop_),
        client_(loop_, munge_),
        controller_{.loop = loop_, .replica = replica_, .users = users_, .hosts = hosts_, .config = loaded.config},
        scheduler_(controller_),
        clockwork_(controller_),
        effects_(controller_, client_, node_user),
        monitor_(controller_, client_, node_user) {
    controller_.config_file = options.config_file;
    controller_.files = std::move(loaded.files);
    controller_.slurm_user = slurm_user.uid;
    controller_.boot_time = io::now();
    controller_.statistics.since = controller_.boot_time;
    controller_.build_facts = {.boot_time = controller_.boot_time, .version = kSlurmVersion,
                               .slurm_conf_path = options.config_file, .host = short_host_name(),
                               .slurm_user_id = slurm_user.uid, .slurmd_user_id = node_user, .plugindir = kPluginDir,
                               .mail_prog = "/bin/mail"};
    read_cgroup_conf();
    controller_.reconfigure = [this] { return reconfigure(); };
    controller_.shut_down = [this](bool nodes_too) {
      if (nodes_too) monitor_.tell_all(wire::MsgType::REQUEST_SHUTDOWN);
      io::spawn(stop());
    };
    controller_.schedule_soon = [this] { scheduler_.request(); };
    controller_.node_registered = [this](const std::string& node) { monitor_.heard_from(node); };
    controller_.launch_taken = [this](const model::Job& job) { return effects_.launch_taken(job); };
    controller_.abort_stray = [this](model::NodeId node, JobId job) { io::spawn(effects_.abort_stray(node, job)); };
    controller_.server_stats = [this] { return server_ ? server_->stats() : rpc::Stats{}; };
    controller_.reset_server_stats = [this] { server_->reset_stats(); };
  }

  Result<void> run() {
    io::spawn(start());
    loop_.run();
    return std::move(result_);
  }

 private:
  io::Task<> start() {
    auto steps = start_steps();
    Result<void> started = co_await steps;
    if (!started) {
      result_ = std::move(started);
      auto closing = close();
      co_await closing;
    }
  }

  io::Task<> close() {
    http_.reset();
    if (colleagues_) colleagues_->stop();
    if (concord_) concord_->stop();
    if (log_) {
      auto stopped = log_->stop();
      co_await stopped;
    }
    if (link_) {
      auto unlinked = link_->stop();
      co_await unlinked;
    }
    loop_.stop();
  }

  bool alone() const { return membership_.members.size() == 1; }

  replog::RaftOptions raft_options() {
    replog::RaftOptions raft;
    raft.directory = flurm_conf_.ra_data_dir;
    raft.self = membership_.own().id;
    for (const cluster::Member& member : membership_.members) raft.members.push_back(member.id);
    raft.transport = link_.get();
    raft.snapshot_threshold = flurm_conf_.raft_snapshot_interval;
    // libraft draws each timeout between this and twice as much.
    raft.election_timeout_ms = flurm_conf_.raft_election_timeout_min_ms;
    raft.heartbeat_ms = flurm_conf_.raft_heartbeat_interval_ms;
    return raft;
  }

  Result<void> clear_state() const {
    if (!alone())
      return fail(Errc::einval, "-c would clear one controller of {}: stop all, and remove {} on each",
                  membership_.members.size(), flurm_conf_.ra_data_dir);
    std::error_code error;
    std::filesystem::remove_all(flurm_conf_.ra_data_dir, error);
    if (error) return fail(Errc::io, "cannot clear {}: {}", flurm_conf_.ra_data_dir, error.message());
    return {};
  }

  /// The controller link, whose members are known to each other by the ids that their logs have.
  Result<void> open_link() {
    if (membership_.members.size() % 2 == 0)
      log(Level::warn, "cluster.even",
          {{"controllers", membership_.members.size()}, {"effect", "one less would be as safe: use 1, 3, 5 or 7"}});
    if (alone())
      if (const auto owner = replog::directory_owner(flurm_conf_.ra_data_dir)) membership_.members[0].id = *owner;
    link_ = cluster::Link::make(loop_, {.cluster_name = controller_.config->cluster_name,
                                        .self = membership_.own().id,
                                        .members = membership_.members,
                                        .secret = flurm_conf_.cookie,
                                        .version = FLURM_VERSION,
                                        .listen_host = membership_.link_host});
    link_->on_call(cluster::CallKind::reread, [this](std::uint64_t, std::string) { return reread_for_another(); });
    return link_->start();
  }

  io::Task<Result<void>> start_steps() {
    if (options_.clear_state)
      if (Result<void> cleared = clear_state(); !cleared) co_return cleared;
    if (Result<void> linked = open_link(); !linked) co_return linked;
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(flurm_conf_.ra_data_dir).parent_path(), ignored);
    log_ = replog::make_raft_log(loop_, replica_, raft_options());
    colleagues_.emplace(loop_, *log_, replica_, Colleagues::Options{.self = link_->self(), .session = random_session()},
                        *link_);
    replica_.attach(*log_, *colleagues_);
    watch_concord();
    answer_status(*link_, *log_, FLURM_VERSION);
    listen_for_http();
    colleagues_->on_proposed([this] { scheduler_.request(); });
    replica_.on_change([this] {
      effects_.look();
      look_ready();
    });
    log_->on_fatal([this](Error error) {
      log(Level::fatal, "ctld.log_failed", {{"error", error.text}});
      result_ = std::unexpected(std::move(error));
      loop_.stop();
    });
    log_->on_leadership([this](bool leads) {
      log(Level::info, "ctld.leadership", {{"leads", leads ? "yes" : "no"}});
      ++reign_;
      if (leads)
        io::spawn(lead());
      else
        follow();
    });
    for (int signum : {SIGINT, SIGTERM})
      signals_.push_back(std::make_unique<io::SignalWatch>(loop_, signum, [this] { io::spawn(stop()); }));
    auto founding = wait_to_begin();
    co_await founding;
    if (stopping_) co_return Result<void>{};
    auto starting = log_->start();
    const Result<void> started = co_await starting;
    if (!started) co_return std::unexpected(started.error());
    signals_.push_back(std::make_unique<io::SignalWatch>(loop_, SIGUSR2, [] { log_reopen(); }));
    auto readying = become_ready();
    const Result<void> ready = co_await readying;
    if (stopping_) co_return Result<void>{};
    if (!ready) co_return ready;

    auto listening = rpc::Server::listen(loop_, munge_, server_options(), [this](rpc::Request request) {
      return dispatch(controller_, Call(std::move(request)));
    });
    if (!listening) co_return std::unexpected(listening.error());
    server_ = std::move(*listening);
    signals_.push_back(std::make_unique<io::SignalWatch>(loop_, SIGHUP, [this] { io::spawn(reconfigure_by_signal()); }));
    write_pid_file(controller_.config->slurmctld_pidfile);
    const auto state = replica_.snapshot();
    log(Level::info, "ctld.started",
        {{"cluster", state->settings.cluster_name}, {"controller", membership_.own().name}, {"port", server_->port()},
         {"nodes", state->node_ids->size()}, {"partitions", state->partitions.size()}, {"jobs", state->jobs.size()},
         {"applied", log_->position().applied}});
    co_return Result<void>{};
  }

  /// How the cluster stands is told also while it has no leader. Without the port all else works.
  void listen_for_http() {
    if (flurm_conf_.http_port == 0) return;
    auto listening = http::Server::listen(loop_, {.host = membership_.rpc_host, .port = flurm_conf_.http_port},
                                          [this](http::Request request) { return answer_http(std::move(request)); });
    if (listening)
      http_ = std::move(*listening);
    else
      log(Level::warn, "http.off", {{"port", flurm_conf_.http_port}, {"error", listening.error().text}});
  }

  io::Task<http::Response> answer_http(http::Request request) {
    if (request.path != "/api/cluster/status") co_return http::Response{404, "text/plain", "no such page\n"};
    if (request.method != "GET") co_return http::Response{405, "text/plain", "only GET\n"};
    auto asking = cluster_status(loop_, *link_, *log_, FLURM_VERSION);
    const ClusterStatus status = co_await asking;
    if (const auto format = request.query.find("format"); format != request.query.end() && format->second == "text")
      co_return http::Response{200, "text/plain", to_text(status)};
    co_return http::Response{200, "application/json", to_json(status)};
  }

  void watch_concord() {
    std::vector<std::uint64_t> others;
    for (const cluster::Member& member : membership_.members)
      if (member.id != link_->self()) others.push_back(member.id);
    concord_.emplace(
        loop_, Concord::Options{.every = flurm_conf_.raft_snapshot_interval}, std::move(others),
        [this](std::uint64_t member, std::string body) {
          return link_->call(member, cluster::CallKind::state_hash, std::move(body), 5'000);
        },
        [this](Error error) {
          log(Level::fatal, "cluster.diverged", {{"error", error.text}});
          result_ = std::unexpected(std::move(error));
          loop_.stop();
        });
    link_->on_call(cluster::CallKind::state_hash, [this](std::uint64_t, std::string body) -> io::Task<Result<std::string>> {
      co_return concord_->answer(body);
    });
    replica_.on_applied([this](std::uint64_t index) { concord_->applied(index, replica_); });
  }

  static std::uint64_t random_session() {
    std::uint64_t session = 0;
    while (session == 0) session = cluster::get<std::uint64_t>(cluster::random_bytes(8), 0);
    return session;
  }

  /// An empty log beside those of others may be a lost one.
  io::Task<> wait_to_begin() {
    if (alone() || replog::directory_owner(flurm_conf_.ra_data_dir)) co_return;
    for (std::uint64_t tell_at_ms = io::monotonic_ms() + 5'000; !stopping_;) {
      auto asking = cluster_status(loop_, *link_, *log_, FLURM_VERSION);
      const ClusterStatus status = co_await asking;
      if (may_begin_empty(status, link_->self())) co_return;
      if (io::monotonic_ms() >= tell_at_ms) {
        tell_at_ms = io::monotonic_ms() + 60'000;
        log(Level::warn, "cluster.waiting",
            {{"for", "the other controllers, for this one's log is empty"}, {"controllers", status.members.size()},
             {"reached", reached_members()}});
      }
      auto pause = io::sleep(loop_, 50);
      co_await pause;
    }
  }

  std::string reached_members() const {
    std::string names;
    for (const cluster::Peer& peer : link_->peers())
      if (peer.connected) names += (names.empty() ? "" : ",") + peer.member.name;
    return names;
  }

  /// Waits until there is something to serve: alone, when this process has applied its configuration; among several,
  /// when any of them has.
  io::Task<Result<void>> become_ready() {
    look_ready();
    for (std::uint64_t patience_ms = 5'000; !ready_.is_set() && !stopping_; patience_ms = 60'000) {
      auto waiting = ready_.wait(io::Deadline::in_ms(patience_ms));
      if (const auto waited = co_await waiting; waited) break;
      ready_ = io::Event(loop_);
      look_ready();
      if (alone()) co_return fail(Errc::not_leader, "no leader after {} s", patience_ms / 1000);
      log(Level::warn, "cluster.waiting",
          {{"for", log_->leader() ? "a configuration" : "enough controllers to choose a leader"},
           {"controllers", membership_.members.size()}, {"reached", reached_members()}});
    }
    co_return refused_ ? Result<void>(fail(*refused_)) : Result<void>{};
  }

  void look_ready() {
    const bool configured = configured_ || (!alone() && !replica_.snapshot()->settings.cluster_name.empty());
    if (configured || refused_ || stopping_) ready_.set({});
  }

  /// What only the leader does.
  io::Task<> lead() {
    const std::uint64_t reign = reign_;
    // What slurm.conf said when this process started goes in once; later changes come by `scontrol reconfigure`.
    while (!configured_) {
      auto configuring = propose_configuration(true);
      const Result<void> done = co_await configuring;
      if (reign != reign_ || stopping_) co_return;
      configured_ = done.has_value();
      if (!done) {
        log(Level::error, "ctld.configuration_refused", {{"error", done.error().text}});
        if (alone()) {
          refused_ = done.error();
          look_ready();
          co_return;
        }
        auto pause = io::sleep(loop_, 1000);
        co_await pause;
        if (reign != reign_ || stopping_) co_return;
      }
    }
    look_ready();
    effects_.start();
    monitor_.start();
    clockwork_.start();
    scheduler_.start();
  }

  void follow() {
    monitor_.stop();
    clockwork_.stop();
    scheduler_.stop();
    effects_.stop();
  }

  rpc::ServerOptions server_options() const {
    rpc::ServerOptions options;
    options.port = static_cast<std::uint16_t>(controller_.config->slurmctld_port);
    options.host = membership_.rpc_host;
    options.prepare = [this](rpc::Request& request) {
      // Name services may block: ask them here, so that the handler finds the answers remembered.
      if (request.type() != wire::MsgType::REQUEST_SUBMIT_BATCH_JOB) return;
      (void)users_.by_uid(request.identity.uid);
      (void)hosts_.look_up(request.peer);
    };
    return options;
  }

  void read_cgroup_conf() {
    const auto text = controller_.files.find("cgroup.conf");
    cgroup_conf_.reset();
    if (text != controller_.files.end()) {
      std::vector<conf::Diagnostic> problems;
      const auto no_include = [](const std::string& file) -> Result<std::string> { return fail(Errc::io, "{}", file); };
      if (auto parsed = conf::parse_cgroup_conf(text->second, "cgroup.conf", no_include, problems)) cgroup_conf_ = *parsed;
      log_diagnostics(problems);
    }
    controller_.build_facts.cgroup_conf = cgroup_conf_ ? &*cgroup_conf_ : nullptr;
  }

  io::Task<Result<void>> propose_configuration(bool at_start) {
    state::Configure command = configure_command(*controller_.config, controller_.slurm_user);
    command.keep_updates = at_start;
    auto proposal = replica_.propose(std::move(command));
    const Result<state::Reply> reply = co_await proposal;
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->code != Errc::success) co_return fail(reply->code, "{}", reply->text);
    co_return Result<void>{};
  }

  io::Task<Result<void>> reread() {
    auto work = io::on_worker(loop_, [file = options_.config_file] { return load_config(file); });
    Result<LoadedConfig> loaded = co_await work;
    if (!loaded) co_return std::unexpected(loaded.error());
    log_diagnostics(loaded->diagnostics);
    if (!loaded->config) co_return fail(Errc::einval, "slurm.conf has errors; the old configuration stays");
    controller_.config = loaded->config;
    controller_.files = std::move(loaded->files);
    read_cgroup_conf();
    users_.clear();
    hosts_.clear();
    log_set_level(level_of(controller_.config->slurmctld_debug, options_.verbose));
    co_return Result<void>{};
  }

  io::Task<Result<std::string>> reread_for_another() {
    auto reading = reread();
    const Result<void> done = co_await reading;
    controller_.info_cache.clear();
    if (!done) log(Level::error, "ctld.reconfigure_failed", {{"error", done.error().text}});
    co_return done ? Result<std::string>("") : fail(done.error());
  }

  /// The others lead some day, and must not know less then than the state does.
  io::Task<> tell_to_reread(cluster::Member member) {
    auto call = link_->call(member.id, cluster::CallKind::reread, {}, 10'000);
    const Result<std::string> told = co_await call;
    if (!told) log(Level::warn, "ctld.reconfigure_not_heard", {{"controller", member.name}, {"error", told.error().text}});
  }

  io::Task<Result<void>> reconfigure() {
    auto reading = reread();
    Result<void> read = co_await reading;
    if (!read) co_return read;
    for (const cluster::Member& member : membership_.members)
      if (member.id != link_->self()) io::spawn(tell_to_reread(member));
    auto configured = propose_configuration(false);
    Result<void> done = co_await configured;
    controller_.info_cache.clear();
    if (!done) co_return done;
    monitor_.tell_all(wire::MsgType::REQUEST_RECONFIGURE);
    scheduler_.request();
    log(Level::info, "ctld.reconfigured");
    co_return done;
  }

  io::Task<> reconfigure_by_signal() {
    auto work = reconfigure();
    const Result<void> done = co_await work;
    if (!done) log(Level::error, "ctld.reconfigure_failed", {{"error", done.error().text}});
  }

  io::Task<> stop() {
    if (stopping_) co_return;
    stopping_ = true;
    log(Level::info, "ctld.stopping");
    look_ready();
    if (log_ && server_) {
      // What clients have asked for goes to the next leader while this process still answers them.
      auto handing_over = log_->hand_over();
      co_await handing_over;
    }
    ++reign_;
    follow();
    if (server_) {
      auto finished = server_->finish(2000);
      co_await finished;
      if (!controller_.config->slurmctld_pidfile.empty()) unlink(controller_.config->slurmctld_pidfile.c_str());
    }
    auto closing = close();
    co_await closing;
  }

  ServiceOptions options_;
  conf::FlurmConf flurm_conf_;
  Membership membership_;
  io::Loop loop_;
  auth::Munge munge_;
  mutable auth::Users users_;
  mutable auth::Hosts hosts_;
  Replica replica_;
  rpc::Client client_;
  Controller controller_;
  Scheduler scheduler_;
  Clockwork clockwork_;
  Effects effects_;
  Monitor monitor_;
  std::optional<conf::CgroupConf> cgroup_conf_;
  std::unique_ptr<cluster::Link> link_;
  std::unique_ptr<replog::Log> log_;
  std::optional<Colleagues> colleagues_;
  std::optional<Concord> concord_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<http::Server> http_;
  std::vector<std::unique_ptr<io::SignalWatch>> signals_;
  Result<void> result_;
  io::Event ready_{loop_};
  std::uint64_t reign_ = 0;       // counts changes of leadership
  bool configured_ = false;       // this process's configuration is in the state
  std::optional<Error> refused_;  // or why it cannot be
  bool stopping_ = false;
};

}  // namespace

Result<void> run_service(const ServiceOptions& options) {
  FLURM_TRY(LoadedConfig loaded, load_config(options.config_file));
  log_diagnostics(loaded.diagnostics);
  if (!loaded.config) return fail(Errc::einval, "{} has errors", options.config_file);
  const conf::Config& config = *loaded.config;
  FLURM_TRY(conf::FlurmConf flurm_conf, load_flurm_conf(options.config_file));
  FLURM_TRY(Membership members, membership(config, flurm_conf, host_name()));

  auth::Users users;
  FLURM_TRY(const auth::User slurm_user, users.by_name(config.slurm_user_name));
  FLURM_TRY(const auth::User node_user, users.by_name(config.slurmd_user_name));
  if (auto became = become(slurm_user); !became) return became;
  if (!options.foreground)
    if (auto detached = detach(); !detached) return detached;
  if (!log_open("flurmctld", options.foreground && options.verbose ? "" : config.slurmctld_logfile,
                level_of(config.slurmctld_debug, options.verbose)))
    return fail(Errc::io, "cannot write SlurmctldLogFile {}", config.slurmctld_logfile);
  io::ignore_sigpipe();
  umask(0022);
  Service service(std::move(loaded), std::move(flurm_conf), std::move(members), slurm_user, node_user.uid, options);
  return service.run();
}

}  // namespace flurm::ctld
