// noded/launcher.hpp — from the controller's order to a running batch step: credential, prolog, supervisor.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "noded/ender.hpp"
#include "noded/file_receiver.hpp"
#include "noded/gres_environment.hpp"
#include "noded/node_context.hpp"
#include "noded/parcels.hpp"
#include "noded/profile.hpp"
#include "noded/reporter.hpp"
#include "wire/msg/batch_job_launch.hpp"
#include "wire/msg/launch_tasks.hpp"
#include "wire/msg/prolog_launch.hpp"

namespace flurm::noded {

class Launcher {
 public:
  Launcher(NodeContext& node, Reporter& reporter, Ender& ender, const FileReceiver& files)
      : node_(node),
        reporter_(reporter),
        ender_(ender),
        files_(files),
        parcels_(node),
        profiler_(node.loop, node.setup.facts.node_name, node.setup.settings.influx) {}

  /// Answers the order; what takes time goes on afterwards and reports failure by itself. The launch of one run of a
  /// job happens once, however often it is ordered. A run that is still here gives way to a later one, which begins
  /// when nothing of it is left; duplicate_job_id when that takes too long, or the run that is here is the later one.
  io::Task<Errc> launch_batch(wire::BatchJobLaunch order);
  /// The order to run the prolog ahead of anything else (PrologFlags=Alloc); its end is reported.
  /// version: of its protocol.
  io::Task<Errc> launch_prolog(wire::PrologLaunch order, std::uint16_t version);

  /// REQUEST_LAUNCH_TASKS. Answers when the step has a supervisor, or why it has none; the rest is told to srun, whose
  /// address is `client_host`. version: of its protocol; uid: of who asks. Errors: their text is for the user.
  io::Task<Result<void>> launch_tasks(wire::LaunchTasks order, std::uint16_t version, std::uint32_t uid,
                                      std::string client_host);

  /// Finds the supervisors that outlived an earlier daemon, and the traces of those that did not.
  io::Task<void> find_running();

  /// Called when a prolog failed, so that the controller learns of the node's trouble.
  void on_node_trouble(std::function<void(Errc)> fn) { node_trouble_ = std::move(fn); }

 private:
  static io::Task<void> run_batch(Launcher& self, NodeJobPtr job, wire::BatchJobLaunch order);
  static io::Task<void> run_prolog_order(Launcher& self, NodeJobPtr job, std::optional<exec::StepX11> x11);
  io::Task<Errc> check(wire::Cred credential, std::uint32_t job_id, std::uint32_t uid);
  io::Task<void> run_prolog(NodeJobPtr job);
  io::Task<Errc> prolog_before_launch(NodeJobPtr job);
  io::Task<Errc> make_way_for(std::uint32_t job_id, std::uint32_t restart_count);
  io::Task<Errc> check_step(wire::LaunchTasks order, std::uint32_t uid);
  io::Task<Result<void>> start_tasks(NodeJobPtr job, wire::LaunchTasks order, StepPlace place, std::uint16_t version);
  io::Task<Errc> start_extern_step(NodeJobPtr job, std::optional<exec::StepX11> x11);
  io::Task<Result<exec::StepLaunch>> in_container(exec::StepLaunch plan, std::string bundle);
  io::Task<Result<StepLink::Ptr>> supervise(NodeJobPtr job, exec::StepLaunch plan);
  std::vector<GresHeld> tell_devices(exec::StepLaunch& plan, const wire::Cred& cred) const;
  Result<void> bind_memory_of(exec::StepLaunch& plan, const wire::LaunchTasks& order) const;
  void bind_devices(exec::StepLaunch& plan, const wire::LaunchTasks& order, const std::vector<GresHeld>& held) const;
  void deny_devices(exec::StepLaunch& plan, std::span<const GresHeld> held) const;
  bool sees_own_devices() const;
  exec::Environment prolog_with_devices(const NodeJob& job) const;
  Result<void> note_order(const NodeJob& job, const wire::BatchJobLaunch& order) const;
  io::Task<Errc> start_step(NodeJobPtr job, wire::BatchJobLaunch order);
  void give_up(const std::string& directory, const std::string& name);
  io::Task<void> adopt(std::string directory, std::uint32_t step_id);
  void add_step(const NodeJobPtr& job, std::uint32_t step_id, StepLink::Ptr link);
  void step_over(const NodeJobPtr& job, std::uint32_t step_id);

  NodeContext& node_;
  Reporter& reporter_;
  Ender& ender_;
  const FileReceiver& files_;
  Parcels parcels_;
  Profiler profiler_;
  std::function<void(Errc)> node_trouble_ = [](Errc) {};
};

}  // namespace flurm::noded
