// sim/controller.cpp — see controller.hpp.
#include "sim/controller.hpp"

#include <algorithm>

#include "conf/slurm_conf.hpp"
#include "ctld/core.hpp"
#include "fmt/format.h"
#include "sim/node.hpp"

namespace flurm::sim {
namespace {

io::Task<> start_core(ctld::Core& core, std::function<void(Error)> failed) {
  auto starting = core.start();
  const Result<void> started = co_await starting;
  if (!started) failed(started.error());
}

/// Whether it worked shows in the log's members.
io::Task<> give(io::Task<Result<std::string>> order) {
  (void)co_await order;
}

}  // namespace

std::string slurm_conf(const std::vector<Machine*>& controllers, const std::vector<Machine*>& nodes) {
  std::string out =
      "ClusterName=sim\nSlurmUser=root\nAuthType=auth/munge\nSlurmdTimeout=300\nMessageTimeout=10\n"
      "ReturnToService=2\nMinJobAge=100000\nSelectType=select/cons_tres\nSelectTypeParameters=CR_CPU\n";
  for (const Machine* machine : controllers)
    out += fmt::format("SlurmctldHost={}({})\n", machine->name, machine->address);
  for (const Machine* machine : nodes)
    out += fmt::format("NodeName={} NodeAddr={} CPUs={} RealMemory=4000\n", machine->name, machine->address, kNodeCpus);
  return out + "PartitionName=main Nodes=ALL Default=YES MaxTime=60 DefaultTime=60\n";
}

void Controller::start() {
  World& world = World::the();
  process_ = &world.start_process(machine_);
  failure_.reset();
  ended_ = false;
  world.as(*process_, [this] {
    auto* loop = new io::Loop(1);
    ctld::Setup setup;
    setup.config_file = "/sim/slurm.conf";
    setup.host = machine_.name;
    const auto no_include = [](const std::string& file) -> Result<std::string> { return fail(Errc::io, "{}", file); };
    auto config = conf::parse_slurm_conf(slurm_conf_, setup.config_file, no_include, setup.loaded.diagnostics);
    FLURM_CHECK(config && !conf::has_errors(setup.loaded.diagnostics), "slurm.conf: {}",
                config ? conf::to_string(setup.loaded.diagnostics.front()) : config.error().text);
    setup.loaded.config = std::make_shared<const conf::Config>(std::move(*config));
    setup.flurm_conf.controller_name = machine_.name;
    setup.flurm_conf.cookie = "the secret of the simulation";
    setup.flurm_conf.ra_data_dir = "/sim/" + machine_.name;
    setup.flurm_conf.raft_snapshot_interval = snapshot_interval_;
    auto members = ctld::membership(*setup.loaded.config, setup.flurm_conf, machine_.name);
    FLURM_CHECK(members.has_value(), "the members");
    setup.membership = std::move(*members);
    Process* process = process_;
    const auto ended = [this, process](Result<void> result) {
      ended_ = !result;
      // Whoever finds no room when it starts says so and ends; it is started again.
      if (!result && !machine_.disk.full && !may_be_removed_) failure_ = result.error();
      World::the().kill(*process, false);
    };
    core_ = new ctld::Core(*loop, std::move(setup), ended);
    if (Result<void> opened = core_->open(); !opened) return ended(std::move(opened));
    io::spawn(start_core(*core_, [ended](Error error) { ended(std::unexpected(std::move(error))); }));
  });
}

void Controller::order_add(const std::string& what) {
  World::the().as(*process_, [this, what] { io::spawn(give(core_->cluster_orders().add(what, ""))); });
}

void Controller::order_remove(Controller& other) {
  other.may_be_removed_ = true;
  World::the().as(*process_, [this, &other] { io::spawn(give(core_->cluster_orders().remove(other.machine().name))); });
}

bool is_member(const Controller& asked, const Controller& other) {
  const auto members = asked.core().replicated_log().members();
  const std::uint64_t id = cluster::member_id(other.machine().name);
  return std::ranges::any_of(members, [id](const replog::Member& member) { return member.id == id; });
}

void Controller::stop() {
  World::the().as(*process_, [this] { io::spawn(core_->stop()); });
}

}  // namespace flurm::sim
