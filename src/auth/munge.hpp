// auth/munge.hpp — credentials made and checked by the local munged.
//
// Every call asks the daemon over its socket and may block: call from worker threads. All members may be called from
// any thread at once.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/types.hpp"

namespace flurm::auth {

/// What munged says of a credential that is genuine.
enum class Validity : unsigned char {
  good,
  expired,   ///< older than its time to live
  rewound,   ///< made in the future: clocks differ
  replayed,  ///< decoded before on this machine
};
std::string_view validity_text(Validity validity);

struct Decoded {
  uid_t uid = 0;  ///< of the process that made the credential
  gid_t gid = 0;
  std::string payload;
  TimeS encode_time;
  Validity validity = Validity::good;
};

class Munge {
 public:
  /// socket: munged's; empty for the system's. ttl_s: time to live of what encode() makes; 0 = munged's default.
  explicit Munge(std::string socket = "", int ttl_s = 0) : socket_(std::move(socket)), ttl_s_(ttl_s) {}

  /// restrict_uid: only this user can decode it. Errors: auth_cred_invalid (munged does not answer, payload too long).
  Result<std::string> encode(std::string_view payload, std::optional<uid_t> restrict_uid = std::nullopt) const;

  /// Errors: protocol_authentication (not genuine, or not meant for us), auth_cred_invalid (munged does not answer).
  /// A genuine credential that is not good is no error: look at `validity`. munged remembers what it decoded, so
  /// decode once.
  Result<Decoded> decode(std::string_view credential) const;

  const std::string& socket() const { return socket_; }

 private:
  std::string socket_;
  int ttl_s_;
};

/// The signature that cred/munge makes for a job credential: a credential whose payload is the packed fields.
Result<std::string> sign(const Munge& munge, std::string_view packed);
/// Checks a signature made by `signer` (SlurmUser) or root. Replay is no error: several nodes may share a munged.
/// Errors: node_invalid_job_credential; auth_cred_invalid (munged does not answer).
Result<void> verify(const Munge& munge, std::string_view signature, std::string_view packed, uid_t signer);

}  // namespace flurm::auth
