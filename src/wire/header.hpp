// wire/header.hpp — a frame: u32 length, header, auth section, body; taking one apart and building one.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "codec/archive.hpp"
#include "wire/addr.hpp"
#include "wire/auth.hpp"
#include "wire/msg_type.hpp"

namespace flurm::wire {

/// Header flags. keep_buffer is local to Slurm's senders but leaks onto the wire: ignore it.
enum HeaderFlag : std::uint16_t {
  global_auth_key = 0x01,
  slurmdbd_connection = 0x02,
  keep_buffer = 0x04,
  drop_priv = 0x08,
  use_bcast_network = 0x10,
  no_auth_cred = 0x40,  // since 23.02: the auth section is left out
  pack_addrs = 0x80,    // since 23.11
};

/// The largest frame Slurm's own readers take; a server sets its own, smaller limit.
inline constexpr std::uint32_t kFrameBytesMax = 1u << 30;

/// Where a receiver must pass the message on. An empty node list: nowhere.
struct Forward {
  std::uint16_t cnt = 0;  // number of nodes in nodelist
  std::string nodelist;   // hostlist expression
  std::uint32_t timeout_ms = 0;
  std::uint16_t tree_width = 0;
  std::string net_cred;
  std::uint16_t tree_depth = 0;
  bool operator==(const Forward&) const = default;
};

/// The answer of a node to which the message was forwarded, carried back in the direct answer's header.
struct RetEntry {
  std::uint32_t err = 0;
  MsgType type{};
  std::string node_name;
  std::string body;  // packed in the header's version
  bool operator==(const RetEntry&) const = default;
};

struct Header {
  std::uint16_t version = kNewestVersion;
  std::uint16_t flags = 0;
  MsgType msg_type{};
  std::uint32_t body_length = 0;  // build_frame() sets it
  Forward forward;
  std::vector<RetEntry> ret_list;
  Addr orig_addr;
  bool operator==(const Header&) const = default;
};
void fields(codec::Archive& ar, Header& m);

/// A frame taken apart. `body` points into the bytes given to split_frame().
struct Frame {
  Header header;
  std::optional<AuthSection> auth;  // none: the sender left it out
  std::string_view body;
};

/// Whether messages of the type are understood in the version: all of the supported ones; of the two before them the
/// requests to register and to answer, which have no body, and their answers.
bool spoken(std::uint16_t version, MsgType type);

/// Takes apart what follows the u32 length. Errors: protocol_version (the number stands in the text), corrupt.
Result<Frame> split_frame(std::string_view frame);

/// The whole frame, u32 length included. Without `auth` the header says so (allowed from 23.02 on).
std::string build_frame(Header header, const std::optional<AuthSection>& auth, std::string_view body);

/// The header of an answer: the request's version, nothing to forward.
Header reply_header(const Header& request, MsgType type);

}  // namespace flurm::wire
