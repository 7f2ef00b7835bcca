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
#include "conf/flurm_conf.hpp"
#include "conf/other_conf.hpp"
#include "ctld/clockwork.hpp"
#include "ctld/colleagues.hpp"
#include "ctld/config_files.hpp"
#include "ctld/controller.hpp"
#include "ctld/effects.hpp"
#include "ctld/monitor.hpp"
#include "ctld/scheduler.hpp"
#include "ctld/translate/configure.hpp"
#include "io/clock.hpp"
#include "io/process.hpp"
#include "io/worker.hpp"
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

Result<conf::FlurmConf> load_flurm_conf(const std::string& config_file) {
  const std::string path = (std::filesystem::path(config_file).parent_path() / "flurm.conf").string();
  std::string text;
  if (std::ifstream in(path); in) text.assign(std::istreambuf_iterator<char>(in), {});
  conf::Environment environment;
  for (char** each = environ; *each; ++each)
    if (std::strncmp(*each, "FLURM_", 6) == 0)
      if (const char* equals = std::strchr(*each, '=')) environment[std::string(*each, static_cast<std::size_t>(equals - *each))] = equals + 1;
  std::vector<conf::Diagnostic> diagnostics;
  const auto no_include = [](const std::string& file) -> Result<std::string> { return fail(Errc::io, "cannot read {}", file); };
  auto conf = conf::parse_flurm_conf(text, path, no_include, environment, diagnostics);
  log_diagnostics(diagnostics);
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

std::string short_host_name() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return std::string(name, std::strcspn(name, "."));
}

class Service {
 public:
  Service(LoadedConfig loaded, conf::FlurmConf flurm_conf, const auth::User& slurm_user, std::uint32_t node_user,
          const ServiceOptions& options)
      : options_(options),
        flurm_conf_(std::move(flurm_conf)),
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
      if (log_) {
        auto stopped = log_->stop();
        co_await stopped;
      }
      loop_.stop();
    }
  }

  io::Task<Result<void>> start_steps() {
    replog::RaftOptions raft;
    raft.directory = flurm_conf_.ra_data_dir;
    raft.members = {1};
    raft.snapshot_threshold = flurm_conf_.raft_snapshot_interval;
    raft.election_timeout_ms = flurm_conf_.raft_election_timeout_max_ms;
    raft.heartbeat_ms = flurm_conf_.raft_heartbeat_interval_ms;
    if (options_.clear_state) {
      std::error_code error;
      std::filesystem::remove_all(raft.directory, error);
      if (error) co_return fail(Errc::io, "cannot clear {}: {}", raft.directory, error.message());
    }
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(raft.directory).parent_path(), ignored);
    log_ = replog::make_raft_log(loop_, replica_, raft);
    const auto nobody = [](std::uint64_t, cluster::CallKind, std::string, std::uint64_t) -> io::Task<Result<std::string>> {
      co_return fail(Errc::not_leader, "a single controller");
    };
    colleagues_.emplace(loop_, *log_, replica_, Colleagues::Options{}, nobody);
    replica_.attach(*log_, *colleagues_);
    log_->on_fatal([this](Error error) {
      log(Level::fatal, "ctld.log_failed", {{"error", error.text}});
      result_ = std::unexpected(std::move(error));
      loop_.stop();
    });
    io::Event leading(loop_);
    log_->on_leadership([this, leading](bool leads) {
      log(Level::info, "ctld.leadership", {{"leads", leads ? "yes" : "no"}});
      if (leads) leading.set({});
    });
    auto starting = log_->start();
    const Result<void> started = co_await starting;
    if (!started) co_return std::unexpected(started.error());
    if (!log_->leads()) {
      auto wait = leading.wait(io::Deadline::in_ms(30'000));
      const auto led = co_await wait;
      if (!led) co_return fail(Errc::not_leader, "no leader after 30 s");
    }
    auto configured = propose_configuration(true);
    const Result<void> done = co_await configured;
    if (!done) co_return std::unexpected(done.error());

    replica_.on_change([this] { effects_.look(); });
    auto listening = rpc::Server::listen(loop_, munge_, server_options(), [this](rpc::Request request) {
      return dispatch(controller_, Call(std::move(request)));
    });
    if (!listening) co_return std::unexpected(listening.error());
    server_ = std::move(*listening);
    for (int signum : {SIGINT, SIGTERM})
      signals_.push_back(std::make_unique<io::SignalWatch>(loop_, signum, [this] { io::spawn(stop()); }));
    signals_.push_back(std::make_unique<io::SignalWatch>(loop_, SIGHUP, [this] { io::spawn(reconfigure_by_signal()); }));
    signals_.push_back(std::make_unique<io::SignalWatch>(loop_, SIGUSR2, [] { log_reopen(); }));
    write_pid_file(controller_.config->slurmctld_pidfile);
    effects_.look();
    monitor_.start();
    clockwork_.start();
    scheduler_.request();
    const auto state = replica_.snapshot();
    log(Level::info, "ctld.started",
        {{"cluster", state->settings.cluster_name}, {"port", server_->port()}, {"nodes", state->node_ids->size()},
         {"partitions", state->partitions.size()}, {"jobs", state->jobs.size()}, {"applied", log_->position().applied}});
    co_return Result<void>{};
  }

  rpc::ServerOptions server_options() const {
    rpc::ServerOptions options;
    options.port = static_cast<std::uint16_t>(controller_.config->slurmctld_port);
    // Controllers that share one machine are told apart by loopback addresses of their own.
    const auto& hosts = controller_.config->controllers;
    if (!hosts.empty() && hosts.front().addr.starts_with("127.") && hosts.front().addr != "127.0.0.1")
      options.host = hosts.front().addr;
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

  io::Task<Result<void>> reconfigure() {
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
    monitor_.stop();
    clockwork_.stop();
    scheduler_.stop();
    effects_.stop();
    auto finished = server_->finish(2000);
    co_await finished;
    auto stopped = log_->stop();
    co_await stopped;
    if (!controller_.config->slurmctld_pidfile.empty()) unlink(controller_.config->slurmctld_pidfile.c_str());
    loop_.stop();
  }

  ServiceOptions options_;
  conf::FlurmConf flurm_conf_;
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
  std::unique_ptr<replog::Log> log_;
  std::optional<Colleagues> colleagues_;
  std::unique_ptr<rpc::Server> server_;
  std::vector<std::unique_ptr<io::SignalWatch>> signals_;
  Result<void> result_;
  bool stopping_ = false;
};

}  // namespace

Result<void> run_service(const ServiceOptions& options) {
  FLURM_TRY(LoadedConfig loaded, load_config(options.config_file));
  log_diagnostics(loaded.diagnostics);
  if (!loaded.config) return fail(Errc::einval, "{} has errors", options.config_file);
  const conf::Config& config = *loaded.config;
  FLURM_TRY(conf::FlurmConf flurm_conf, load_flurm_conf(options.config_file));

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
  Service service(std::move(loaded), std::move(flurm_conf), slurm_user, node_user.uid, options);
  return service.run();
}

}  // namespace flurm::ctld
