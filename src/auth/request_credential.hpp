// auth/request_credential.hpp — who makes an HTTP request: a MUNGE credential that is good for that request alone.
//
// It travels as `Authorization: Munge <credential>`. Its payload is the SHA-256 of method, path and body, so that it
// proves nothing about another request; munged refuses to decode it a second time on its machine.
#pragma once
#include <string>
#include <string_view>

#include "auth/munge.hpp"

namespace flurm::auth {

/// What the credential is about. Views into the caller's strings.
struct RequestText {
  std::string_view method, path, body;
};

/// The value of the Authorization header. Blocks, as Munge does. Errors: as Munge::encode().
Result<std::string> sign_request(const Munge& munge, const RequestText& request);

/// The user who signed the request. Blocks, as Munge does. Errors: protocol_authentication (missing, not genuine, of
/// another request, expired, used before), auth_cred_invalid (munged does not answer).
Result<uid_t> request_signer(const Munge& munge, std::string_view authorization, const RequestText& request);

}  // namespace flurm::auth
