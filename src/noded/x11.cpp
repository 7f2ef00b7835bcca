// noded/x11.cpp — see x11.hpp.
// Source: slurm 22.05 src/slurmd/slurmd/req.c _setup_x11_display(), _spawn_prolog_stepd().
#include "noded/x11.hpp"

#include <algorithm>

#include "base/hostlist.hpp"
#include "exec/environment.hpp"
#include "fmt/format.h"

namespace flurm::noded {
namespace {

// slurm 22.05 slurm/slurm.h X11_FORWARD_*
constexpr std::uint16_t kAll = 1, kBatch = 2, kFirst = 4, kLast = 8;

}  // namespace

bool shows_display(std::uint16_t x11, std::string_view nodes, std::string_view node_name) {
  if (x11 & kAll) return true;
  const auto names = expand_hosts(nodes);
  if (x11 == 0 || !names || names->empty()) return false;
  // The first node is the batch host.
  if (x11 & (kFirst | kBatch) && names->front() == node_name) return true;
  return x11 & kLast && names->back() == node_name;
}

std::optional<exec::StepX11> x11_of(const wire::PrologLaunch& order, std::uint16_t version, const NodeFacts& facts,
                                    const conf::Config& config) {
  if (!shows_display(order.x11, order.nodes, facts.node_name)) return std::nullopt;
  exec::StepX11 x11{.job_id = order.job_id.v,
                    .client_host = order.x11_alloc_host,
                    .client_port = order.x11_alloc_port,
                    .version = version,
                    .cookie = order.x11_magic_cookie,
                    .target = order.x11_target,
                    .target_port = order.x11_target_port,
                    .directory = {},
                    .munge_socket = {}};
  if (config.x11_params.find("home_xauthority") == std::string::npos)
    x11.directory = conf::expand_node_path(config.tmp_fs, {.name = facts.node_name, .hostname = facts.host_name});
  (void)conf::Config::has_option(config.authinfo, "socket", &x11.munge_socket);
  return x11;
}

void set_display(exec::StepLaunch& plan, const exec::StepState* extern_step) {
  if (!extern_step) return;
  exec::Environment env(plan.env);
  if (extern_step->x11_display == 0) {
    env.set("DISPLAY", "SLURM_X11_SETUP_FAILED");
  } else {
    env.set("DISPLAY", fmt::format("localhost:{}.0", extern_step->x11_display));
    env.set("XAUTHORITY", extern_step->xauthority);
  }
  plan.env = env.entries();
}

}  // namespace flurm::noded
