// auth/request_credential.cpp — see request_credential.hpp.
#include "auth/request_credential.hpp"

#include <openssl/evp.h>

namespace flurm::auth {
namespace {

constexpr std::string_view kScheme = "Munge ";

/// A path holds no line feed, a method neither, so two requests never give the same text.
std::string digest(const RequestText& request) {
  const std::string text = fmt::format("{}\n{}\n{}", request.method, request.path, request.body);
  std::string out(32, '\0');
  unsigned size = 0;
  const int done =
      EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &size, EVP_sha256(), nullptr);
  FLURM_CHECK(done == 1 && size == out.size(), "SHA-256 failed");
  return out;
}

}  // namespace

Result<std::string> sign_request(const Munge& munge, const RequestText& request) {
  FLURM_TRY(const std::string credential, munge.encode(digest(request)));
  return std::string(kScheme) + credential;
}

Result<uid_t> request_signer(const Munge& munge, std::string_view authorization, const RequestText& request) {
  if (!authorization.starts_with(kScheme))
    return fail(Errc::protocol_authentication, "the request has no MUNGE credential (Authorization: Munge ...)");
  FLURM_TRY(const Decoded decoded, munge.decode(authorization.substr(kScheme.size())));
  if (decoded.validity != Validity::good)
    return fail(Errc::protocol_authentication, "{}", validity_text(decoded.validity));
  if (request.path.find('\n') != request.path.npos || decoded.payload != digest(request))
    return fail(Errc::protocol_authentication, "the credential belongs to another request");
  return decoded.uid;
}

}  // namespace flurm::auth
