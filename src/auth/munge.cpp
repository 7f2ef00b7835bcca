// auth/munge.cpp — the only file that includes libmunge's header.
#include "auth/munge.hpp"

#include <munge.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <thread>
#include <utility>

namespace flurm::auth {
namespace {

struct FreeContext {
  void operator()(munge_ctx* context) const { munge_ctx_destroy(context); }
};
using Context = std::unique_ptr<munge_ctx, FreeContext>;
struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};

/// A decode changes its context's options to those of the credential, so each thread keeps one for each direction.
struct ThreadContexts {
  Context encode, decode;
};

ThreadContexts& contexts_for(const std::string& socket) {
  thread_local std::map<std::string, ThreadContexts> contexts;
  ThreadContexts& found = contexts[socket];
  if (!found.encode) {
    found.encode.reset(munge_ctx_create());
    found.decode.reset(munge_ctx_create());
    FLURM_CHECK(found.encode && found.decode, "out of memory");
    if (!socket.empty()) {
      munge_ctx_set(found.encode.get(), MUNGE_OPT_SOCKET, socket.c_str());
      munge_ctx_set(found.decode.get(), MUNGE_OPT_SOCKET, socket.c_str());
    }
  }
  return found;
}

/// munged refuses connections for a moment when many come at once; libmunge's own patience is short.
constexpr int kAttempts = 5;
constexpr auto kPause = std::chrono::milliseconds(20);

template <class Attempt>
munge_err_t persist(Attempt attempt) {
  munge_err_t error = EMUNGE_SUCCESS;
  for (int i = 0; i < kAttempts; ++i) {
    if (i) std::this_thread::sleep_for(kPause * i);
    error = attempt();
    if (error != EMUNGE_SOCKET && error != EMUNGE_TIMEOUT) break;
  }
  return error;
}

std::string text_of(munge_ctx* context, munge_err_t error) {
  const char* detail = munge_ctx_strerror(context);
  return detail ? detail : munge_strerror(error);
}

}  // namespace

std::string_view validity_text(Validity validity) {
  switch (validity) {
    case Validity::good:
      return "good";
    case Validity::expired:
      return "expired credential";
    case Validity::rewound:
      return "credential from the future";
    case Validity::replayed:
      return "replayed credential";
  }
  return "?";
}

Result<std::string> Munge::encode(std::string_view payload, std::optional<uid_t> restrict_uid) const {
  munge_ctx* context = contexts_for(socket_).encode.get();
  munge_ctx_set(context, MUNGE_OPT_TTL, ttl_s_);
  munge_ctx_set(context, MUNGE_OPT_UID_RESTRICTION, restrict_uid.value_or(static_cast<uid_t>(MUNGE_UID_ANY)));
  char* text = nullptr;
  munge_err_t error =
      persist([&] { return munge_encode(&text, context, payload.data(), static_cast<int>(payload.size())); });
  std::unique_ptr<char, FreeMemory> owned(text);
  if (error != EMUNGE_SUCCESS) return fail(Errc::auth_cred_invalid, "munge: {}", text_of(context, error));
  return std::string(text);
}

Result<Decoded> Munge::decode(std::string_view credential) const {
  munge_ctx* context = contexts_for(socket_).decode.get();
  std::string text(credential);
  void* payload = nullptr;
  int size = 0;
  Decoded decoded;
  munge_err_t error = persist([&] {
    std::free(std::exchange(payload, nullptr));
    return munge_decode(text.c_str(), context, &payload, &size, &decoded.uid, &decoded.gid);
  });
  std::unique_ptr<void, FreeMemory> owned(payload);
  std::string detail = error == EMUNGE_SUCCESS ? "" : text_of(context, error);
  time_t encoded = 0;
  munge_ctx_get(context, MUNGE_OPT_ENCODE_TIME, &encoded);
  switch (error) {
    case EMUNGE_SUCCESS:
      break;
    case EMUNGE_CRED_EXPIRED:
      decoded.validity = Validity::expired;
      break;
    case EMUNGE_CRED_REWOUND:
      decoded.validity = Validity::rewound;
      break;
    case EMUNGE_CRED_REPLAYED:
      decoded.validity = Validity::replayed;
      break;
    case EMUNGE_SOCKET:
    case EMUNGE_TIMEOUT:
    case EMUNGE_SNAFU:
    case EMUNGE_NO_MEMORY:
      return fail(Errc::auth_cred_invalid, "munge: {}", detail);
    default:
      return fail(Errc::protocol_authentication, "munge: {}", detail);
  }
  decoded.encode_time = {encoded};
  if (payload) decoded.payload.assign(static_cast<const char*>(payload), static_cast<std::size_t>(size));
  return decoded;
}

Result<std::string> sign(const Munge& munge, std::string_view packed) { return munge.encode(packed); }

Result<void> verify(const Munge& munge, std::string_view signature, std::string_view packed, uid_t signer) {
  Result<Decoded> decoded = munge.decode(signature);
  if (!decoded) {
    if (decoded.error().code == Errc::auth_cred_invalid) return fail(decoded.error());
    return fail(Errc::node_invalid_job_credential, "{}", decoded.error().text);
  }
  if (decoded->validity != Validity::good && decoded->validity != Validity::replayed) {
    return fail(Errc::node_invalid_job_credential, "{}", validity_text(decoded->validity));
  }
  if (decoded->uid != signer && decoded->uid != 0) {
    return fail(Errc::node_invalid_job_credential, "signed by uid {}, not by SlurmUser", decoded->uid);
  }
  if (decoded->payload != packed) {
    return fail(Errc::node_invalid_job_credential, "the signature belongs to another credential");
  }
  return {};
}

}  // namespace flurm::auth
