// ctld/accounting/link.cpp — see link.hpp.
#include "ctld/accounting/link.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "io/timer.hpp"
#include "wire/msg/dbd_jobs.hpp"

namespace flurm::ctld {

using wire::MsgType;

namespace {

constexpr std::uint16_t kUsualPort = 6819;
/// Pauses between tries: soon again at first, at last as Slurm's controller.
constexpr std::uint64_t kFirstPauseMs = 250, kLastPauseMs = 10'000;
/// How often an idle connection is looked at.
constexpr std::uint64_t kLookMs = 1000;
/// A database may take its time; beyond MessageTimeout, as Slurm waits.
constexpr std::uint64_t kPatienceMs = 35'000;

std::vector<rpc::Address> hosts_of(const conf::Config& config) {
  if (config.accounting_storage_type != "accounting_storage/slurmdbd") return {};
  const std::uint16_t port = config.accounting_storage_port ? config.accounting_storage_port : kUsualPort;
  std::vector<rpc::Address> hosts;
  for (const std::string& host : {config.accounting_storage_host, config.accounting_storage_backup_host})
    if (!host.empty()) hosts.push_back({.host = host, .port = port});
  return hosts;
}

/// Numbers of slurm 22.05 slurm/slurm.h enum select_plugin_type.
std::uint32_t select_plugin(std::string_view name) {
  if (name == "select/linear") return 102;
  return name == "select/cons_res" ? 101 : 109;
}

/// The socket of the munged that the daemon shares with us: AccountingStoragePass, else that of everything else.
std::string munge_socket(const conf::Config& config) {
  std::string socket;
  if (conf::Config::has_option(config.accounting_storage_pass, "socket", &socket)) return socket;
  if (!config.accounting_storage_pass.empty()) return config.accounting_storage_pass;
  conf::Config::has_option(config.authinfo, "socket", &socket);
  return socket;
}

}  // namespace

Result<wire::PersistRc> accounting_rc(const rpc::Response& response) {
  if (!response.is<wire::PersistRc>())
    return fail(Errc::unexpected_msg, "the accounting daemon answered {}", rpc::type_text(response.type()));
  return response.as<wire::PersistRc>();
}

void AccountingLink::configure(const conf::Config& config) {
  const std::vector<rpc::Address> hosts = hosts_of(config);
  const std::string socket = munge_socket(config);
  const bool moved = hosts != hosts_ || socket != socket_;
  hosts_ = hosts;
  cluster_name_ = config.cluster_name;
  own_port_ = static_cast<std::uint16_t>(config.slurmctld_port);
  select_plugin_ = select_plugin(config.select_type);
  timeout_ms_ = std::uint64_t{config.msg_timeout} * 1000 + kPatienceMs;
  if (!moved) return;
  const bool leads = reign_ % 2 == 1;
  if (leads) stop();
  socket_ = socket;
  munge_ = &munges_.try_emplace(socket_, socket_).first->second;
  if (leads) start();
}

void AccountingLink::start() {
  ++reign_;
  if (configured()) io::spawn(keep());
}

void AccountingLink::stop() {
  ++reign_;
  close();
  for (const io::Event& pause : pauses_) pause.set({});
}

void AccountingLink::close() {
  if (connected_) log(Level::info, "accounting.disconnected", {{"from", at_.text()}});
  connected_ = false;
  client_.reset();
}

io::Task<> AccountingLink::rest(std::uint64_t ms) {
  const auto at = pauses_.insert(pauses_.end(), io::Event(loop_));
  auto waiting = at->wait(io::Deadline::in_ms(ms));
  (void)co_await waiting;
  pauses_.erase(at);
}

/// Opens the connection, watches it, and opens it again.
io::Task<> AccountingLink::keep() {
  const std::uint64_t reign = reign_;
  std::uint64_t pause_ms = kFirstPauseMs;
  std::string told;  // the error that stands in the log: once is enough
  while (reign == reign_) {
    Result<void> opened = fail(Errc::communications_connection, "no accounting daemon is configured");
    const std::vector<rpc::Address> hosts = hosts_;
    for (const rpc::Address& host : hosts) {
      auto opening = open(host);
      opened = co_await opening;
      if (reign != reign_) co_return;
      if (opened) break;
    }
    if (opened) {
      log(Level::info, "accounting.connected",
          {{"to", at_.text()}, {"protocol", wire::release_name(client_->version())}});
      connected_ = true;
      pause_ms = kFirstPauseMs;
      told.clear();
      if (ready_) ready_();
      while (client_ && !client_->peer_left()) {
        auto pause = rest(kLookMs);
        co_await pause;
        if (reign != reign_) co_return;
      }
      close();
      continue;
    }
    if (told != opened.error().text) {
      told = opened.error().text;
      log(Level::error, "accounting.unreachable", {{"error", told}});
    }
    auto pause = rest(pause_ms);
    co_await pause;
    pause_ms = std::min(2 * pause_ms, kLastPauseMs);
  }
}

io::Task<Result<void>> AccountingLink::open(rpc::Address to) {
  const std::uint64_t reign = reign_;
  wire::PersistInit greeting;
  greeting.version = wire::kVersions[version_];
  greeting.cluster_name = cluster_name_;
  greeting.persist_type = wire::persist_dbd;
  greeting.port = own_port_;
  rpc::CallOptions options;
  options.timeout_ms = timeout_ms_ - kPatienceMs;
  options.frame_bytes_max = 1u << 30;
  auto opening = rpc::PersistentClient::open(loop_, *munge_, to, std::move(greeting), std::move(options));
  auto client = co_await opening;
  if (reign != reign_) co_return fail(Errc::closed);
  if (!client) {
    // A daemon of a later release may have forgotten the oldest protocols.
    if (client.error().code == Errc::unexpected_msg) version_ = (version_ + 1) % wire::kVersions.size();
    co_return fail(client.error());
  }
  client_ = std::move(*client);
  at_ = std::move(to);
  auto greeted = greet();
  Result<void> done = co_await greeted;
  if (reign == reign_ && !done) client_.reset();
  co_return done;
}

/// Tells who we are, and lets the listeners speak.
io::Task<Result<void>> AccountingLink::greet() {
  const std::uint64_t reign = reign_;
  wire::DbdRegisterCtld words;
  words.port = own_port_;
  words.dimensions = 1;
  words.plugin_id_select = select_plugin_;
  auto registering = ask(MsgType::DBD_REGISTER_CTLD, words);
  const Result<rpc::Response> answer = co_await registering;
  if (!answer) co_return fail(answer.error());
  const auto rc = accounting_rc(*answer);
  if (!rc) co_return fail(rc.error());
  if (rc->rc != 0) co_return fail(static_cast<Errc>(rc->rc), "{} does not register us: {}", at_.text(), rc->comment);
  for (const Listener& listener : listeners_) {
    auto speaking = listener();
    Result<void> spoken = co_await speaking;
    if (reign != reign_) co_return fail(Errc::closed);
    if (!spoken) co_return spoken;
  }
  co_return Result<void>{};
}

io::Task<Result<rpc::Response>> AccountingLink::ask_packed(MsgType type, std::string body) {
  if (!client_) co_return fail(Errc::closed, "no connection to the accounting daemon");
  auto asking = client_->call(type, std::move(body), timeout_ms_);
  Result<rpc::Response> answer = co_await asking;
  co_return answer;
}

}  // namespace flurm::ctld
