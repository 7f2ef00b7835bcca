// ctld/service.cpp — see service.hpp.
#include "ctld/service.hpp"

#include <grp.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "auth/users.hpp"
#include "cluster/members.hpp"
#include "conf/flurm_conf.hpp"
#include "ctld/config_files.hpp"
#include "ctld/control.hpp"
#include "ctld/core.hpp"
#include "ctld/json_text.hpp"
#include "ctld/orders.hpp"
#include "ctld/restore.hpp"
#include "exec/fd.hpp"
#include "exec/program.hpp"
#include "http/server.hpp"
#include "io/clock.hpp"
#include "io/detach.hpp"
#include "io/process.hpp"
#include "io/successor.hpp"
#include "io/timer.hpp"
#include "io/worker.hpp"
#include "state/format.hpp"

extern char** environ;

namespace flurm::ctld {
namespace {

/// An upgrade: for its order to be answered, for requests under way, and for clients that wait for the new program.
constexpr std::uint64_t kAnswerFirstMs = 10, kUpgradePatienceMs = 5'000, kInheritedMs = 8'000;
/// What `flurmctld -T` says of itself, and what an older or newer one may say.
std::string own_facts() { return fmt::format("flurmctld version {} newest-format {}", FLURM_VERSION, state::kFormat); }
struct ProgramFacts {
  std::string version;
  unsigned newest_format = 0;
};
Result<ProgramFacts> read_facts(const std::string& line) {
  char version[64] = "";
  unsigned newest = 0;
  if (std::sscanf(line.c_str(), "flurmctld version %63s newest-format %u", version, &newest) != 2)
    return fail(Errc::einval, "'{}' is not what a flurmctld says of itself", line);
  return ProgramFacts{version, newest};
}

/// A backup of a large state takes its time.
constexpr std::uint64_t kOrderMs = 60'000;
constexpr std::size_t kBackupMax = std::size_t{8} << 30;

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
  // A missing one is as good as an empty one; one that is there and is not read would be another cluster's data.
  if (std::ifstream in(path); in)
    text.assign(std::istreambuf_iterator<char>(in), {});
  else if (access(path.c_str(), F_OK) == 0)
    return fail(Errc::io, "{} cannot be read by user {}", path, geteuid());
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

std::string host_name() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}
std::string short_host_name() { return host_name().substr(0, host_name().find('.')); }

/// What a successor, which begins as SlurmUser, could not find by itself. Else it reads it anew.
std::string secret_to_pass_on(const conf::FlurmConf& conf) {
  const bool finds_it = !conf.cookie_file.empty() && access(conf.cookie_file.c_str(), R_OK) == 0;
  return finds_it ? "" : conf.cookie;
}

/// The process around the controller: signals, files, the port for administrators.
class Service {
 public:
  Service(Setup setup, const ServiceOptions& options)
      : options_(options),
        http_port_(setup.flurm_conf.http_port),
        data_dir_(setup.flurm_conf.ra_data_dir),
        cookie_(secret_to_pass_on(setup.flurm_conf)),
        core_(loop_, std::move(setup), [this](Result<void> result) { end(std::move(result)); }),
        control_(loop_, core_.munge(), core_.controller().slurm_user) {
    core_.on_reread([this](const conf::Config& config) {
      log_set_level(level_of(config.slurmctld_debug, options_.verbose));
    });
    add_orders(control_, core_);
    control_.on("/api/upgrade", [this](std::uint32_t, Arguments arguments) { return upgrade(std::move(arguments)); });
  }

  Result<void> run() {
    io::spawn(start());
    loop_.run();
    return std::move(result_);
  }

  /// What is to take this program's place when run() has returned.
  const std::optional<io::Successor>& successor() const { return successor_; }

 private:
  io::Task<> start() {
    auto steps = start_steps();
    Result<void> started = co_await steps;
    if (!started) {
      auto closing = core_.close();
      co_await closing;
      end(std::move(started));
    }
  }

  void end(Result<void> result) {
    result_ = std::move(result);
    http_.reset();
    if (!pid_file_.empty() && !successor_) unlink(pid_file_.c_str());
    loop_.stop();
  }

  Result<void> clear_state() const {
    const std::size_t controllers = core_.membership().members.size();
    if (controllers > 1)
      return fail(Errc::einval, "-c would clear one controller of {}: stop all, and remove {} on each", controllers, data_dir_);
    std::error_code error;
    std::filesystem::remove_all(data_dir_, error);
    if (error) return fail(Errc::io, "cannot clear {}: {}", data_dir_, error.message());
    return {};
  }

  void watch(int signum, std::function<void()> fn) {
    signals_.push_back(std::make_unique<io::SignalWatch>(loop_, signum, std::move(fn)));
  }

  io::Task<Result<void>> start_steps() {
    if (options_.clear_state)
      if (Result<void> cleared = clear_state(); !cleared) co_return cleared;
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(data_dir_).parent_path(), ignored);
    if (Result<void> opened = core_.open(); !opened) co_return opened;
    add_cluster_orders(control_, core_.cluster_orders());
    listen_for_http();
    for (int signum : {SIGINT, SIGTERM})
      watch(signum, [this] {
        successor_.reset();
        io::spawn(core_.stop());
      });
    watch(SIGUSR2, [] { log_reopen(); });
    lose_patience_.start(kInheritedMs);
    auto starting = core_.start();
    Result<void> started = co_await starting;
    io::close_inherited();
    if (!started || core_.port() == 0) co_return started;
    watch(SIGHUP, [this] { io::spawn(reconfigure()); });
    pid_file_ = core_.controller().config->slurmctld_pidfile;
    write_pid_file(pid_file_);
    co_return started;
  }

  /// How the cluster stands is told also while it has no leader. Without the port all else works.
  void listen_for_http() {
    if (http_port_ == 0) return;
    auto listening = http::Server::listen(loop_,
                                          {.host = core_.membership().rpc_host, .port = http_port_, .answer_ms = kOrderMs},
                                          [this](http::Request request) { return answer_http(std::move(request)); });
    if (listening)
      http_ = std::move(*listening);
    else
      log(Level::warn, "http.off", {{"port", http_port_}, {"error", listening.error().text}});
  }

  template <class Told>
  static http::Response page(const Told& told, bool text) {
    return text ? http::Response{200, "text/plain", to_text(told)} : http::Response{200, "application/json", to_json(told)};
  }

  io::Task<http::Response> answer_http(http::Request request) {
    if (control_.knows(request.path)) {
      auto answering = control_.answer(std::move(request));
      co_return co_await answering;
    }
    const bool status_page = request.path == "/api/cluster/status";
    if (request.path == "/api/controller") co_return http::Response{200, "application/json", describe_self()};
    if (!status_page && request.path != "/api/versions") co_return http::Response{404, "text/plain", "no such page\n"};
    if (request.method != "GET") co_return http::Response{405, "text/plain", "only GET\n"};
    const auto format = request.query.find("format");
    const bool text = format != request.query.end() && format->second == "text";
    if (core_.roster().is_stranger())
      co_return control_failed(421, core_.roster().self().name + " is no member of the cluster: ask another controller");
    if (status_page) {
      auto asking = core_.status();
      co_return page(co_await asking, text);
    }
    auto asking = core_.versions();
    co_return page(co_await asking, text);
  }

  std::string describe_self() {
    return fmt::format("{{\"name\":{},\"pid\":{},\"version\":{},\"program\":{},\"started_us\":{},\"serving\":{}}}\n",
                       json_text(core_.membership().own().name), getpid(), json_text(FLURM_VERSION), json_text(exec::own_program()),
                       started_us_, core_.port() != 0);
  }

  /// Another program takes this one's place: it is tried first, and takes over when this one has let go of everything.
  io::Task<http::Response> upgrade(Arguments arguments) {
    std::string program = arguments.text("program");
    if (program.empty()) program = exec::own_program();
    if (!program.starts_with('/')) co_return control_failed(400, "'program' must be an absolute path");
    if (successor_ || trying_) co_return control_failed(409, "an upgrade is under way");
    io::Successor successor{program, successor_arguments(program), {}};
    if (!cookie_.empty()) successor.environment.emplace_back("FLURM_COOKIE", cookie_);
    trying_ = true;
    auto work = io::on_worker(loop_, [program, environment = exec::environment_and(successor.environment),
                                      arguments = std::vector<std::string>{"-T", "-f", options_.config_file}] {
      return exec::try_program(program, arguments, environment);
    });
    const Result<std::string> said = co_await work;
    trying_ = false;
    const Result<ProgramFacts> facts = said ? read_facts(*said) : Result<ProgramFacts>(fail(said.error()));
    if (!facts) co_return control_failed(facts.error());
    if (facts->newest_format < core_.replica().format())
      co_return control_failed(409, fmt::format("{} reads formats of the state up to {}, and {} is in use", program,
                                                facts->newest_format, core_.replica().format()));
    successor_ = std::move(successor);
    io::spawn(give_place());
    co_return control_done(fmt::format("{} {} takes over", program, facts->version));
  }

  io::Task<> give_place() {
    auto answering = io::sleep(loop_, kAnswerFirstMs);
    co_await answering;
    if (!successor_) co_return;  // it was told to end
    log(Level::info, "ctld.gives_place", {{"to", successor_->program}});
    io::keep_listening();
    auto stopping = core_.stop(kUpgradePatienceMs);
    co_await stopping;
  }

  /// As this process was started, but never again with -c.
  std::vector<std::string> successor_arguments(const std::string& program) const {
    std::vector<std::string> out{program, "-f", options_.config_file};
    if (options_.foreground) out.push_back("-D");
    for (int i = 0; i < options_.verbose; ++i) out.push_back("-v");
    return out;
  }

  io::Task<> reconfigure() {
    auto work = core_.reconfigure();
    const Result<void> done = co_await work;
    if (!done) log(Level::error, "ctld.reconfigure_failed", {{"error", done.error().text}});
  }

  ServiceOptions options_;
  std::uint16_t http_port_;
  std::string data_dir_;
  std::string cookie_;
  io::Loop loop_;
  Core core_;
  Control control_;
  std::unique_ptr<http::Server> http_;
  std::vector<std::unique_ptr<io::SignalWatch>> signals_;
  // Clients that wait in the queues of sockets that nobody serves should try another controller.
  io::Timer lose_patience_{loop_, [] { io::close_inherited(); }};
  std::string pid_file_;
  Result<void> result_;
  std::int64_t started_us_ = io::now_us();
  std::optional<io::Successor> successor_;
  bool trying_ = false;
};

/// What is known before anything is touched.
struct Plan {
  LoadedConfig loaded;
  conf::FlurmConf flurm_conf;
  Membership membership;
  auth::User slurm_user, node_user;
};

Result<Plan> read_configuration(const ServiceOptions& options) {
  Plan plan;
  FLURM_TRY(plan.loaded, load_config(options.config_file));
  log_diagnostics(plan.loaded.diagnostics);
  if (!plan.loaded.config) return fail(Errc::einval, "{} has errors", options.config_file);
  const conf::Config& config = *plan.loaded.config;
  FLURM_TRY(plan.flurm_conf, load_flurm_conf(options.config_file));
  FLURM_TRY(plan.membership, membership(config, plan.flurm_conf, host_name()));
  auth::Users users;
  FLURM_TRY(plan.slurm_user, users.by_name(config.slurm_user_name));
  FLURM_TRY(plan.node_user, users.by_name(config.slurmd_user_name));
  return plan;
}

/// Returns only when neither the successor nor this program again could be run.
Error give_way_to(io::Successor successor) {
  Error error = io::run_successor(successor);
  log(Level::error, "ctld.upgrade_failed", {{"error", error.text}});
  successor.program = "/proc/self/exe";
  (void)io::run_successor(successor);
  return error;
}

}  // namespace

Result<std::string> check_service(const ServiceOptions& options) {
  FLURM_TRY_VOID(read_configuration(options));
  return own_facts();
}

Result<void> run_service(const ServiceOptions& options) {
  io::take_inherited();
  FLURM_TRY(Plan plan, read_configuration(options));
  const conf::Config& config = *plan.loaded.config;
  std::string backup;  // which SlurmUser may not be allowed to read
  if (!options.restore_file.empty()) {
    FLURM_TRY(backup, exec::read_file(options.restore_file, kBackupMax));
  }
  if (auto became = become(plan.slurm_user); !became) return became;
  if (!options.restore_file.empty()) {
    FLURM_TRY(const std::string restored, restore_backup(backup, config.cluster_name, plan.flurm_conf, plan.membership));
    std::printf("%s\n", restored.c_str());
    return {};
  }
  if (!options.foreground && !io::has_inherited())
    if (auto detached = io::detach(); !detached) return detached;
  if (!log_open("flurmctld", options.foreground && options.verbose ? "" : config.slurmctld_logfile,
                level_of(config.slurmctld_debug, options.verbose)))
    return fail(Errc::io, "cannot write SlurmctldLogFile {}", config.slurmctld_logfile);
  io::ignore_sigpipe();
  umask(0022);
  // Left alone at the end: what still waits for the answer of a node refers to it.
  auto* service = new Service(
      {.config_file = options.config_file, .loaded = std::move(plan.loaded), .flurm_conf = std::move(plan.flurm_conf),
       .membership = std::move(plan.membership), .slurm_user = plan.slurm_user.uid, .node_user = plan.node_user.uid,
       .host = short_host_name()},
      options);
  Result<void> ended = service->run();
  if (!ended || !service->successor()) return ended;
  return fail(give_way_to(*service->successor()));
}

}  // namespace flurm::ctld
