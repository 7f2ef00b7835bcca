// wire/header.cpp — frames apart and together.
#include "wire/header.hpp"

#include "codec/pack.hpp"
#include "codec/unpack.hpp"
#include "wire/registry.hpp"

namespace flurm::wire {

using codec::Archive, codec::Kind, codec::since;

namespace {

/// Bodies in a ret list have no length of their own: the message's description finds the end.
void ret_body(Archive& ar, RetEntry& m) {
  switch (ar.kind()) {
    case Kind::unpack: {
      const MessageInfo* info = find_message(m.type);
      if (!info) return ar.reject("answer of a type that is not known");
      std::size_t start = ar.position();
      info->describe(ar, info->make().get());
      m.body = ar.consumed_since(start);
      break;
    }
    case Kind::fuzz: {
      m.type = MsgType::RESPONSE_SLURM_RC;
      const MessageInfo* info = find_message(m.type);
      m.body = info->pack(info->fuzz(ar.choose(1000), ar.version()).get(), ar.version());
      break;
    }
    default:
      ar("body", codec::rest(m.body));
  }
}

}  // namespace

void fields(Archive& ar, RetEntry& m) {
  ar("err", m.err);
  ar("type", m.type);
  ar("node_name", m.node_name);
  ret_body(ar, m);
}

void fields(Archive& ar, Forward& m, std::uint16_t flags) {
  ar("forward.cnt", m.cnt);
  if (m.cnt == 0 && ar.kind() != Kind::layout) return;
  ar("forward.nodelist", m.nodelist);
  ar("forward.timeout_ms", m.timeout_ms);
  ar("forward.tree_width", m.tree_width);
  if (flags & pack_addrs) ar("forward.net_cred", m.net_cred, since(v23_11));
  ar("forward.tree_depth", m.tree_depth, since(v24_11));
}

void fields(Archive& ar, Header& m) {
  ar("version", m.version);
  if (ar.kind() == Kind::fuzz) m.version = ar.version();
  ar("flags", m.flags);
  ar("msg_index", codec::unused<std::uint16_t>(), codec::until(v22_05));
  ar("msg_type", m.msg_type);
  ar("body_length", m.body_length);
  fields(ar, m.forward, m.flags);
  ar("ret_list", codec::counted<std::uint16_t>(m.ret_list));
  ar("orig_addr", m.orig_addr);
}

bool spoken(std::uint16_t version, MsgType type) {
  if (version != v20_11 && version != v21_08) return supported(version);
  switch (type) {
    case MsgType::REQUEST_PING:
    case MsgType::REQUEST_NODE_REGISTRATION_STATUS:
    case MsgType::RESPONSE_PING_SLURMD:
    case MsgType::RESPONSE_SLURM_RC:
    case MsgType::RESPONSE_FORWARD_FAILED:
      return true;
    default:
      return false;
  }
}

namespace {

std::uint16_t leading_u16(std::string_view bytes) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[0]) << 8 | static_cast<unsigned char>(bytes[1]));
}

}  // namespace

Result<Frame> split_frame(std::string_view bytes) {
  if (bytes.size() < 4) return fail(Errc::corrupt, "frame of {} bytes", bytes.size());
  // Who opens a connection to slurmdbd says the type of the message before everything else.
  if (leading_u16(bytes) == static_cast<std::uint16_t>(MsgType::REQUEST_PERSIST_INIT)) bytes.remove_prefix(2);
  auto version = leading_u16(bytes);
  const bool old = version == v20_11 || version == v21_08;
  if (!supported(version) && !old) return fail(Errc::protocol_version, "protocol version {:#06x}", version);
  Frame frame;
  codec::Unpacker unpacker(bytes, version);
  unpacker.item(frame.header);
  if (!spoken(version, frame.header.msg_type)) {
    return fail(Errc::protocol_version, "protocol version {:#06x} of {}", version,
                static_cast<unsigned>(frame.header.msg_type));
  }
  if (!(frame.header.flags & no_auth_cred && version >= v23_02)) unpacker.item(frame.auth.emplace());
  if (auto read = unpacker.status(); !read) return fail(read.error());
  if (unpacker.left() != frame.header.body_length) {
    return fail(Errc::corrupt, "body of {} bytes announced, {} there", frame.header.body_length, unpacker.left());
  }
  frame.body = bytes.substr(unpacker.position());
  return frame;
}

std::string build_frame(Header header, const std::optional<AuthSection>& auth, std::string_view body) {
  header.body_length = static_cast<std::uint32_t>(body.size());
  header.flags = static_cast<std::uint16_t>(auth ? header.flags & ~no_auth_cred : header.flags | no_auth_cred);
  std::string out(4, '\0');
  out.reserve(body.size() + 512);
  if (header.flags & slurmdbd_connection && header.msg_type == MsgType::REQUEST_PERSIST_INIT)
    codec::pack_to(out, static_cast<std::uint16_t>(header.msg_type), header.version);
  codec::pack_to(out, header, header.version);
  if (auth) codec::pack_to(out, *auth, header.version);
  out += body;
  std::string length = codec::pack(static_cast<std::uint32_t>(out.size() - 4), header.version);
  out.replace(0, 4, length);
  return out;
}

Header reply_header(const Header& request, MsgType type) {
  Header header;
  header.version = request.version;
  header.msg_type = type;
  return header;
}

}  // namespace flurm::wire
