// sim/scenario.cpp — see scenario.hpp.
#include "sim/scenario.hpp"

#include <cstdio>
#include <functional>
#include <memory>
#include <vector>

#include "ctld/core.hpp"
#include "fmt/format.h"
#include "sim/client.hpp"
#include "sim/controller.hpp"
#include "sim/judge.hpp"
#include "sim/node.hpp"
#include "sim/world.hpp"

namespace flurm::sim {
namespace {

class Scenario {
 public:
  Scenario(std::uint64_t seed, bool trace) : world_(seed), trace_(trace) {}

  Outcome run() {
    build();
    const Micros begin = world_.now();
    const Micros end_of_faults = begin + world_.random().between(6, 18) * kSecond;
    plan_fault(end_of_faults);
    if (!pass(end_of_faults)) return outcome();
    mend();
    if (!pass(world_.now() + 14 * kSecond)) return outcome();
    for (auto& client : clients_) client->rest();
    // Whoever waits longest: a launch that a dead node did not answer, an epilog whose report was lost.
    for (const Micros patience = world_.now() + 400 * kSecond; world_.now() < patience && judge_.unfinished() > 0;)
      if (!pass(world_.now() + kSecond)) return outcome();
    // Entries that the last jobs' ends bring may still be on their way to a follower.
    for (int tries = 0; tries < 20; ++tries) {
      broken_.clear();
      if (!pass(world_.now() + kSecond)) return outcome();
      if (broken_ = judge_.end(); broken_.empty()) break;
    }
    return outcome();
  }

 private:
  void build() {
    Random& random = world_.random();
    const std::uint64_t dice = random.between(0, 9);
    const std::size_t members = dice == 0 ? 1 : dice == 1 ? 5 : 3;
    std::vector<Machine*> controllers, spares, nodes;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < members; ++i) {
      controllers.push_back(&world_.add_machine(fmt::format("ctl{}", i + 1)));
      names.push_back(controllers.back()->name);
      controllers.back()->clock_offset_us = static_cast<std::int64_t>(random.between(0, 4 * kSecond)) - 2'000'000;
    }
    // Some that are no members yet, and may be added.
    const std::size_t spare = members > 1 && random.chance(0.4) ? 2 : 0;
    for (std::size_t i = members; i < members + spare; ++i) {
      spares.push_back(&world_.add_machine(fmt::format("ctl{}", i + 1)));
      names.push_back(spares.back()->name);
    }
    for (std::size_t i = 0, n = random.between(2, 4); i < n; ++i)
      nodes.push_back(&world_.add_machine(fmt::format("n{}", i + 1)));
    const std::string conf = slurm_conf(controllers, nodes);
    const auto snapshots = static_cast<unsigned>(random.between(20, 200));
    world_.message_loss = random.chance(0.3) ? 0.02 : 0;
    world_.message_doubling = random.chance(0.3) ? 0.02 : 0;
    world_.latency_max = random.chance(0.2) ? 20'000 : 400;
    for (Machine* machine : controllers)
      controllers_.push_back(std::make_unique<Controller>(*machine, conf, snapshots));
    founders_ = controllers_.size();
    for (Machine* machine : spares) {
      std::vector<Machine*> with = controllers;
      with.push_back(machine);
      controllers_.push_back(std::make_unique<Controller>(*machine, slurm_conf(with, nodes), snapshots));
    }
    for (Machine* machine : nodes) nodes_.push_back(std::make_unique<Node>(*machine, names, ledger_));
    for (std::size_t i = 0, n = random.between(1, 3); i < n; ++i)
      clients_.push_back(std::make_unique<Client>(world_.add_machine(fmt::format("user{}", i + 1)), names, promises_,
                                                  [this] { return world_.now() > calm_from_; }));
    world_.on_event([this] {
      if (broken_.empty()) broken_ = judge_.look();
    });
    for (std::size_t i = 0; i < founders_; ++i)
      later(random.between(0, 2000), [this, i] { controllers_[i]->start(); });
    for (auto& node : nodes_) later(random.between(0, 3000), [&node] { node->start(); });
    for (auto& client : clients_) later(random.between(0, 3000), [&client] { client->start(); });
    disturb(10'000);
    restart_ended();
  }

  /// A service manager would.
  void restart_ended() {
    later(1000, [this] {
      for (auto& controller : controllers_)
        if (controller->ended_by_itself() && !controller->may_be_removed()) start_again(*controller);
      restart_ended();
    });
  }

  void later(std::uint64_t ms, std::function<void()> fn) {
    world_.at(world_.now() + ms * kMilli, nullptr, std::move(fn));
  }
  /// For so long, and some seconds more, nobody can rely on an answer.
  void disturb(std::uint64_t ms) { calm_from_ = std::max(calm_from_, world_.now() + ms * kMilli + 5 * kSecond); }
  void say(const std::string& what) {
    ++faults_;
    if (trace_) fmt::print("{:>12} us  {}\n", world_.now(), what);
  }

  bool pass(Micros until) {
    while (broken_.empty() && world_.step(until)) {
    }
    return broken_.empty();
  }

  Controller& any_controller() {
    Random& random = world_.random();
    // The leader half of the time: that is where it hurts.
    if (random.chance(0.5))
      for (auto& controller : controllers_)
        if (controller->running() && controller->core().replicated_log().leads()) return *controller;
    return *controllers_[random.between(0, founders_ - 1)];
  }

  /// Tells any controller that another one comes or goes.
  void change_members() {
    if (controllers_.size() == founders_) return;
    Random& random = world_.random();
    Controller& told = any_controller();
    Controller& other = *controllers_[random.between(0, controllers_.size() - 1)];
    // Before there is a log, all would have to be configured alike.
    if (!told.running() || &told == &other || told.core().replicated_log().position().applied == 0) return;
    if (is_spare(other) && !other.was_started()) {
      say(fmt::format("{} is told to add {}", told.machine().name, other.machine().name));
      told.order_add(fmt::format("{}={}", other.machine().name, other.machine().address));
      later(random.between(0, 3000), [&other] {
        if (!other.was_started()) other.start();
      });
    } else if (!other.may_be_removed() && removals_ < 2) {
      ++removals_;
      say(fmt::format("{} is told to remove {}", told.machine().name, other.machine().name));
      told.order_remove(other);
    }
  }
  bool is_spare(const Controller& controller) const {
    for (std::size_t i = founders_; i < controllers_.size(); ++i)
      if (controllers_[i].get() == &controller) return true;
    return false;
  }

  void start_again(Controller& controller) {
    if (!controller.running() && !controller.may_be_removed()) {
      say(controller.machine().name + " starts");
      controller.start();
    }
  }

  void plan_fault(Micros end) {
    const bool calm = world_.random().chance(0.15);
    const std::uint64_t in_ms = calm ? world_.random().between(8000, 12'000) : world_.random().between(100, 2500);
    if (world_.now() + in_ms * kMilli >= end) return;
    later(in_ms, [this, end] {
      fault();
      plan_fault(end);
    });
  }

  void fault() {
    Random& random = world_.random();
    Controller& victim = any_controller();
    Machine& machine = victim.machine();
    const std::uint64_t for_ms = random.between(50, 4000);
    disturb(for_ms);
    if (random.chance(0.2)) change_members();
    switch (random.between(0, 9)) {
      case 0:
      case 1:
        if (!victim.running()) break;
        say(machine.name + " is killed");
        victim.kill(false);
        later(for_ms, [this, &victim] { start_again(victim); });
        break;
      case 2:
        if (!victim.running()) break;
        say(machine.name + " loses power");
        victim.kill(true);
        later(for_ms, [this, &victim] { start_again(victim); });
        break;
      case 3:
        if (!victim.running()) break;
        say(machine.name + " is told to stop");
        victim.stop();
        later(for_ms + 3000, [this, &victim] { start_again(victim); });
        break;
      case 4:
        say(fmt::format("{} is frozen for {} ms", machine.name, for_ms));
        world_.freeze(machine);
        later(for_ms, [this, &machine] { world_.thaw(machine); });
        break;
      case 5:
      case 6: {
        say(fmt::format("{} is cut off for {} ms", machine.name, for_ms));
        const bool from_all = random.chance(0.5);
        std::vector<Machine*> others;
        for (auto& other : controllers_)
          if (other.get() != &victim) others.push_back(&other->machine());
        for (auto& node : nodes_)
          if (from_all || random.chance(0.3)) others.push_back(world_.machine(node->name()));
        for (Machine* other : others) world_.cut(machine, *other);
        later(for_ms, [this, &machine, others] {
          for (Machine* other : others) world_.join(machine, *other);
        });
        break;
      }
      case 7:
        if (random.chance(0.5)) {
          say(fmt::format("the disk of {} is full for {} ms", machine.name, for_ms));
          machine.disk.full = true;
          later(for_ms, [&machine] { machine.disk.full = false; });
        } else {
          say(fmt::format("the disk of {} is slow for {} ms", machine.name, for_ms));
          machine.disk.sync_us_max = 300 * kMilli;
          later(for_ms, [&machine] { machine.disk.sync_us_max = 800; });
        }
        break;
      case 8: {
        const std::int64_t jump_s = static_cast<std::int64_t>(random.between(0, 60)) - 30;
        say(fmt::format("the clock of {} jumps by {} s", machine.name, jump_s));
        machine.clock_offset_us += jump_s * 1'000'000;
        break;
      }
      default: {
        Node& node = *nodes_[random.between(0, nodes_.size() - 1)];
        if (!node.running()) break;
        say("the daemon of " + node.name() + " is killed");
        node.kill();
        later(for_ms, [&node] { node.start(); });
        break;
      }
    }
  }

  /// All is repaired, and whoever is down is started.
  void mend() {
    say("the faults are over");
    disturb(10'000);
    world_.join_all();
    world_.message_loss = world_.message_doubling = 0;
    later(8000, [this] { start_members(); });
  }

  /// Whoever is a member, as whoever leads has it, runs in the end; a leader there must be for that.
  void start_members() {
    const Controller* leader = judge_.leader();
    for (std::size_t i = 0; i < controllers_.size(); ++i) {
      Controller& each = *controllers_[i];
      if (each.running()) continue;
      if (leader ? is_member(*leader, each) : i < founders_) {
        say(each.machine().name + " starts");
        each.start();
      }
    }
    later(1000, [this] { start_members(); });
  }

  Outcome outcome() {
    return {.broken = broken_,
            .fingerprint = world_.fingerprint(),
            .events = world_.events(),
            .jobs = promises_.accepted.size(),
            .reads = promises_.reads,
            .elections = judge_.terms(),
            .faults = faults_,
            .virtual_s = static_cast<double>(world_.now()) / 1e6};
  }

  World world_;
  const bool trace_;
  Ledger ledger_;
  Promises promises_;
  std::vector<std::unique_ptr<Controller>> controllers_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<Client>> clients_;
  Judge judge_{controllers_, ledger_, promises_};
  std::string broken_;
  Micros calm_from_ = 0;
  std::uint64_t faults_ = 0;
  std::size_t founders_ = 0, removals_ = 0;
};

}  // namespace

Outcome run_scenario(std::uint64_t seed, bool trace) {
  // Never destroyed: what was killed in it still refers to itself.
  auto* scenario = new Scenario(seed, trace);
  return scenario->run();
}

}  // namespace flurm::sim
