// sim/node.hpp — a node whose jobs only take time. It speaks Slurm's protocol and treats orders as flurmnd does.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "auth/munge.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"
#include "noded/ended_jobs.hpp"
#include "rpc/client.hpp"
#include "rpc/server.hpp"
#include "sim/world.hpp"

namespace flurm::sim {

constexpr std::uint16_t kControllerPort = 6817, kNodePort = 6818;
constexpr std::uint32_t kNodeCpus = 4;

/// What really happened, for the judge: nobody in the world sees it.
struct Ledger {
  struct Run {
    std::string name;  ///< of the node it began on
    unsigned begun = 0;
    bool over = false;
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, Run> runs;  // by job and restart count
  std::vector<std::string> faults;                              // invariants that a node saw broken
};

class Node {
 public:
  /// controllers: names of machines.
  Node(Machine& machine, std::vector<std::string> controllers, Ledger& ledger)
      : machine_(machine), controllers_(std::move(controllers)), ledger_(ledger) {}

  void start();
  /// The daemon dies; its jobs go on, as under their supervisors.
  void kill();
  bool running() const { return process_ && process_->alive; }
  const std::string& name() const { return machine_.name; }

 private:
  struct Job {
    std::uint32_t restart = 0, cpus = 0;
    TimeS started_at;
    Micros ends_at = 0;
    std::uint32_t wait_status = 0;
    bool ended = false, aborted = false, reported = false, ending = false;
  };
  /// One life of the daemon.
  struct Daemon {
    io::Loop loop{1};
    auth::Munge munge;
    rpc::Client client{loop, munge};
    std::unique_ptr<rpc::Server> server;
  };

  io::Task<rpc::Reply> handle(rpc::Request request);
  Errc launch(const rpc::Request& request);
  Errc end(const rpc::Request& request, bool abort);
  io::Task<> watch(std::uint32_t id, std::uint32_t restart);
  io::Task<> clean_up(std::uint32_t id, std::uint32_t restart);
  io::Task<> register_here();
  /// Repeats until a controller answers.
  io::Task<std::uint32_t> tell(wire::MsgType type, std::string body);
  void finish(std::uint32_t id, Job& job, std::uint32_t wait_status);
  std::uint32_t cpus_in_use() const;

  Machine& machine_;
  std::vector<std::string> controllers_;
  Ledger& ledger_;
  Process* process_ = nullptr;
  Daemon* daemon_ = nullptr;
  std::map<std::uint32_t, Job> jobs_;    // on the node's disk: they outlive the daemon
  noded::EndedJobs ended_{"", TimeS{}};  // as flurmnd's own
  bool registering_ = false;
};

}  // namespace flurm::sim
