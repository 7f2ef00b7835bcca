// pmix/server.hpp — OpenPMIx's server library for the tasks of one node, and the socket to the step's supervisor.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "codec/pack.hpp"
#include "exec/step_messages.hpp"
#include "pmix/fences.hpp"

// OpenPMIx's, which only server.cpp sees.
struct pmix_proc;

namespace flurm::pmix {

/// One per process: the library keeps it so. Its thread calls back; `mutex_` guards what both use.
class Server {
 public:
  /// socket: to the supervisor, blocking; not owned.
  explicit Server(int socket) : socket_(socket) {}
  ~Server();

  /// Serves until the supervisor says no more. Returns the exit status of the process.
  int run();

 private:
  friend struct Callbacks;
  using Found = std::move_only_function<void(std::int32_t status, std::string data)>;

  Result<void> start(const exec::PmixSetup& setup);
  Result<void> describe_step();
  Result<void> expect_tasks(exec::PmixReady& ready);
  void take(const exec::StepParcel& parcel);
  void answer(std::uint32_t node, std::uint64_t number, std::uint32_t task);
  void send_letter(std::uint32_t node, const Letter& letter);
  template <class M>
  void send(exec::StepFrame type, const M& message);
  /// Called by the library's thread.
  void fence(const pmix_proc* tasks, std::size_t count, std::string data, Fences::Done done);
  bool find(std::uint32_t task, Found found);

  const int socket_;
  exec::StepPmix step_;
  std::uint32_t node_rank_ = 0;
  std::string space_;                   ///< PMIx's namespace
  std::string directory_;               ///< of ours, while we run
  std::vector<std::uint32_t> node_of_;  ///< by global task id

  std::mutex mutex_, writing_;
  std::unique_ptr<Fences> fences_;
  std::map<std::uint32_t, std::uint64_t> sent_;  ///< parcels to each node
  std::uint64_t requests_ = 0;
  std::map<std::uint64_t, Found> wanted_;
};

}  // namespace flurm::pmix
