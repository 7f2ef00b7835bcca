// ctld/monitor.hpp — watches the nodes: pings them, asks for registration, has their health checked, and reports the
// silent ones. What it believes of a node's last sign of life is this process's own; the state learns of changes only.
#pragma once
#include <map>

#include "ctld/controller.hpp"
#include "ctld/gate.hpp"
#include "io/timer.hpp"
#include "rpc/client.hpp"

namespace flurm::ctld {

class Monitor {
 public:
  Monitor(Controller& controller, rpc::Client& client, std::uint32_t node_user);

  void start();
  void stop();
  /// The node's daemon has just registered.
  void heard_from(const std::string& node);
  /// Sends a request without a body to every node: to register, to read its configuration again, to shut down.
  void tell_all(wire::MsgType type);

 private:
  struct Watch {
    TimeS last_heard;
    TimeS asked;      // last ping
    TimeS look_again; // ask for another registration then: jobs too young to be missed stood in the last one
    bool silent = false;
  };
  void beat();
  io::Task<> ping(model::NodeId id);
  io::Task<> check_health(model::NodeId id);
  io::Task<> send(model::NodeId id, wire::MsgType type);
  io::Task<> report(state::NodesSeen seen);
  rpc::CallOptions options() const;
  /// Seconds between pings of a node (slurm 22.05: a third of SlurmdTimeout).
  std::int64_t ping_interval_s() const;

  Controller& controller_;
  rpc::Client& client_;
  std::uint32_t node_user_;
  Gate gate_;
  io::Timer timer_;
  std::map<model::NodeId, Watch> watched_;
  TimeS health_checked_;
};

}  // namespace flurm::ctld
