// sim/world.hpp — virtual time, and the machines and processes that live in it. One world per (real) process.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/disk.hpp"

namespace flurm::io {
class Loop;
}

namespace flurm::sim {

/// Microseconds since the world began.
using Micros = std::uint64_t;
constexpr Micros kMilli = 1000, kSecond = 1'000'000;

/// xorshift64*: the world's only chance.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 0x632be59bd9b4e019) {
    if (state_ == 0) state_ = 1;
    for (int i = 0; i < 8; ++i) next();
  }
  std::uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1d;
  }
  /// low <= result <= high.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + next() % (high - low + 1); }
  bool chance(double probability) { return static_cast<double>(next() >> 11) < probability * 9007199254740992.0; }

 private:
  std::uint64_t state_;
};

struct Machine {
  std::string name, address;
  std::int64_t clock_offset_us = 0;  ///< of its wall clock; may jump
  bool frozen = false;               ///< its processes get no time; what should happen to them waits
  Disk disk;
};

/// A running program. Never freed: what refers to it may outlive it.
struct Process {
  Machine* machine = nullptr;
  bool alive = true;
  std::function<void()> turn;   ///< runs what the loop deferred; set by the process's loop
  std::function<void()> watch;  ///< runs before that
  /// What becomes of its files and connections when it is killed.
  std::vector<std::function<void(bool power)>> on_kill;
};

class World {
 public:
  explicit World(std::uint64_t seed);
  static World& the();

  Micros now() const { return now_; }
  Random& random() { return random_; }

  Machine& add_machine(const std::string& name);
  /// By name or address; null: there is none.
  Machine* machine(const std::string& name_or_address);
  Process& start_process(Machine& machine);
  /// No code of it runs any more. power: the machine lost power with it, so nobody is told.
  void kill(Process& process, bool power);
  /// Whose code is running; null: the world's own.
  Process* current() const { return current_; }

  /// `fn` at `when`, as code of the process, if it lives then; null: as the world's own.
  void at(Micros when, Process* process, std::move_only_function<void()> fn);
  /// Runs `fn` now as code of the process.
  void as(Process& process, const std::function<void()>& fn);
  /// Runs the next event. False: it would be after `until`, and now it is `until`.
  bool step(Micros until);
  /// Called after every event.
  void on_event(std::function<void()> fn) { on_event_ = std::move(fn); }

  void freeze(Machine& machine) { machine.frozen = true; }
  void thaw(Machine& machine);

  // The network.
  void cut(const Machine& a, const Machine& b) { cuts_.insert(std::minmax(&a, &b)); }
  void join(const Machine& a, const Machine& b) { cuts_.erase(std::minmax(&a, &b)); }
  void join_all() { cuts_.clear(); }
  bool connected(const Machine& a, const Machine& b) const { return !cuts_.contains(std::minmax(&a, &b)); }
  /// Time on the way of one message.
  Micros latency();
  double message_loss = 0, message_doubling = 0;  ///< of the log's messages
  Micros latency_max = 400;

  /// A number that two runs of one seed have in common.
  std::uint64_t fingerprint() const { return fingerprint_; }
  std::uint64_t events() const { return sequence_; }

 private:
  struct Event {
    Process* process;
    std::move_only_function<void()> fn;
  };
  void run(Process* process, std::move_only_function<void()>& fn);

  Micros now_ = 0;
  Random random_;
  std::uint64_t sequence_ = 0, fingerprint_ = 0;
  std::map<std::pair<Micros, std::uint64_t>, Event> events_;
  std::map<const Machine*, std::vector<Event>> held_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<std::unique_ptr<Process>> processes_;
  std::set<std::pair<const Machine*, const Machine*>> cuts_;
  std::function<void()> on_event_;
  Process* current_ = nullptr;
};

}  // namespace flurm::sim
