// wire/k12.cpp — KangarooTwelve after RFC 9861: Keccak-p[1600] with 12 rounds, and a tree for long messages.
#include "wire/k12.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace flurm::wire {
namespace {

constexpr std::size_t kRate = 168, kChunk = 8192;

// Round constants of the last 12 of Keccak-f[1600]'s 24 rounds, and its rotations along the path of the pi step.
constexpr std::uint64_t kRounds[12] = {0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
                                       0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
                                       0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};
constexpr int kRotations[24] = {1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};
constexpr int kLanes[24] = {10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1};

/// Calls `step` with 0 … n-1 as constants: unrolled by hand this is four times as fast as loops over indexes mod 5.
template <int... I>
inline void each(std::integer_sequence<int, I...>, auto&& step) {
  (step(std::integral_constant<int, I>{}), ...);
}
using Five = std::make_integer_sequence<int, 5>;

void permute(std::uint64_t (&state)[25]) {
  std::uint64_t a[25];
  std::memcpy(a, state, sizeof(a));
  for (std::uint64_t constant : kRounds) {
    std::uint64_t c[5];
    each(Five{}, [&](auto x) { c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20]; });
    each(Five{}, [&](auto x) {
      std::uint64_t d = c[(x + 4) % 5] ^ std::rotl(c[(x + 1) % 5], 1);
      each(Five{}, [&](auto y) { a[x + 5 * y] ^= d; });
    });
    std::uint64_t moving = a[1];
    each(std::make_integer_sequence<int, 24>{},
         [&](auto i) { moving = std::exchange(a[kLanes[i]], std::rotl(moving, kRotations[i])); });
    each(Five{}, [&](auto y) {
      std::uint64_t row[5];
      each(Five{}, [&](auto x) { row[x] = a[x + 5 * y]; });
      each(Five{}, [&](auto x) { a[x + 5 * y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]); });
    });
    a[0] ^= constant;
  }
  std::memcpy(state, a, sizeof(a));
}

/// TurboSHAKE128, fed in pieces.
class Sponge {
 public:
  void absorb(std::string_view bytes) {
    while (!bytes.empty()) {
      std::size_t n = 1;
      if (at_ % 8 == 0 && bytes.size() >= 8) {  // a whole lane; kRate is a multiple of 8
        std::uint64_t lane;
        std::memcpy(&lane, bytes.data(), 8);
        if constexpr (std::endian::native == std::endian::big) lane = __builtin_bswap64(lane);
        state_[at_ / 8] ^= lane;
        n = 8;
      } else {
        mix(at_, static_cast<std::uint8_t>(bytes[0]));
      }
      at_ += n;
      bytes.remove_prefix(n);
      if (at_ == kRate) {
        permute(state_);
        at_ = 0;
      }
    }
  }
  std::array<std::uint8_t, 32> squeeze(std::uint8_t domain) {
    mix(at_, domain);
    mix(kRate - 1, 0x80);
    permute(state_);
    std::array<std::uint8_t, 32> out;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(state_[i / 8] >> (i % 8 * 8));
    return out;
  }

 private:
  void mix(std::size_t at, std::uint8_t byte) { state_[at / 8] ^= std::uint64_t{byte} << (at % 8 * 8); }
  std::uint64_t state_[25] = {};
  std::size_t at_ = 0;
};

/// The number's bytes, most significant first and without leading zeros, then how many they are.
std::string length_encode(std::uint64_t n) {
  std::string text;
  for (int shift = 56; shift >= 0; shift -= 8) {
    char byte = static_cast<char>(n >> shift);
    if (!text.empty() || byte != 0) text += byte;
  }
  text += static_cast<char>(text.size());
  return text;
}

std::string_view view(const std::array<std::uint8_t, 32>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::array<std::uint8_t, 32> k12(std::string_view message, std::string_view customization) {
  std::string tail = std::string(customization) + length_encode(customization.size());
  std::size_t total = message.size() + tail.size();
  // The input is message ‖ tail; chunks that touch the tail are put together, the others are used in place.
  auto feed = [&](Sponge& sponge, std::size_t from, std::size_t to) {
    if (from < message.size()) sponge.absorb(message.substr(from, std::min(to, message.size()) - from));
    if (to > message.size()) {
      std::size_t start = std::max(from, message.size()) - message.size();
      sponge.absorb(std::string_view(tail).substr(start, to - message.size() - start));
    }
  };
  Sponge final;
  if (total <= kChunk) {
    feed(final, 0, total);
    return final.squeeze(0x07);
  }
  feed(final, 0, kChunk);
  final.absorb(std::string_view("\x03\0\0\0\0\0\0\0", 8));
  std::uint64_t leaves = 0;
  for (std::size_t at = kChunk; at < total; at += kChunk, ++leaves) {
    Sponge leaf;
    feed(leaf, at, std::min(at + kChunk, total));
    final.absorb(view(leaf.squeeze(0x0b)));
  }
  final.absorb(length_encode(leaves));
  final.absorb("\xff\xff");
  return final.squeeze(0x06);
}

namespace {
std::string type_bytes(MsgType type) {
  auto number = static_cast<std::uint16_t>(type);
  return {static_cast<char>(number >> 8), static_cast<char>(number)};
}
}  // namespace

std::string body_hash(MsgType type, std::string_view body) {
  return "\x02" + std::string(view(k12(body, type_bytes(type))));
}

bool body_hash_matches(std::string_view payload, MsgType type, std::string_view body, std::uint16_t version) {
  if (payload.empty()) return true;
  if (payload[0] == 1) {
    const std::string bytes = type_bytes(type), own_order{bytes[1], bytes[0]};
    const std::string_view named = payload.substr(1);
    return named == bytes || (version < v22_05 && named == own_order);
  }
  return payload == body_hash(type, body);
}

}  // namespace flurm::wire
