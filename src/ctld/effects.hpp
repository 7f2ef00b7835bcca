// ctld/effects.hpp — the leader's hands: carries out what the state wishes to be done to the world.
//
// Nothing here is remembered across a restart or a loss of leadership: a new leader looks at the effects in the state
// and begins again. Receivers treat a repeat as done already.
#pragma once
#include <cstdint>
#include <list>
#include <set>
#include <string>
#include <utility>

#include "ctld/controller.hpp"
#include "ctld/gate.hpp"
#include "exec/spawn.hpp"
#include "io/event.hpp"
#include "rpc/courier.hpp"

namespace flurm::ctld {

class Effects {
 public:
  /// node_user: the uid that node daemons run as (SlurmdUser), who alone may read our credentials.
  Effects(Controller& controller, rpc::Client& client, std::uint32_t node_user)
      : controller_(controller),
        client_(client),
        courier_(client),
        node_user_(node_user),
        gate_(controller.loop, 128),
        client_gate_(controller.loop, 64),
        mail_gate_(controller.loop, 1) {}

  /// The state changed: begins every effect that has not been begun by this process.
  void look();
  /// This controller leads now: begins with all that is open in the state.
  void start();
  /// It leads no more: nothing new is begun, what is under way tries no further.
  void stop();
  /// The batch node has answered the launch of the job's present run, be it not yet in the state.
  bool launch_taken(const model::Job& job) const {
    return job.launched || taken_.contains({job.id, job.restart_count});
  }
  /// Ends a job on a node that runs it without being meant to. No effect of the state: the node's next registration
  /// shows whether it is still needed.
  io::Task<> abort_stray(model::NodeId node, JobId job);
  /// One message to a user's srun or salloc, who alone may read it; tried once.
  io::Task<> send_to_client(rpc::Address to, wire::MsgType type, std::string body, std::uint16_t version,
                            std::uint32_t uid);
  /// One message to a node's daemon, tried once.
  io::Task<> send_to_node(rpc::Address node, wire::MsgType type, std::string body, std::uint16_t version);

 private:
  io::Task<> launch(state::Effect effect);
  io::Task<> end_job(state::Effect effect);
  io::Task<> launch_prolog(state::Effect effect);
  io::Task<> prolog_on_node(state::Effect effect, model::NodeId node, io::Event told);
  io::Task<> end_on_node(state::Effect effect, model::NodeId node);
  /// Waits while the run's launch is under way: before it, the node knows nothing of the job.
  io::Task<> launched(state::Effect effect);
  io::Task<> signal(state::Effect effect);
  io::Task<> suspend(state::Effect effect);
  io::Task<> send_mail(state::Effect effect);
  io::Task<> signal_step(state::Effect effect);
  io::Task<> time_out_step(state::Effect effect);
  io::Task<> tell_client(state::Effect effect);
  io::Task<> leave_node(state::Effect effect);
  io::Task<> run_controller_script(state::Effect effect);
  io::Task<> run_trigger(state::Effect effect);
  io::Task<> reboot_node(state::Effect effect);
  /// Starts the program, and waits for its end for that long: its wait status. It ends with this reign. Errors:
  /// node_execve_failed, timed_out, closed (we lead no more).
  io::Task<Result<int>> run_program(exec::SpawnSpec spec, std::int64_t patience_ms);
  io::Task<Result<int>> program_ended(pid_t pid, std::int64_t patience_ms, std::uint64_t reign);
  io::Task<> propose(state::Command command);
  /// Sleeps, at most until this controller stops to lead.
  io::Task<> rest(std::uint64_t ms);
  /// One request to a node's daemon: its return code, or why there is none.
  io::Task<Result<Errc>> tell(rpc::Address node, wire::MsgType type, std::string body, std::uint16_t version);

  Controller& controller_;
  rpc::Client& client_;
  rpc::Courier courier_;
  std::uint32_t node_user_;
  Gate gate_;
  Gate client_gate_;
  Gate mail_gate_;           // a slow MailProg holds one worker, never all
  std::uint64_t next_ = 1;   // the first effect not begun
  std::uint64_t reign_ = 0;  // counts starts and stops; an effect is pursued in the reign in which it was begun
  std::set<std::pair<JobId, std::uint32_t>>
      taken_;  // runs whose launch was answered; the state learns it in this moment
  std::list<io::Event> pauses_;
  bool leads_ = false;
};

/// What to speak with a client that asked in `known`.
std::uint16_t client_version(std::uint16_t known);

/// Where a node's daemon listens, and what it speaks (22.05 until it has registered).
rpc::Address node_address(const model::Node& node);
std::uint16_t node_version(const model::Node& node);

}  // namespace flurm::ctld
