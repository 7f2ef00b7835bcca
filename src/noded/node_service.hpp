// noded/node_service.hpp — slurmd's requests, answered.
#pragma once
#include <functional>
#include <map>
#include <string>

#include "noded/ender.hpp"
#include "noded/file_receiver.hpp"
#include "noded/launcher.hpp"
#include "noded/node_context.hpp"
#include "noded/registration.hpp"
#include "noded/reporter.hpp"
#include "rpc/message.hpp"
#include "wire/msg/daemon_control.hpp"

namespace flurm::noded {

/// What only the program around the service can do.
struct NodeActions {
  std::function<void()> reconfigure;  ///< read the configuration again
  /// REQUEST_RECONFIGURE_WITH_CONFIG: take the files and read them.
  std::function<void(const wire::ConfigResponse&)> take_configuration;
  std::function<void()> shut_down;
};

class NodeService {
 public:
  NodeService(NodeContext& node, std::string version, NodeActions actions);

  /// Finds running steps, then registers. Requests may come before it is done; those about jobs wait.
  io::Task<void> start();
  io::Task<rpc::Reply> handle(rpc::Request request);
  Registration& registration() { return registration_; }

 private:
  using Method = io::Task<rpc::Reply> (NodeService::*)(rpc::Request);
  struct Route {
    Method method;
    bool commands;        ///< only root and SlurmUser may
    bool silent = false;  ///< slurmd never answers it, not even a refusal
  };
  static const std::map<wire::MsgType, Route>& routes();

  io::Task<rpc::Reply> ping(rpc::Request request);
  io::Task<rpc::Reply> registration_wanted(rpc::Request request);
  io::Task<rpc::Reply> reconfigure(rpc::Request request);
  io::Task<rpc::Reply> shut_down(rpc::Request request);
  io::Task<rpc::Reply> health_check(rpc::Request request);
  io::Task<rpc::Reply> reboot(rpc::Request request);
  io::Task<rpc::Reply> gather_update(rpc::Request request);
  io::Task<rpc::Reply> launch_batch(rpc::Request request);
  io::Task<rpc::Reply> launch_prolog(rpc::Request request);
  io::Task<rpc::Reply> launch_tasks(rpc::Request request);
  io::Task<rpc::Reply> step_complete(rpc::Request request);
  io::Task<rpc::Reply> reattach_tasks(rpc::Request request);
  io::Task<rpc::Reply> file_block(rpc::Request request);
  io::Task<rpc::Reply> forward_data(rpc::Request request);
  io::Task<rpc::Reply> step_stat(rpc::Request request);
  io::Task<rpc::Reply> end_job(rpc::Request request);
  io::Task<rpc::Reply> signal_tasks(rpc::Request request);
  io::Task<rpc::Reply> terminate_tasks(rpc::Request request);
  io::Task<rpc::Reply> suspend(rpc::Request request);
  io::Task<rpc::Reply> notify(rpc::Request request);
  io::Task<rpc::Reply> daemon_status(rpc::Request request);
  io::Task<rpc::Reply> step_pids(rpc::Request request);

  static io::Task<void> run_health_check(NodeService& self);
  static io::Task<void> run_reboot(NodeService& self, std::string features);
  io::Task<Result<exec::StepState>> query(wire::StepId step, std::uint32_t uid);
  io::Task<Result<exec::StepState>> attach(wire::ReattachTasks order, std::uint16_t version, std::uint32_t uid,
                                           std::string host);
  io::Task<void> until_started();

  NodeContext& node_;
  std::string version_;
  NodeActions actions_;
  Reporter reporter_;
  Ender ender_;
  FileReceiver files_;
  Launcher launcher_;
  Registration registration_;
  Condition started_changed_;
  bool started_ = false, checking_health_ = false;
  TimeS controller_heard_at_;
};

}  // namespace flurm::noded
