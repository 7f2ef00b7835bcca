// sim/world.cpp — see world.hpp.
#include "sim/world.hpp"

#include "base/result.hpp"

namespace flurm::sim {
namespace {

World* the_world = nullptr;

}  // namespace

World::World(std::uint64_t seed) : random_(seed) {
  FLURM_CHECK(!the_world, "one world at a time");
  the_world = this;
}

World& World::the() { return *the_world; }

Machine& World::add_machine(const std::string& name) {
  auto& machine = machines_.emplace_back(std::make_unique<Machine>());
  machine->name = name;
  machine->address = "10.0.0." + std::to_string(machines_.size());
  return *machine;
}

Machine* World::machine(const std::string& name_or_address) {
  for (const auto& machine : machines_)
    if (machine->name == name_or_address || machine->address == name_or_address) return machine.get();
  return nullptr;
}

Process& World::start_process(Machine& machine) {
  auto& process = processes_.emplace_back(std::make_unique<Process>());
  process->machine = &machine;
  return *process;
}

void World::kill(Process& process, bool power) {
  if (!std::exchange(process.alive, false)) return;
  for (const auto& fn : process.on_kill) fn(power);
}

void World::at(Micros when, Process* process, std::move_only_function<void()> fn) {
  events_.emplace(std::pair(std::max(when, now_), sequence_++), Event{process, std::move(fn)});
}

void World::run(Process* process, std::move_only_function<void()>& fn) {
  Process* before = std::exchange(current_, process);
  fn();
  if (process && process->alive && process->turn) process->turn();
  current_ = before;
}

void World::as(Process& process, const std::function<void()>& fn) {
  std::move_only_function<void()> once = fn;
  run(&process, once);
}

bool World::step(Micros until) {
  if (events_.empty() || events_.begin()->first.first > until) {
    now_ = until;
    return false;
  }
  auto node = events_.extract(events_.begin());
  now_ = node.key().first;
  Event& event = node.mapped();
  if (event.process && !event.process->alive) return true;
  if (event.process && event.process->machine->frozen) {
    held_[event.process->machine].push_back(std::move(event));
    return true;
  }
  fingerprint_ = (fingerprint_ ^ now_ ^ node.key().second) * 0x100000001b3;
  run(event.process, event.fn);
  if (on_event_) on_event_();
  return true;
}

void World::thaw(Machine& machine) {
  machine.frozen = false;
  for (Event& event : std::exchange(held_[&machine], {})) at(now_, event.process, std::move(event.fn));
}

Micros World::latency() {
  const Micros usual = random_.between(40, latency_max);
  return random_.chance(0.01) ? usual * 20 : usual;
}

}  // namespace flurm::sim
