// sim/judge.hpp — sees everything, and says what must never be.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/client.hpp"
#include "sim/controller.hpp"
#include "sim/node.hpp"

namespace flurm::sim {

class Judge {
 public:
  Judge(std::vector<std::unique_ptr<Controller>>& controllers, const Ledger& ledger, const Promises& promises)
      : controllers_(controllers), ledger_(ledger), promises_(promises) {}

  /// After every event: one leader a term, equal states at equal indexes, nothing over-allocated, nothing acknowledged
  /// lost, nothing done twice. Returns what is broken, or nothing.
  std::string look();
  /// When all faults are over and time was given: is everything as it was promised?
  std::string end();
  /// Jobs that are neither over nor waiting for a reason.
  std::size_t unfinished();
  /// The controller that leads in the highest term that had a leader, and so has all that was acknowledged; null: none.
  const Controller* leader() const;
  /// Terms in which somebody led.
  std::size_t terms() const { return leaders_.size(); }

 private:
  struct Seen {
    std::uint64_t applied = 0;
    const void* core = nullptr;
  };
  std::string look_at(const Controller& controller);
  std::string check_state(const std::string& name, const std::string& what);

  std::vector<std::unique_ptr<Controller>>& controllers_;
  const Ledger& ledger_;
  const Promises& promises_;
  std::map<const Controller*, Seen> seen_;
  std::map<std::uint64_t, std::string> leaders_;                           // by term
  std::map<std::uint64_t, std::pair<std::uint64_t, std::string>> hashes_;  // by index: hash, whose
};

}  // namespace flurm::sim
