// noded/ports.hpp — how the node service reaches the world of messages, and how tests stand in for it.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "codec/pack.hpp"
#include "io/clock.hpp"
#include "io/task.hpp"
#include "wire/cred.hpp"
#include "wire/msg_type.hpp"

namespace flurm::noded {

/// A message to be sent; the body is made when the receiver's version is known, perhaps several times.
struct Outgoing {
  wire::MsgType type{};
  std::function<std::string(std::uint16_t version)> body;

  template <class M>
  static Outgoing of(wire::MsgType type, M message) {
    return {type, [message = std::move(message)](std::uint16_t version) { return codec::pack(message, version); }};
  }
};

/// A run of a job, as the controller has it.
struct JobRun {
  bool active = false;  ///< running or suspended, not ending
  std::string batch_host;
  std::uint32_t restart_count = 0;
};

/// The controllers of the cluster, seen as one.
class ControllerPort {
 public:
  virtual ~ControllerPort() = default;
  /// One attempt over all controllers in turn; returns the code of the answer, 0 for an answer that is none.
  /// Errors: those of the last one tried.
  virtual io::Task<Result<std::uint32_t>> ask(Outgoing message) = 0;
  /// The same for a message that is not answered.
  virtual io::Task<Result<void>> tell(Outgoing message) = 0;
  /// The job's present run; nullopt when no controller knows the job. Errors: as ask().
  virtual io::Task<Result<std::optional<JobRun>>> job_run(std::uint32_t job_id) = 0;
};

/// srun, sattach: who follows a step.
struct ClientAddress {
  std::string host;  ///< numeric
  std::uint16_t port = 0, version = 0;
  std::uint32_t uid = 0;  ///< who runs it, and alone may read what it is told
  bool operator==(const ClientAddress&) const = default;
};

class ClientPort {
 public:
  virtual ~ClientPort() = default;
  /// Says it until the client has answered, a few times at most. Errors: those of the last try.
  virtual io::Task<Result<void>> tell(ClientAddress to, Outgoing message) = 0;
};

/// The other nodes' daemons.
class NodePort {
 public:
  virtual ~NodePort() = default;
  /// One attempt; returns the code of the answer. Errors: invalid_node_name; of the connection.
  virtual io::Task<Result<std::uint32_t>> ask(std::string node_name, Outgoing message) = 0;
};

/// Judges credentials of jobs, steps and broadcast files.
class CredentialPort {
 public:
  virtual ~CredentialPort() = default;
  /// Whether SlurmUser or root signed exactly these bytes, and not too long ago.
  /// Errors: node_invalid_job_credential, node_credential_expired.
  virtual io::Task<Result<void>> verify(std::string signed_bytes, std::string signature) = 0;
};

}  // namespace flurm::noded
