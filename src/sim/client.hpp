// sim/client.hpp — users: they submit, cancel and look, through any controller, and remember what they were told.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "auth/munge.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"
#include "rpc/client.hpp"
#include "sim/world.hpp"

namespace flurm::sim {

/// What users were told.
struct Promises {
  std::map<std::uint32_t, std::string> accepted;  // job: name
  std::map<std::uint32_t, Micros> accepted_at;
  std::set<std::string> asked;        // names; each was sent once
  std::set<std::uint32_t> cancelled;  // cancellations that were acknowledged
  std::vector<std::string> faults;
  std::uint64_t reads = 0, refused = 0;
};

class Client {
 public:
  Client(Machine& machine, std::vector<std::string> controllers, Promises& promises, std::function<bool()> calm)
      : machine_(machine), controllers_(std::move(controllers)), promises_(promises), calm_(std::move(calm)) {}
  void start();
  /// Asks for nothing new.
  void rest() { resting_ = true; }

 private:
  io::Task<> live();
  io::Task<> submit();
  io::Task<> cancel(std::uint32_t job);
  io::Task<> look();
  io::Task<Result<rpc::Response>> ask(const std::string& host, wire::MsgType type, std::string body);
  const std::string& any_controller();

  Machine& machine_;
  std::vector<std::string> controllers_;
  Promises& promises_;
  std::function<bool()> calm_;
  io::Loop* loop_ = nullptr;
  rpc::Client* client_ = nullptr;
  auth::Munge munge_;
  std::vector<std::uint32_t> own_;
  unsigned submissions_ = 0;
  bool resting_ = false;
};

}  // namespace flurm::sim
