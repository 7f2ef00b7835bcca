// noded/emulation.hpp — nodes that exist for the controller alone: they register, take batch jobs, and report their
// ends, but run nothing. For measuring a controller, and for trying a configuration of many nodes on one machine.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "conf/config.hpp"
#include "noded/condition.hpp"
#include "noded/gres.hpp"
#include "noded/ports.hpp"
#include "rpc/message.hpp"
#include "wire/msg/node_registration.hpp"

namespace flurm::noded {

/// How long a script would run that did nothing but sleep, milliseconds: the sum of the lines that are `sleep N`, with
/// N's s, m, h or d, also behind `srun`. Bounded by a year.
std::uint64_t script_sleep_ms(std::string_view script);

/// What all emulated nodes of a process share.
struct EmulationContext {
  io::Loop& loop;
  ControllerPort& controller;
  std::uint32_t slurm_user_id = 0;
  std::string version, host_name, arch, os;
  std::uint32_t config_hash = 0;
  std::function<void()> shut_down;
};

/// One node. A batch job takes as long as script_sleep_ms() says and exits with 0, or with the signal that it is sent.
/// Steps are refused with not_supported. Loop thread only; must outlive the loop, as what it waits for refers to it.
class EmulatedNode {
 public:
  EmulatedNode(EmulationContext& shared, conf::NodeDef definition, NodeResources gres);

  io::Task<rpc::Reply> handle(rpc::Request request);
  /// Registers until the controller has answered.
  io::Task<void> register_node();
  const conf::NodeDef& definition() const { return definition_; }
  std::size_t jobs() const { return jobs_.size(); }

 private:
  /// From its launch until the controller orders its end.
  struct EmulatedJob {
    explicit EmulatedJob(io::Loop& loop) : changed(loop) {}
    std::uint32_t user_id = 0, restart_count = 0;
    std::uint64_t left_ms = 0;      // to sleep
    std::uint32_t wait_status = 0;  // with which it ends
    bool suspended = false, signalled = false;
    bool reporting = false;  // its end, which the controller has not acknowledged
    bool over = false;       // it has
    bool dropped = false;    // its end was ordered
    Condition changed;
  };
  using JobPtr = std::shared_ptr<EmulatedJob>;

  rpc::Reply ping(std::uint16_t version) const;
  Errc launch(const rpc::Request& request);
  Errc end(const rpc::Request& request);
  Errc signal(const rpc::Request& request);
  Errc suspend(const rpc::Request& request);
  wire::NodeRegistrationStatus registration(std::uint16_t protocol) const;

  static io::Task<void> run(EmulatedNode& self, std::uint32_t job_id, JobPtr job);
  static io::Task<void> report(EmulatedNode& self, std::uint32_t job_id, JobPtr job);
  static io::Task<void> registering(EmulatedNode& self);
  static io::Task<void> prolog_done(EmulatedNode& self, std::uint32_t job_id);
  /// Repeats until the controller answers.
  io::Task<void> ask(Outgoing message);

  EmulationContext& shared_;
  conf::NodeDef definition_;
  NodeResources gres_;
  TimeS started_at_;
  std::map<std::uint32_t, JobPtr> jobs_;
};

}  // namespace flurm::noded
