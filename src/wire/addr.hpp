// wire/addr.hpp — a network address as Slurm packs it.
#pragma once
#include <cstdint>
#include <string>

#include "codec/archive.hpp"

namespace flurm::wire {

/// Family numbers are Linux's. IPv4 travels byte-reversed (the sender swaps what is already in network order);
/// IPv6 bytes do not, its port does.
struct Addr {
  enum Family : std::uint16_t { unspecified = 0, ipv4 = 2, ipv6 = 10 };
  std::uint16_t family = unspecified;
  std::string bytes;  // 4 or 16, in the order people write them; empty when unspecified
  std::uint16_t port = 0;
  bool operator==(const Addr&) const = default;
};
void fields(codec::Archive& ar, Addr& m);

/// From four or sixteen bytes in network order.
Addr make_addr(std::string network_order, std::uint16_t port);

}  // namespace flurm::wire
