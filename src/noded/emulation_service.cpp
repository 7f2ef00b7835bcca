// noded/emulation_service.cpp — one process that stands for many nodes: a listener for each, one way to the controller.
#include <signal.h>
#include <sys/resource.h>

#include <deque>
#include <memory>
#include <vector>

#include "auth/munge.hpp"
#include "io/detach.hpp"
#include "io/timer.hpp"
#include "noded/controller_client.hpp"
#include "noded/daemon.hpp"
#include "noded/emulation.hpp"
#include "noded/node_config.hpp"
#include "noded/service.hpp"
#include "rpc/forward.hpp"
#include "rpc/server.hpp"

namespace flurm::noded {
namespace {

/// Nodes that register at the same time.
constexpr std::size_t kRegistering = 64;
/// For connections, beside one descriptor for each node.
constexpr rlim_t kSpareDescriptors = 1024;

Result<void> raise_descriptor_limit(std::size_t nodes) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t needed = nodes + kSpareDescriptors;
  if (limit.rlim_cur >= needed) return {};
  limit.rlim_cur = needed;
  limit.rlim_max = std::max(limit.rlim_max, needed);  // root may
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
  return fail(Errc::einval, "{} nodes need {} file descriptors; the limit (ulimit -n) is lower", nodes, needed);
}

class Emulation {
 public:
  explicit Emulation(EmulatedSite site)
      : config_(std::move(site.config)),
        munge_(site.munge_socket),
        client_(loop_, munge_),
        controller_(client_, config_, site.slurm_user_id),
        forwarder_(client_, [this](const std::string& name) { return address_of(name); }),
        shared_{.loop = loop_,
                .controller = controller_,
                .slurm_user_id = site.slurm_user_id,
                .version = "flurm-" FLURM_VERSION,
                .host_name = short_host_name(),
                .arch = site.arch,
                .os = site.os,
                .config_hash = config_.hash_val,
                .shut_down = [this] { loop_.stop(); }} {
    for (EmulatedSite::Node& node : site.nodes)
      nodes_.emplace_back(shared_, std::move(node.definition), std::move(node.gres));
  }

  Result<void> run() {
    io::ignore_sigpipe();
    for (EmulatedNode& node : nodes_) {
      rpc::ServerOptions server;
      server.port = node.definition().port;
      server.accept_replayed = true;  // forwarded credentials come to several nodes of this process
      server.forwarder = &forwarder_;
      FLURM_TRY(auto listening, rpc::Server::listen(loop_, munge_, server, [&node](rpc::Request request) {
                  return node.handle(std::move(request));
                }));
      servers_.push_back(std::move(listening));
    }
    io::SignalWatch terminate(loop_, SIGTERM, [this] { loop_.stop(); });
    io::SignalWatch interrupt(loop_, SIGINT, [this] { loop_.stop(); });
    io::SignalWatch reopen(loop_, SIGUSR2, [] { log_reopen(); });
    log(Level::info, "emulation.started", {{"nodes", nodes_.size()}});
    for (std::size_t i = 0; i < kRegistering; ++i) io::spawn(register_some(*this));
    loop_.run();
    log(Level::info, "emulation.stopped");
    return {};
  }

 private:
  static io::Task<void> register_some(Emulation& self) {
    while (self.registered_ < self.nodes_.size()) {
      auto registering = self.nodes_[self.registered_++].register_node();
      co_await registering;
    }
  }

  Result<rpc::Address> address_of(const std::string& name) const {
    const auto index = find_node(config_, name, {});
    if (!index) return fail(Errc::invalid_node_name, "{}", name);
    const conf::NodeDef& node = config_.nodes[*index];
    return rpc::Address{node.addr.empty() ? node.hostname : node.addr, node.port};
  }

  conf::Config config_;
  io::Loop loop_;
  auth::Munge munge_;
  rpc::Client client_;
  ControllerClient controller_;
  rpc::Forwarder forwarder_;
  EmulationContext shared_;
  std::deque<EmulatedNode> nodes_;
  std::vector<std::unique_ptr<rpc::Server>> servers_;
  std::size_t registered_ = 0;
};

}  // namespace

Result<void> run_emulation(const ServiceOptions& options, const std::string& nodes) {
  log_open("flurmnd", "", level_of(conf::kLogInfo, options.verbose));
  std::vector<conf::Diagnostic> problems;
  auto site = load_emulated(options.conf_file, nodes, problems);
  log_problems(problems);
  if (!site) return std::unexpected(site.error());
  if (site->nodes.empty()) return fail(Errc::invalid_node_name, "{} names no node", options.conf_file);
  FLURM_TRY_VOID(raise_descriptor_limit(site->nodes.size()));
  const Level level = level_of(site->config.slurmd_debug, options.verbose);
  if (!options.foreground) FLURM_TRY_VOID(io::detach());
  if (!options.log_file.empty() && !log_open("flurmnd", options.log_file, level))
    return fail(Errc::io, "cannot open the log {}", options.log_file);
  // Left alone at the end, as in run_service(): coroutines under way refer to it.
  auto* emulation = new Emulation(std::move(*site));
  return emulation->run();
}

}  // namespace flurm::noded
