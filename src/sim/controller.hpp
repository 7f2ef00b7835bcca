// sim/controller.hpp — a machine that runs a controller: the real one, ctld::Core.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "sim/world.hpp"

namespace flurm::ctld {
class Core;
}

namespace flurm::sim {

/// slurm.conf of a cluster with these machines.
std::string slurm_conf(const std::vector<Machine*>& controllers, const std::vector<Machine*>& nodes);

class Controller {
 public:
  Controller(Machine& machine, std::string slurm_conf, unsigned snapshot_interval)
      : machine_(machine), slurm_conf_(std::move(slurm_conf)), snapshot_interval_(snapshot_interval) {}

  void start();
  /// SIGKILL, or with `power` the machine's.
  void kill(bool power) { World::the().kill(*process_, power); }
  /// SIGTERM.
  void stop();
  bool running() const { return process_ && process_->alive; }
  Machine& machine() const { return machine_; }
  /// Orders of an administrator, given here.
  void order_add(const std::string& what);
  void order_remove(Controller& other);
  /// Somebody was told to remove it.
  bool may_be_removed() const { return may_be_removed_; }
  bool was_started() const { return process_ != nullptr; }
  /// While it runs.
  ctld::Core& core() const { return *core_; }
  bool ended_by_itself() const { return ended_; }
  /// Why, if it had no reason to.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  Machine& machine_;
  std::string slurm_conf_;
  unsigned snapshot_interval_;
  Process* process_ = nullptr;
  ctld::Core* core_ = nullptr;
  bool ended_ = false, may_be_removed_ = false;
  std::optional<Error> failure_;
};

/// Whether the log of `asked`, which runs, has `other` as a member.
bool is_member(const Controller& asked, const Controller& other);

}  // namespace flurm::sim
