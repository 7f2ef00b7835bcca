// noded/service.cpp — see service.hpp.
#include "noded/service.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "auth/munge.hpp"
#include "base/log.hpp"
#include "exec/program.hpp"
#include "io/detach.hpp"
#include "io/successor.hpp"
#include "io/timer.hpp"
#include "io/worker.hpp"
#include "noded/configless.hpp"
#include "noded/controller_client.hpp"
#include "noded/daemon.hpp"
#include "noded/node_config.hpp"
#include "noded/node_service.hpp"
#include "noded/spank.hpp"
#include "rpc/forward.hpp"
#include "rpc/server.hpp"

namespace flurm::noded {
namespace {

constexpr std::uint64_t kDrainMs = 1000, kUpgradeDrainMs = 5000;

/// Makes the spool directory and holds a lock in it: two daemons would adopt each other's steps.
Result<exec::Fd> lock_spool(const std::string& spool) {
  if (mkdir(spool.c_str(), 0755) != 0 && errno != EEXIST) return fail(Errc::io, "{}: {}", spool, std::strerror(errno));
  const std::string path = spool + "/flurmnd.lock";
  exec::Fd lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return fail(Errc::io, "another flurmnd runs with {}", spool);
  return lock;
}

class MungeCredentials final : public CredentialPort {
 public:
  MungeCredentials(io::Loop& loop, const auth::Munge& munge, const std::uint32_t& signer)
      : loop_(loop), munge_(munge), signer_(signer) {}

  io::Task<Result<void>> verify(std::string signed_bytes, std::string signature) override {
    auto verifying =
        io::on_worker(loop_, [&munge = munge_, bytes = std::move(signed_bytes), text = std::move(signature),
                              signer = signer_] { return auth::verify(munge, text, bytes, signer); });
    co_return co_await verifying;
  }

 private:
  io::Loop& loop_;
  const auth::Munge& munge_;
  const std::uint32_t& signer_;
};

/// srun and sattach answer each message, so that it is known to have arrived.
class RpcClients final : public ClientPort {
 public:
  explicit RpcClients(rpc::Client& client) : client_(client) {}

  io::Task<Result<void>> tell(ClientAddress to, Outgoing message) override {
    rpc::CallOptions options;
    options.restrict_uid = to.uid;
    Error last{Errc::communications_connection, to.host};
    for (int tries = 0; tries < kTries; ++tries) {
      if (tries > 0) {
        auto pause = io::sleep(client_.loop(), kPauseMs);
        co_await pause;
      }
      auto calling = client_.call({to.host, to.port}, message.type, message.body(to.version), to.version, options);
      auto answer = co_await calling;
      if (answer) co_return Result<void>{};
      last = answer.error();
    }
    co_return fail(std::move(last));
  }

 private:
  static constexpr int kTries = 3;
  static constexpr std::uint64_t kPauseMs = 100;
  rpc::Client& client_;
};

class RpcNodes final : public NodePort {
 public:
  RpcNodes(rpc::Client& client, std::function<Result<rpc::Address>(const std::string&)> address_of)
      : client_(client), address_of_(std::move(address_of)) {}

  io::Task<Result<std::uint32_t>> ask(std::string node_name, Outgoing message) override {
    auto address = address_of_(node_name);
    if (!address) co_return std::unexpected(address.error());
    auto calling = client_.call(*address, message.type, message.body(kVersion), kVersion, {});
    auto answer = co_await calling;
    if (!answer) co_return std::unexpected(answer.error());
    if (!answer->is<wire::ReturnCode>()) co_return fail(Errc::unexpected_msg, "{}", node_name);
    co_return answer->as<wire::ReturnCode>().return_code;
  }

 private:
  static constexpr std::uint16_t kVersion = wire::v22_05;  // the oldest that all nodes know
  rpc::Client& client_;
  std::function<Result<rpc::Address>(const std::string&)> address_of_;
};

class Service {
 public:
  Service(const NodeOptions& options, bool configless, LoadedNode loaded, std::vector<std::string> arguments)
      : options_(options),
        arguments_(std::move(arguments)),
        configless_(configless),
        munge_(loaded.munge_socket),
        children_(loop_),
        client_(loop_, munge_),
        clients_(client_),
        nodes_(client_, [this](const std::string& name) { return address_of(name); }),
        controller_(client_, loaded.setup.config, loaded.setup.slurm_user_id),
        credentials_(loop_, munge_, signer_),
        port_(loaded.node.port),
        accept_replayed_(loaded.shares_machine),
        node_(loop_, children_, std::move(loaded.setup), controller_, clients_, nodes_, credentials_),
        forwarder_(client_, [this](const std::string& name) { return address_of(name); }),
        service_(node_, "flurm-" FLURM_VERSION, actions()) {
    signer_ = node_.setup.slurm_user_id;
  }

  Result<void> run() {
    io::ignore_sigpipe();
    rpc::ServerOptions server;
    server.port = port_;
    server.accept_replayed = accept_replayed_;
    server.forwarder = &forwarder_;
    FLURM_TRY(server_, rpc::Server::listen(loop_, munge_, server, [this](rpc::Request request) {
                return service_.handle(std::move(request));
              }));
    FLURM_TRY(node_.spank, spank_.start(spank_program(options_.supervisor_program), node_.setup.settings));
    spank_.watch(children_);
    io::SignalWatch terminate(loop_, SIGTERM, [this] { stop(); });
    io::SignalWatch interrupt(loop_, SIGINT, [this] { stop(); });
    io::SignalWatch hang_up(loop_, SIGHUP, [this] { reconfigure(); });
    io::SignalWatch reopen(loop_, SIGUSR2, [] { log_reopen(); });
    io::SignalWatch replace(loop_, SIGUSR1, [this] { io::spawn(upgrade(*this)); });
    io::close_inherited();
    // The supervisors that a program before this one started are still children of this process.
    if (io::has_inherited())
      for (const int child : exec::own_children()) children_.watch(child, [](int, const rusage&) {});
    log(Level::info, "noded.started", {{"node", node_.setup.facts.node_name}, {"port", server_->port()}});
    io::spawn(service_.start());
    loop_.run();
    // What is still under way refers to this object: end the process with it rather than take it apart.
    log(Level::info, "noded.stopped", {{"node", node_.setup.facts.node_name}});
    return {};
  }

  /// What is to take this program's place when run() has returned.
  const std::optional<io::Successor>& successor() const { return successor_; }

 private:
  NodeActions actions() {
    return {.reconfigure = [this] { reconfigure(); },
            .take_configuration = [this](const wire::ConfigResponse& files) { take(files); },
            .shut_down = [this] { stop(); }};
  }

  Result<rpc::Address> address_of(const std::string& name) const {
    const conf::Config& config = node_.setup.config;
    const auto index = find_node(config, name, {});
    if (!index) return fail(Errc::invalid_node_name, "{}", name);
    const conf::NodeDef& node = config.nodes[*index];
    return rpc::Address{node.addr.empty() ? node.hostname : node.addr, node.port};
  }

  void take(const wire::ConfigResponse& files) {
    if (configless_) {
      auto stored = store_configuration(files, node_.setup.settings.spool_directory);
      if (!stored) log(Level::error, "noded.config", {{"problem", stored.error().text}});
    }
    reconfigure();
  }

  void reconfigure() {
    std::vector<conf::Diagnostic> problems;
    auto loaded = load_node(options_, problems);
    log_problems(problems);
    if (!loaded) {
      log(Level::error, "noded.reconfigure_failed", {{"error", loaded.error().text}});
      return;
    }
    // Where jobs are kept cannot move under them.
    loaded->setup.settings.spool_directory = node_.setup.settings.spool_directory;
    node_.setup = std::move(loaded->setup);
    signer_ = node_.setup.slurm_user_id;
    controller_.reset(node_.setup.config, node_.setup.slurm_user_id);
    node_.users.clear();
    log_set_level(level_of(node_.setup.config.slurmd_debug, 0));
    log(Level::info, "noded.reconfigured");
    service_.registration().register_node();
  }

  void stop() {
    if (std::exchange(stopping_, true)) return;
    io::spawn(finish(*this));
  }
  static io::Task<void> finish(Service& self) {
    auto draining = self.server_->finish(self.successor_ ? kUpgradeDrainMs : kDrainMs);
    co_await draining;
    auto ending = self.spank_.end(self.loop_, self.children_);
    co_await ending;
    self.loop_.stop();
  }

  /// The other program is tried first; jobs do not notice, for their supervisors have nothing to do with it.
  static io::Task<void> upgrade(Service& self) {
    if (self.stopping_ || std::exchange(self.trying_, true)) co_return;
    const std::string program = exec::own_program();
    std::vector<std::string> arguments = self.arguments_;
    arguments.insert(arguments.begin(), "-T");
    auto work = io::on_worker(self.loop_, [program, arguments, environment = exec::environment_and({})] {
      return exec::try_program(program, arguments, environment);
    });
    const Result<std::string> said = co_await work;
    self.trying_ = false;
    if (!said || !said->starts_with("flurmnd version ")) {
      log(Level::error, "noded.upgrade_refused", {{"program", program}, {"error", said ? *said : said.error().text}});
      co_return;
    }
    if (self.stopping_) co_return;
    log(Level::info, "noded.gives_place", {{"to", *said}});
    self.successor_ = io::Successor{program, std::move(self.arguments_), {}};
    self.successor_->argv.insert(self.successor_->argv.begin(), program);
    io::keep_listening();
    self.stop();
  }

  NodeOptions options_;
  std::vector<std::string> arguments_;
  bool configless_;
  io::Loop loop_;
  auth::Munge munge_;
  io::ChildWatch children_;
  rpc::Client client_;
  RpcClients clients_;
  RpcNodes nodes_;
  ControllerClient controller_;
  std::uint32_t signer_ = 0;
  MungeCredentials credentials_;
  std::uint16_t port_;
  bool accept_replayed_;
  NodeContext node_;
  rpc::Forwarder forwarder_;
  NodeService service_;
  std::unique_ptr<rpc::Server> server_;
  SpankHost spank_;
  std::optional<io::Successor> successor_;
  bool stopping_ = false, trying_ = false;
};

io::Task<void> fetch_into(io::Loop& loop, rpc::Client& client, std::string servers,
                          Result<wire::ConfigResponse>& result) {
  auto fetching = fetch_configuration(client, std::move(servers));
  result = co_await fetching;
  loop.stop();
}

/// Configless: asks for the files and stores them; returns the path of slurm.conf.
Result<std::string> fetch_and_store(const ServiceOptions& options) {
  Result<wire::ConfigResponse> files = fail(Errc::communications_connection);
  {
    io::Loop loop;
    auth::Munge munge;
    rpc::Client client(loop, munge);
    io::spawn(fetch_into(loop, client, options.conf_server, files));
    loop.run();
  }
  if (!files) return fail(files.error().code, "configuration from {}: {}", options.conf_server, files.error().text);
  const conf::NodeDef self{.name = options.node_name.empty() ? short_host_name() : options.node_name,
                           .hostname = short_host_name()};
  return store_configuration(*files, conf::expand_node_path(files->slurmd_spooldir, self));
}

NodeOptions node_options(const ServiceOptions& options) {
  return {.conf_file = options.conf_file,
          .node_name = options.node_name,
          .log_file = options.log_file,
          .supervisor_program = options.supervisor_program,
          .dynamic = options.dynamic,
          .dynamic_conf = options.dynamic_conf,
          .booted = options.booted};
}

}  // namespace

Result<std::string> print_hardware() {
  FLURM_TRY(const Hardware hardware, detect_hardware());
  return describe(short_host_name(), hardware, uptime_s());
}

Result<std::string> check_service(const ServiceOptions& options) {
  if (options.conf_server.empty()) {
    std::vector<conf::Diagnostic> problems;
    FLURM_TRY_VOID(load_node(node_options(options), problems));
  }
  if (access(options.supervisor_program.c_str(), X_OK) != 0)
    return fail(Errc::io, "{}: {}", options.supervisor_program, std::strerror(errno));
  return "flurmnd version " FLURM_VERSION "\n";
}

Result<std::string> print_gres(const ServiceOptions& options) {
  std::vector<conf::Diagnostic> problems;
  const auto node = load_node(node_options(options), problems);
  for (const conf::Diagnostic& each : problems) std::fprintf(stderr, "flurmnd: %s\n", to_string(each).c_str());
  if (!node) return std::unexpected(node.error());
  return describe(node->setup.gres, node->setup.hardware.cpus);
}

Result<void> run_service(const ServiceOptions& options) {
  io::take_inherited();
  log_open("flurmnd", "", level_of(conf::kLogInfo, options.verbose));
  NodeOptions node = node_options(options);
  if (!options.conf_server.empty()) {
    FLURM_TRY(node.conf_file, fetch_and_store(options));
  }
  setenv("SLURM_CONF", node.conf_file.c_str(), 1);
  std::vector<conf::Diagnostic> problems;
  auto loaded = load_node(node, problems);
  log_problems(problems);
  if (!loaded) return std::unexpected(loaded.error());
  const NodeSetup& setup = loaded->setup;
  if (access(node.supervisor_program.c_str(), X_OK) != 0) {
    return fail(Errc::io, "{}: {}", node.supervisor_program, std::strerror(errno));
  }
  FLURM_TRY(const exec::Fd lock, lock_spool(setup.settings.spool_directory));
  if (options.clean_start) unlink((setup.settings.spool_directory + "/ended_jobs").c_str());
  if (!options.foreground && !io::has_inherited()) FLURM_TRY_VOID(io::detach());
  const std::string& log_file = setup.settings.log_file;
  if (!log_file.empty() && !log_open("flurmnd", log_file, level_of(setup.config.slurmd_debug, options.verbose))) {
    return fail(Errc::io, "cannot open the log {}", log_file);
  }
  const std::string pid_file = conf::expand_node_path(setup.config.slurmd_pidfile, loaded->node);
  if (auto written = exec::replace_file(pid_file, std::to_string(getpid()) + "\n", 0644); !written) {
    log(Level::warn, "noded.no_pid_file", {{"error", written.error().text}});
  }
  // Left alone at the end: coroutines under way refer to it.
  auto* service = new Service(node, !options.conf_server.empty(), std::move(*loaded), options.arguments);
  auto result = service->run();
  if (result && service->successor()) {
    const Error error = io::run_successor(*service->successor());
    log(Level::error, "noded.upgrade_failed", {{"error", error.text}});
    io::Successor itself = *service->successor();
    itself.program = "/proc/self/exe";
    result = fail(io::run_successor(itself));
  }
  unlink(pid_file.c_str());
  return result;
}

}  // namespace flurm::noded
