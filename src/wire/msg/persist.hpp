// wire/msg/persist.hpp — opening a persistent connection.
#pragma once
#include <cstdint>
#include <string>

#include "codec/archive.hpp"

namespace flurm::wire {

/// REQUEST_PERSIST_INIT. port: of the sender's listener, 0 for clients.
struct PersistInit {
  std::uint16_t version = 0;
  std::string cluster_name;
  std::uint16_t persist_type = 0, port = 0;
  bool operator==(const PersistInit&) const = default;
};
void fields(codec::Archive& ar, PersistInit& m);

/// PERSIST_RC: the answer to REQUEST_PERSIST_INIT (ret_info: the version to use from now on) and to later messages
/// (ret_info: the type of the request).
struct PersistRc {
  std::string comment;
  std::uint16_t flags = 0;
  std::uint32_t rc = 0;
  std::uint16_t ret_info = 0;
  bool operator==(const PersistRc&) const = default;
};
void fields(codec::Archive& ar, PersistRc& m);

enum PersistType : std::uint16_t {
  persist_none = 0,
  persist_dbd = 1,
  persist_fed = 2,
  persist_ha_ctl = 3,
  persist_ha_dbd = 4
};

}  // namespace flurm::wire
