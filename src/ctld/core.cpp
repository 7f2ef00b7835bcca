// ctld/core.cpp — see core.hpp.
#include "ctld/core.hpp"

#include <filesystem>

#include "cluster/bytes.hpp"
#include "conf/lines.hpp"
#include "ctld/translate/configure.hpp"
#include "io/clock.hpp"
#include "io/random.hpp"
#include "io/timer.hpp"
#include "io/worker.hpp"
#include "replog/directory.hpp"

namespace flurm::ctld {
namespace {

/// Whose behaviour and output we match; `scontrol show config` prints it.
constexpr const char* kSlurmVersion = "22.05.8";
/// Where Debian's clients look for their plugins.
constexpr const char* kPluginDir = "/usr/lib/x86_64-linux-gnu/slurm-wlm";
/// How long one that is to be removed, and serves nobody any more, waits until it is.
constexpr std::uint64_t kRemovalMs = 10'000;

/// "socket=/path" of AuthInfo.
std::string munge_socket(const conf::Config& config) {
  std::string socket;
  conf::Config::has_option(config.authinfo, "socket", &socket);
  return socket;
}

std::uint64_t random_session() {
  std::uint64_t session = 0;
  while (session == 0) session = cluster::get<std::uint64_t>(io::random_bytes(8), 0);
  return session;
}

}  // namespace

Core::Core(io::Loop& loop, Setup setup, OnEnd on_end)
    : loop_(loop),
      flurm_conf_(std::move(setup.flurm_conf)),
      membership_(std::move(setup.membership)),
      on_end_(std::move(on_end)),
      munge_(munge_socket(*setup.loaded.config)),
      replica_(loop_),
      client_(loop_, munge_),
      accounting_(loop_),
      controller_{.loop = loop_, .replica = replica_, .users = users_, .hosts = hosts_, .munge = munge_, .config = setup.loaded.config},
      books_loader_(controller_, accounting_),
      scheduler_(controller_),
      clockwork_(controller_),
      client_watch_(controller_, client_),
      effects_(controller_, client_, setup.node_user),
      monitor_(controller_, client_, setup.node_user),
      reporter_(controller_, accounting_),
      removal_(loop_,
               [this] {
                 if (!stopping_)
                   end(fail(Errc::timed_out, "the removal of this controller was announced and did not come"));
               }),
      ready_(loop_) {
  controller_.config_file = setup.config_file;
  controller_.files = std::move(setup.loaded.files);
  controller_.slurm_user = setup.slurm_user;
  controller_.boot_time = io::now();
  controller_.statistics.since = controller_.boot_time;
  controller_.build_facts = {.boot_time = controller_.boot_time,
                             .version = kSlurmVersion,
                             .slurm_conf_path = setup.config_file,
                             .host = setup.host,
                             .slurm_user_id = setup.slurm_user,
                             .slurmd_user_id = setup.node_user,
                             .plugindir = kPluginDir,
                             .mail_prog = "/bin/mail"};
  read_cgroup_conf();
  accounting_.configure(*controller_.config);
  controller_.reconfigure = [this] { return reconfigure(); };
  controller_.shut_down = [this](bool nodes_too) {
    if (nodes_too) monitor_.tell_all(wire::MsgType::REQUEST_SHUTDOWN);
    io::spawn(stop());
  };
  controller_.schedule_soon = [this] { scheduler_.request(); };
  controller_.reservation_used = [this] { clockwork_.exchange_now(); };
  controller_.node_registered = [this](const std::string& node) { monitor_.heard_from(node); };
  controller_.launch_taken = [this](const model::Job& job) { return effects_.launch_taken(job); };
  controller_.abort_stray = [this](model::NodeId node, JobId job) { io::spawn(effects_.abort_stray(node, job)); };
  controller_.tell_client = [this](rpc::Address to, wire::MsgType type, std::string body, std::uint16_t version,
                                   std::uint32_t uid) {
    io::spawn(effects_.send_to_client(std::move(to), type, std::move(body), version, uid));
  };
  controller_.tell_node = [this](rpc::Address node, wire::MsgType type, std::string body, std::uint16_t version) {
    io::spawn(effects_.send_to_node(std::move(node), type, std::move(body), version));
  };
  controller_.server_stats = [this] { return server_ ? server_->stats() : rpc::Stats{}; };
  controller_.reset_server_stats = [this] { server_->reset_stats(); };
}

void Core::end(Result<void> result) {
  if (on_end_) std::exchange(on_end_, nullptr)(std::move(result));
}

io::Task<> Core::close() {
  if (roster_) roster_->stop();
  if (cluster_orders_) cluster_orders_->stop();
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
  if (roster_) {
    auto ended = roster_->ended();
    co_await ended;
  }
  if (cluster_orders_) {
    auto ended = cluster_orders_->ended();
    co_await ended;
  }
}

replog::RaftOptions Core::raft_options() {
  replog::RaftOptions raft;
  raft.directory = flurm_conf_.ra_data_dir;
  raft.self = membership_.own().id;
  raft.members = log_members(membership_);
  raft.transport = link_.get();
  raft.snapshot_threshold = flurm_conf_.raft_snapshot_interval;
  // libraft draws each timeout between this and twice as much.
  raft.election_timeout_ms = flurm_conf_.raft_election_timeout_min_ms;
  raft.heartbeat_ms = flurm_conf_.raft_heartbeat_interval_ms;
  return raft;
}

/// The controller link, whose members are known to each other by the ids that their logs have.
Result<void> Core::open_link() {
  if (membership_.members.size() % 2 == 0)
    log(Level::warn, "cluster.even",
        {{"controllers", membership_.members.size()}, {"effect", "one less would be as safe: use 1, 3, 5 or 7"}});
  if (membership_.members.size() == 1)
    if (const auto owner = replog::directory_owner(flurm_conf_.ra_data_dir)) membership_.members[0].id = *owner;
  link_ = cluster::Link::make(loop_, {.cluster_name = controller_.config->cluster_name,
                                      .self = membership_.own().id,
                                      .members = membership_.members,
                                      .secret = flurm_conf_.cookie,
                                      .tls = static_cast<cluster::LinkTls>(flurm_conf_.link_tls),
                                      .version = FLURM_VERSION,
                                      .listen_host = membership_.link_host});
  link_->on_call(cluster::CallKind::reread, [this](std::uint64_t, std::string) { return reread_for_another(); });
  return link_->start();
}

Result<void> Core::open() {
  if (Result<void> linked = open_link(); !linked) return linked;
  log_ = replog::make_raft_log(loop_, replica_, raft_options());
  roster_.emplace(loop_, *link_, *log_, membership_.members);
  colleagues_.emplace(loop_, *log_, replica_, Colleagues::Options{.self = link_->self(), .session = random_session()},
                      *link_);
  replica_.attach(*log_, *colleagues_);
  watch_concord();
  watch_roster();
  formats_.emplace(loop_, *link_, replica_, FLURM_VERSION, flurm_conf_.state_format);
  formats_->on_raised([this] { io::spawn(configure_again()); });
  answer_status(*link_, *log_, FLURM_VERSION);
  colleagues_->on_proposed([this] { scheduler_.request(); });
  replica_.on_change([this] {
    effects_.look();
    reporter_.look();
    look_ready();
  });
  log_->on_fatal([this](Error error) {
    error = with_advice(std::move(error));
    log(Level::fatal, "ctld.log_failed", {{"error", error.text}});
    end(std::unexpected(std::move(error)));
  });
  log_->on_leadership([this](bool leads) {
    log(Level::info, "ctld.leadership", {{"leads", leads ? "yes" : "no"}});
    ++reign_;
    if (leads)
      io::spawn(lead());
    else
      follow();
  });
  return {};
}

/// Where others have the log, too, a damaged one is no loss.
Error Core::with_advice(Error error) const {
  if (error.code == Errc::corrupt && membership_.members.size() > 1)
    error.text += fmt::format("; with \"flurm cluster rebuild {}\" this controller gets everything from the others",
                              flurm_conf_.ra_data_dir);
  return error;
}

io::Task<Result<void>> Core::start() {
  const std::string& directory = flurm_conf_.ra_data_dir;
  auto waiting = roster_->wait_to_begin(replog::directory_owner(directory) && !replog::directory_is_joining(directory));
  if (const bool begins = co_await waiting; !begins) co_return Result<void>{};
  auto starting = log_->start();
  const Result<void> started = co_await starting;
  if (!started) co_return std::unexpected(with_advice(started.error()));
  roster_->start();
  auto readying = become_ready();
  const Result<void> ready = co_await readying;
  if (stopping_ || leaving_) co_return Result<void>{};
  if (!ready) co_return ready;

  auto listening = rpc::Server::listen(loop_, munge_, server_options(), [this](rpc::Request request) {
    return dispatch(controller_, Call(std::move(request)));
  });
  if (!listening) co_return std::unexpected(listening.error());
  server_ = std::move(*listening);
  const auto state = replica_.snapshot();
  log(Level::info, "ctld.started",
      {{"cluster", state->settings.cluster_name},
       {"controller", membership_.own().name},
       {"port", server_->port()},
       {"nodes", state->node_ids->size()},
       {"partitions", state->partitions.size()},
       {"jobs", state->jobs.size()},
       {"applied", log_->position().applied}});
  co_return Result<void>{};
}

io::Task<ClusterStatus> Core::status() {
  auto asking = cluster_status(loop_, *link_, *log_, FLURM_VERSION);
  ClusterStatus status = co_await asking;
  const auto state = replica_.snapshot();
  if (state->drain.on) status.drain = state->drain.text();
  if (accounting_.configured())
    status.accounting = AccountingStatus{.waiting = state->reports.size(), .connected = accounting_.connected()};
  co_return status;
}

void Core::watch_concord() {
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
        end(std::unexpected(std::move(error)));
      });
  link_->on_call(
      cluster::CallKind::state_hash,
      [this](std::uint64_t, std::string body) -> io::Task<Result<std::string>> { co_return concord_->answer(body); });
  replica_.on_applied([this](std::uint64_t index) { concord_->applied(index, replica_); });
}

void Core::watch_roster() {
  roster_->on_change([this] {
    colleagues_->set_others(roster_->other_voters());
    std::vector<std::uint64_t> others;
    for (const cluster::Member& member : roster_->members())
      if (member.id != link_->self()) others.push_back(member.id);
    concord_->set_others(std::move(others));
  });
  roster_->on_removed([this] { io::spawn(stop()); });
  cluster_orders_.emplace(
      loop_, *link_, *log_, *roster_,
      ClusterOrders::Options{.default_port = flurm_conf_.controller_port,
                             .has_secret = !flurm_conf_.cookie.empty(),
                             .locate = [this](std::string_view name) -> std::optional<cluster::Member> {
                               const auto named = configured_members(*controller_.config, flurm_conf_);
                               for (const cluster::Member& member : named.value_or(std::vector<cluster::Member>{}))
                                 if (conf::same_word(member.name, name)) return member;
                               return {};
                             },
                             .leave = [this] { return leave(); }});
}

/// What clients have asked for is answered while the others still take it from here.
io::Task<> Core::leave() {
  if (stopping_) co_return;
  leaving_ = true;
  removal_.start(kRemovalMs);
  if (!server_) co_return;
  log(Level::info, "ctld.leaving");
  auto finished = server_->finish(2000);
  co_await finished;
}

std::string Core::reached_members() const {
  std::string names;
  for (const cluster::Peer& peer : link_->peers())
    if (peer.connected) names += (names.empty() ? "" : ",") + peer.member.name;
  return names;
}

/// Waits until there is something to serve: alone, when this process has applied its configuration; among several,
/// when any of them has.
io::Task<Result<void>> Core::become_ready() {
  look_ready();
  for (std::uint64_t patience_ms = 5'000; !ready_.is_set() && !stopping_; patience_ms = 60'000) {
    auto waiting = ready_.wait(io::Deadline::in_ms(patience_ms));
    if (const auto waited = co_await waiting; waited) break;
    ready_ = io::Event(loop_);
    look_ready();
    if (alone()) co_return fail(Errc::not_leader, "no leader after {} s", patience_ms / 1000);
    log(Level::warn, "cluster.waiting",
        {{"for", log_->leader() ? "a configuration" : "enough controllers to choose a leader"},
         {"controllers", roster_->members().size()},
         {"reached", reached_members()}});
  }
  co_return refused_ ? Result<void>(fail(*refused_)) : Result<void>{};
}

void Core::look_ready() {
  const bool configured = configured_ || (!alone() && !replica_.snapshot()->settings.cluster_name.empty());
  if (configured || refused_ || stopping_) ready_.set({});
}

/// What only the leader does.
io::Task<> Core::lead() {
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
  client_watch_.start();
  scheduler_.start();
  formats_->start();
  reporter_.start();
  accounting_.start();
}

void Core::follow() {
  accounting_.stop();
  reporter_.stop();
  if (formats_) formats_->stop();
  monitor_.stop();
  clockwork_.stop();
  client_watch_.stop();
  scheduler_.stop();
  effects_.stop();
}

rpc::ServerOptions Core::server_options() const {
  rpc::ServerOptions options;
  options.port = static_cast<std::uint16_t>(controller_.config->slurmctld_port);
  options.host = membership_.rpc_host;
  options.prepare = [this](rpc::Request& request) {
    // Name services may block: ask them here, so that the handler finds the answers remembered.
    if (request.type() != wire::MsgType::REQUEST_SUBMIT_BATCH_JOB &&
        request.type() != wire::MsgType::REQUEST_RESOURCE_ALLOCATION)
      return;
    (void)users_.by_uid(request.identity.uid);
    (void)hosts_.look_up(request.peer);
  };
  return options;
}

void Core::read_cgroup_conf() {
  const auto text = controller_.files.find("cgroup.conf");
  cgroup_conf_.reset();
  if (text != controller_.files.end()) {
    std::vector<conf::Diagnostic> problems;
    const auto no_include = [](const std::string& file) -> Result<std::string> { return fail(Errc::io, "{}", file); };
    if (auto parsed = conf::parse_cgroup_conf(text->second, "cgroup.conf", no_include, problems))
      cgroup_conf_ = *parsed;
    log_diagnostics(problems);
  }
  controller_.build_facts.cgroup_conf = cgroup_conf_ ? &*cgroup_conf_ : nullptr;
}

Result<conf::TopologyConf> Core::read_topology() const {
  const auto text = controller_.files.find("topology.conf");
  if (text == controller_.files.end() || controller_.config->topology_plugin != "topology/tree") return conf::TopologyConf{};
  std::vector<conf::Diagnostic> problems;
  const auto no_include = [](const std::string& file) -> Result<std::string> { return fail(Errc::io, "{}", file); };
  auto parsed = conf::parse_topology_conf(text->second, "topology.conf", no_include, problems);
  log_diagnostics(problems);
  return parsed;
}

io::Task<Result<void>> Core::propose_configuration(bool at_start) {
  auto topology = read_topology();
  if (!topology) co_return std::unexpected(topology.error());
  state::Configure command = configure_command(*controller_.config, controller_.slurm_user, *topology);
  command.keep_updates = at_start;
  auto proposal = replica_.propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->code != Errc::success) co_return fail(reply->code, "{}", reply->text);
  co_return Result<void>{};
}

/// A newer format of the state has room for more of the configuration.
io::Task<> Core::configure_again() {
  auto configuring = propose_configuration(true);
  if (const Result<void> done = co_await configuring; !done)
    log(Level::error, "ctld.configuration_refused", {{"error", done.error().text}});
}

io::Task<Result<void>> Core::reread() {
  auto work = io::on_worker(loop_, [file = controller_.config_file] { return load_config(file); });
  Result<LoadedConfig> loaded = co_await work;
  if (!loaded) co_return std::unexpected(loaded.error());
  log_diagnostics(loaded->diagnostics);
  if (!loaded->config) co_return fail(Errc::einval, "slurm.conf has errors; the old configuration stays");
  controller_.config = loaded->config;
  controller_.files = std::move(loaded->files);
  read_cgroup_conf();
  accounting_.configure(*controller_.config);
  users_.clear();
  hosts_.clear();
  if (on_reread_) on_reread_(*controller_.config);
  co_return Result<void>{};
}

io::Task<Result<std::string>> Core::reread_for_another() {
  auto reading = reread();
  const Result<void> done = co_await reading;
  controller_.info_cache.clear();
  if (!done) log(Level::error, "ctld.reconfigure_failed", {{"error", done.error().text}});
  co_return done ? Result<std::string>("") : fail(done.error());
}

/// The others lead some day, and must not know less then than the state does.
io::Task<> Core::tell_to_reread(cluster::Member member) {
  auto call = link_->call(member.id, cluster::CallKind::reread, {}, 10'000);
  const Result<std::string> told = co_await call;
  if (!told)
    log(Level::warn, "ctld.reconfigure_not_heard", {{"controller", member.name}, {"error", told.error().text}});
}

io::Task<Result<void>> Core::reconfigure() {
  auto reading = reread();
  Result<void> read = co_await reading;
  if (!read) co_return read;
  for (const cluster::Member& member : roster_->members())
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

io::Task<> Core::stop(std::uint64_t patience_ms) {
  if (stopping_) co_return;
  stopping_ = true;
  roster_->stop();
  log(Level::info, "ctld.stopping");
  look_ready();
  if (log_ && server_) {
    // What clients have asked for goes to the next leader while this process still answers them.
    auto handing_over = log_->hand_over();
    (void)co_await handing_over;
  }
  ++reign_;
  follow();
  if (server_) {
    auto finished = server_->finish(patience_ms);
    co_await finished;
  }
  auto closing = close();
  co_await closing;
  end({});
}

}  // namespace flurm::ctld
