// cluster/proof.cpp — see proof.hpp.
#include "cluster/proof.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/result.hpp"

namespace flurm::cluster {
namespace {

unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

std::string digest(std::string_view text) {
  std::string out(kDigestBytes, '\0');
  unsigned size = 0;
  const int done = EVP_Digest(text.data(), text.size(), bytes(out), &size, EVP_sha256(), nullptr);
  FLURM_CHECK(done == 1 && size == kDigestBytes, "SHA-256 failed");
  return out;
}

std::string proof(std::string_view secret, std::string_view text) {
  std::string out(kDigestBytes, '\0');
  unsigned size = 0;
  const auto* done =
      HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes(text), text.size(), bytes(out), &size);
  FLURM_CHECK(done && size == kDigestBytes, "HMAC-SHA256 failed");
  return out;
}

bool same_bytes(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace flurm::cluster
