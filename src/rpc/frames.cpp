// rpc/frames.cpp — reading frames; checking and making them.
#include "rpc/frames.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "wire/k12.hpp"

namespace flurm::rpc {
namespace {

std::uint32_t big_endian_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// Unpacks the body where it is described. Errors: corrupt.
Result<void> unpack_body(Message& message) {
  const wire::MessageInfo* info = wire::find_message(message.type());
  if (!info || !info->in(message.version())) return {};
  FLURM_TRY(message.message, info->unpack(message.body(), message.version()));
  return {};
}

/// Slurm writes a frame's length by itself. Once a connection has had an answer, its kernel holds the rest back until
/// this has been acknowledged, and ours would take 40 ms to do so.
void acknowledge(const io::Stream& stream) {
  const int yes = 1;
  (void)setsockopt(stream.fd(), IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof yes);
}

std::string answer_authentication_failed(const wire::Header& request) {
  // 22.05 closes without a word; later releases say why, without a credential.
  if (request.version < wire::v24_11) return "";
  wire::ReturnCode code{static_cast<std::uint32_t>(Errc::protocol_authentication)};
  wire::Header header = wire::reply_header(request, wire::MsgType::RESPONSE_SLURM_RC);
  return wire::build_frame(std::move(header), std::nullopt, codec::pack(code, request.version));
}

Result<void> authenticate(Message& message, const auth::Munge& munge, const OpenOptions& options) {
  if (options.for_another) return {};
  if (!message.auth) {
    if (options.is_answer) return {};
    return fail(Errc::protocol_authentication, "no credential");
  }
  if (message.auth->plugin_id != wire::AuthSection::munge) {
    return fail(Errc::protocol_authentication, "authentication plugin {} is not ours", message.auth->plugin_id);
  }
  FLURM_TRY(auth::Decoded decoded, munge.decode(message.auth->credential));
  bool acceptable = decoded.validity == auth::Validity::good ||
                    (decoded.validity == auth::Validity::replayed && options.accept_replayed);
  if (!acceptable) return fail(Errc::protocol_authentication, "{}", auth::validity_text(decoded.validity));
  if (!wire::body_hash_matches(decoded.payload, message.type(), message.body(), message.version())) {
    return fail(Errc::protocol_authentication, "the credential belongs to another message");
  }
  message.identity = {decoded.uid, decoded.gid};
  message.authenticated = true;
  return {};
}

}  // namespace

std::string type_text(wire::MsgType type) {
  std::string_view name = wire::msg_type_name(type);
  return name.empty() ? fmt::format("type {}", static_cast<unsigned>(type)) : std::string(name);
}

const void* Message::checked(std::string_view type_name) const {
  const wire::MessageInfo* info = wire::find_message(type());
  FLURM_CHECK(message && info && info->struct_name == type_name, "{} is no {}", type_text(type()), type_name);
  return message.get();
}

io::Task<Result<std::string>> read_frame(io::Stream& stream, std::string& buffer, std::uint32_t bytes_max,
                                         io::Deadline deadline) {
  // The announced length is believed only as bytes arrive: memory grows with what the peer really sends.
  std::size_t needed = 4;
  while (true) {
    if (buffer.size() >= 4) {
      std::uint32_t length = big_endian_u32(buffer);
      if (length > bytes_max) {
        co_return fail(Errc::protocol_insane_length, "a frame of {} bytes exceeds {}", length, bytes_max);
      }
      needed = std::size_t{4} + length;
      if (buffer.size() >= needed) break;
    }
    if (buffer.size() == 4) acknowledge(stream);
    auto reading = stream.read_append(buffer, deadline);
    Result<std::size_t> n = co_await reading;
    if (!n) co_return fail(n.error());
    if (*n == 0) {
      if (buffer.empty()) co_return fail(Errc::closed);
      co_return fail(Errc::closed, "the peer ended after {} of {} bytes", buffer.size(), needed);
    }
  }
  std::string frame;
  if (buffer.size() == needed) {
    buffer.erase(0, 4);
    frame = std::exchange(buffer, {});
  } else {
    frame = buffer.substr(4, needed - 4);
    buffer.erase(0, needed);
  }
  co_return frame;
}

std::expected<Message, Refusal> open_frame(std::string frame, const auth::Munge& munge, const OpenOptions& options) {
  Message message;
  message.frame = std::move(frame);
  Result<wire::Frame> split = wire::split_frame(message.frame);
  if (!split) return std::unexpected(Refusal{split.error(), ""});
  message.body_offset = message.frame.size() - split->body.size();
  message.header = std::move(split->header);
  message.auth = std::move(split->auth);
  if (auto done = authenticate(message, munge, options); !done) {
    return std::unexpected(Refusal{done.error(), answer_authentication_failed(message.header)});
  }
  if (auto done = unpack_body(message); !done) return std::unexpected(Refusal{done.error(), ""});
  return message;
}

Result<std::string> seal_frame(wire::Header header, std::string_view body, const auth::Munge& munge,
                               std::optional<uid_t> restrict_uid) {
  wire::AuthSection section;
  FLURM_TRY(section.credential, munge.encode(wire::body_hash(header.msg_type, body), restrict_uid));
  return wire::build_frame(std::move(header), section, body);
}

std::string bare_frame(wire::MsgType type, std::string_view body) {
  auto length = static_cast<std::uint32_t>(body.size() + 2);
  auto number = static_cast<std::uint16_t>(type);
  std::string frame;
  frame.reserve(body.size() + 6);
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(length >> shift));
  frame.push_back(static_cast<char>(number >> 8));
  frame.push_back(static_cast<char>(number));
  frame.append(body);
  return frame;
}

Result<Message> open_bare_frame(std::string frame, std::uint16_t version) {
  if (frame.size() < 2) return fail(Errc::corrupt, "frame of {} bytes", frame.size());
  Message message;
  message.frame = std::move(frame);
  message.body_offset = 2;
  auto high = static_cast<unsigned char>(message.frame[0]), low = static_cast<unsigned char>(message.frame[1]);
  message.header.version = version;
  message.header.msg_type = static_cast<wire::MsgType>(high << 8 | low);
  message.header.body_length = static_cast<std::uint32_t>(message.frame.size() - 2);
  if (auto done = unpack_body(message); !done) return fail(done.error());
  return message;
}

}  // namespace flurm::rpc
