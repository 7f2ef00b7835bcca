// noded/node_context.hpp — what all parts of the node service share.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "auth/users.hpp"
#include "conf/config.hpp"
#include "exec/identity.hpp"
#include "io/process.hpp"
#include "noded/cpu_binding.hpp"
#include "noded/ended_jobs.hpp"
#include "noded/gres.hpp"
#include "noded/hardware.hpp"
#include "noded/node_job.hpp"
#include "noded/ports.hpp"
#include "noded/spank.hpp"
#include "noded/step_plan.hpp"

namespace flurm::noded {

/// Growing pauses between tries to reach the controller.
class Pauses {
 public:
  std::uint64_t next_ms() { return std::exchange(next_ms_, std::min(next_ms_ * 2, kMaxMs)); }

 private:
  static constexpr std::uint64_t kFirstMs = 100, kMaxMs = 15'000;
  std::uint64_t next_ms_ = kFirstMs;
};

/// What reconfiguration replaces as a whole.
struct NodeSetup {
  conf::Config config;
  NodeFacts facts;
  StepSettings settings;
  std::uint32_t slurm_user_id = 0;
  std::string supervisor_program;  ///< absolute path of flurmstepd
  Hardware hardware;               ///< to register with: found, or as configured with config_overrides
  CpuMap cpus;                     ///< of this machine
  NodeResources gres;
  std::string dynamic_line;  ///< NodeName line of a node that no file names, with which it registers
  bool booted = false;       ///< the machine is to be taken for booted when this daemon started
};

/// One per daemon; its parts refer to each other and live on the loop's thread.
struct NodeContext {
  NodeContext(io::Loop& on, io::ChildWatch& with, NodeSetup initial, ControllerPort& to, ClientPort& followers,
              NodePort& others, CredentialPort& by)
      : loop(on),
        children(with),
        setup(std::move(initial)),
        controller(to),
        clients(followers),
        nodes(others),
        credentials(by),
        jobs(on),
        ended(setup.settings.spool_directory + "/ended_jobs", io::now()) {}

  io::Loop& loop;
  io::ChildWatch& children;
  NodeSetup setup;
  ControllerPort& controller;
  ClientPort& clients;
  NodePort& nodes;
  CredentialPort& credentials;
  auth::Users users;
  JobTable jobs;
  EndedJobs ended;
  SpankScripts spank;

  bool may_command(std::uint32_t uid) const { return uid == 0 || uid == setup.slurm_user_id; }

  /// Repeats until the controller answers, with growing pauses; returns its code.
  io::Task<std::uint32_t> ask_until_answered(Outgoing message);

  /// Prolog and epilog: SPANK plugins, then all programs of `pattern`, in turn with those of other jobs where
  /// PrologFlags=Serial.
  /// timeout_s: PrologTimeout or EpilogTimeout; kNoVal16: PrologEpilogTimeout. Returns the status of the last that
  /// failed, or 0.
  io::Task<int> run_job_scripts(std::string kind, std::string pattern, std::uint16_t timeout_s, exec::Environment env);

  /// Who a job runs as: from the credential where it says, else from the name service (on a worker).
  /// Errors: node_uid_not_found, node_set_uid_or_gid (we are not root and not that user).
  io::Task<Result<exec::Identity>> identity_for(wire::Identity claimed);

 private:
  io::Task<int> run_plugins(std::string kind, std::uint64_t timeout_ms, exec::Environment env);

  bool scripts_busy_ = false;
  Condition scripts_free_{loop};
};

}  // namespace flurm::noded
