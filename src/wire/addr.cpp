// wire/addr.cpp — packing of addresses.
#include "wire/addr.hpp"

#include <algorithm>

namespace flurm::wire {
namespace {

std::uint16_t swapped(std::uint16_t v) { return static_cast<std::uint16_t>(v << 8 | v >> 8); }

void port(codec::Archive& ar, Addr& m) {
  std::uint16_t reversed = swapped(m.port);
  ar("port", reversed);
  if (ar.fills()) m.port = swapped(reversed);
}

}  // namespace

Addr make_addr(std::string network_order, std::uint16_t port) {
  std::uint16_t family = network_order.size() == 4 ? Addr::ipv4 : Addr::ipv6;
  return {family, std::move(network_order), port};
}

void fields(codec::Archive& ar, Addr& m) {
  if (ar.kind() == codec::Kind::fuzz) {
    static constexpr std::uint16_t kFamilies[] = {Addr::unspecified, Addr::ipv4, Addr::ipv6};
    m = {};
    m.family = kFamilies[ar.choose(3)];
    if (m.family == Addr::unspecified) return;
    m.bytes.resize(m.family == Addr::ipv4 ? 4 : 16);
    for (char& byte : m.bytes) byte = static_cast<char>(ar.choose(256));
    m.port = static_cast<std::uint16_t>(ar.choose(65536));
    return;
  }
  ar("family", m.family);
  if (m.family == Addr::ipv4) {
    std::uint32_t reversed = 0;
    for (std::size_t i = 0; i < 4 && i < m.bytes.size(); ++i) {
      reversed |= std::uint32_t{static_cast<unsigned char>(m.bytes[i])} << (8 * i);
    }
    ar("address", reversed);
    if (ar.fills()) {
      m.bytes.resize(4);
      for (std::size_t i = 0; i < 4; ++i) m.bytes[i] = static_cast<char>(reversed >> (8 * i));
    }
    port(ar, m);
  } else if (m.family == Addr::ipv6) {
    ar("address", codec::bytes(m.bytes));
    if (ar.kind() == codec::Kind::unpack && m.bytes.size() != 16) ar.reject("an IPv6 address has 16 bytes");
    port(ar, m);
  }
}

}  // namespace flurm::wire
