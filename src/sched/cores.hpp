// sched/cores.hpp — sets of one node's cores as words of bits, inside flat arrays with the same width for every node.
// Core `c` of socket `s` is bit s * cores_per_socket + c, the numbering of NodeShare::cores.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace flurm::sched {

using Word = std::uint64_t;
using Cores = std::span<Word>;
using ConstCores = std::span<const Word>;

inline bool has(ConstCores set, std::size_t core) { return set[core / 64] >> (core % 64) & 1; }
inline void set(Cores set, std::size_t core) { set[core / 64] |= Word{1} << (core % 64); }
inline void clear(Cores set, std::size_t core) { set[core / 64] &= ~(Word{1} << (core % 64)); }

inline std::uint32_t count(ConstCores set) {
  std::uint32_t sum = 0;
  for (Word word : set) sum += static_cast<std::uint32_t>(std::popcount(word));
  return sum;
}

/// How many of the `size` cores from `first` on are in the set.
inline std::uint32_t count(ConstCores set, std::size_t first, std::size_t size) {
  std::uint32_t sum = 0;
  while (size > 0) {
    const std::size_t shift = first % 64, here = size < 64 - shift ? size : 64 - shift;
    const Word mask = here == 64 ? ~Word{0} : (Word{1} << here) - 1;
    sum += static_cast<std::uint32_t>(std::popcount(set[first / 64] >> shift & mask));
    first += here;
    size -= here;
  }
  return sum;
}

inline void clear(Cores set, std::size_t first, std::size_t size) {
  for (std::size_t core = first; core < first + size; ++core) clear(set, core);
}

}  // namespace flurm::sched
