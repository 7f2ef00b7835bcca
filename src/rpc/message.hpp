// rpc/message.hpp — requests and replies as services see them: authenticated, unpacked, without sockets.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "codec/pack.hpp"
#include "io/task.hpp"
#include "wire/header.hpp"
#include "wire/msg/return_code.hpp"
#include "wire/registry.hpp"

namespace flurm::rpc {

/// Who made the credential. Names in bodies are claims; this is the truth.
struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
};

/// A message that was received, with its body unpacked where the registry describes it.
struct Message {
  wire::Header header;
  std::optional<wire::AuthSection> auth;
  Identity identity;
  bool authenticated = false;  ///< false only in answers without a credential
  wire::AnyMessage message;    ///< null: no description of this type, in this version

  wire::MsgType type() const { return header.msg_type; }
  std::uint16_t version() const { return header.version; }
  std::string_view body() const { return std::string_view(frame).substr(body_offset); }

  /// The unpacked body; T must be the registry's type for this message.
  template <class T>
  const T& as() const {
    return *static_cast<const T*>(checked(codec::detail::type_name<T>()));
  }
  template <class T>
  bool is() const {
    const wire::MessageInfo* info = message ? wire::find_message(type()) : nullptr;
    return info && info->struct_name == codec::detail::type_name<T>();
  }

  std::string frame;  // what came after the u32 length
  std::size_t body_offset = 0;

 private:
  const void* checked(std::string_view type_name) const;
};

struct Request : Message {
  std::string peer;         ///< "127.0.0.1:40112", for logs
  bool persistent = false;  ///< came over a persistent connection; identity is that of its opening
};

using Response = Message;

/// What a handler answers with. A reply is packed in the request's version, or in `version`, which the peer must know.
struct Reply {
  wire::MsgType type{};
  std::uint16_t version = 0;
  std::string body;
  /// Instead of `body`, for long ones: runs on a worker, so it must own what it uses.
  std::move_only_function<std::string()> make_body;
  /// Answers of nodes the request was forwarded to; the server fills it in when it forwards itself.
  std::vector<wire::RetEntry> ret_list;
  /// From 23.02 on answers go without a credential; slurmd's answers with data still have one.
  bool credential = false;
  /// false: close without an answer.
  bool send = true;

  static Reply rc(std::uint32_t code, std::uint16_t version) {
    return of(wire::MsgType::RESPONSE_SLURM_RC, wire::ReturnCode{code}, version);
  }
  static Reply rc(Errc code, std::uint16_t version) { return rc(static_cast<std::uint32_t>(code), version); }
  template <class M>
  static Reply of(wire::MsgType type, const M& message, std::uint16_t version) {
    Reply reply;
    reply.type = type;
    reply.body = codec::pack(message, version);
    return reply;
  }
  static Reply none() {
    Reply reply;
    reply.send = false;
    return reply;
  }
};

/// Answers one request. Runs on the loop; every request must be answered, unknown types with Errc::einval.
using Handler = std::function<io::Task<Reply>(Request)>;

/// "REQUEST_PING" or "type 4711".
std::string type_text(wire::MsgType type);

}  // namespace flurm::rpc
