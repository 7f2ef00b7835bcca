// ctld/call.hpp — one request as the handlers see it, and its answer.
#pragma once
#include <cstdint>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "base/result.hpp"
#include "rpc/message.hpp"
#include "wire/versions.hpp"

namespace flurm::ctld {

/// What clients since 23.02 say in the place of an id that is to be the credential's (SLURM_AUTH_NOBODY).
inline constexpr std::uint32_t as_authenticated = 99;

/// A request whose sender is known: uid and gid come from the credential, never from the message.
struct Call {
  rpc::Request request;
  wire::MsgType type{};
  std::uint16_t version = 0;
  std::uint32_t uid = 0, gid = 0;
  std::string peer;

  explicit Call(rpc::Request from)
      : request(std::move(from)),
        type(request.type()),
        version(request.version()),
        uid(request.identity.uid),
        gid(request.identity.gid),
        peer(request.peer) {}

  /// The unpacked body; null when it is not an M.
  template <class M>
  const M* as() const {
    if (request.is<M>()) return &request.as<M>();
    log(Level::warn, "rpc.bad_body", {{"peer", peer}, {"type", wire::msg_type_name(type)}, {"version", version}});
    return nullptr;
  }
};

using Answer = rpc::Reply;

template <class M>
Answer answer(const Call& call, wire::MsgType type, const M& message) {
  return rpc::Reply::of(type, message, call.version);
}

/// RESPONSE_SLURM_RC.
inline Answer rc_answer(const Call& call, Errc code) { return rpc::Reply::rc(code, call.version); }

/// A number that clients know: our own codes, which must not travel, become a general one.
inline Errc public_code(Errc code) {
  // Nobody could decide: to the client it is as if no controller had been there.
  if (code == Errc::timed_out || code == Errc::not_leader || code == Errc::closed) return Errc::controller_unreachable;
  return static_cast<std::int32_t>(code) >= 100000 ? Errc::error : code;
}
inline Answer error_answer(const Call& call, const Error& error) { return rc_answer(call, public_code(error.code)); }

}  // namespace flurm::ctld
