// wire/auth.hpp — the authentication section between header and body. Making and checking credentials is the auth
// room's work; here they are text.
#pragma once
#include <cstdint>
#include <string>

#include "codec/archive.hpp"

namespace flurm::wire {

struct AuthSection {
  enum Plugin : std::uint32_t { none = 100, munge = 101, jwt = 102, slurm = 103 };
  std::uint32_t plugin_id = munge;
  std::string credential;          // munge text, or a token; with auth/none the sender's host name
  std::string user_name;           // auth/jwt only; may be empty
  std::uint32_t uid = 0, gid = 0;  // auth/none only
  bool operator==(const AuthSection&) const = default;
};
/// Unpacking refuses other plugins: their data has an unknown length.
void fields(codec::Archive& ar, AuthSection& m);

}  // namespace flurm::wire
