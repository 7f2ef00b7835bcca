// cluster/bytes.hpp — numbers of the link's own protocol: most significant byte first.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace flurm::cluster {

template <class Number>
void put(std::string& out, Number value) {
  for (std::size_t i = sizeof value; i-- > 0;) out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
}

/// The caller has checked that the bytes are there.
template <class Number>
Number get(std::string_view in, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) value = value << 8 | static_cast<unsigned char>(in[at + i]);
  return static_cast<Number>(value);
}

}  // namespace flurm::cluster
