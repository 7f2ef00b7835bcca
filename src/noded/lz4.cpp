// noded/lz4.cpp — see lz4.hpp.
#include "noded/lz4.hpp"

#include <algorithm>

namespace flurm::noded {
namespace {

constexpr std::size_t kLongLength = 15, kMatchMin = 4;

class Reader {
 public:
  explicit Reader(std::string_view left) : left_(left) {}
  bool at_end() const { return left_.empty(); }
  bool take(std::size_t n, std::string_view& out) {
    if (left_.size() < n) return false;
    out = left_.substr(0, n);
    left_.remove_prefix(n);
    return true;
  }
  bool byte(std::size_t& out) {
    std::string_view one;
    if (!take(1, one)) return false;
    out = static_cast<unsigned char>(one[0]);
    return true;
  }
  /// A length of 15 goes on in bytes that are added up, until one is less than 255.
  bool length(std::size_t& value, std::size_t limit) {
    if (value != kLongLength) return true;
    for (std::size_t more = 255; more == 255;) {
      if (!byte(more) || value > limit) return false;
      value += more;
    }
    return true;
  }

 private:
  std::string_view left_;
};

}  // namespace

Result<std::string> lz4_unpack(std::string_view block, std::size_t size) {
  std::string out;
  out.reserve(size);
  Reader in(block);
  const auto broken = [&](std::string_view what) {
    return fail(Errc::corrupt, "lz4: {} after {} of {} bytes", what, out.size(), size);
  };
  while (!in.at_end()) {
    std::size_t token = 0;
    std::string_view literals;
    (void)in.byte(token);
    std::size_t literal_length = token >> 4, match_length = token & 15;
    if (!in.length(literal_length, size) || !in.take(literal_length, literals)) return broken("literals cut short");
    if (out.size() + literals.size() > size) return broken("too much");
    out.append(literals);
    if (in.at_end()) break;  // the last sequence has no match
    std::size_t low = 0, high = 0;
    if (!in.byte(low) || !in.byte(high)) return broken("offset cut short");
    const std::size_t offset = low | high << 8;
    if (!in.length(match_length, size)) return broken("match cut short");
    match_length += kMatchMin;
    if (offset == 0 || offset > out.size()) return broken("offset out of range");
    if (out.size() + match_length > size) return broken("too much");
    // It may overlap what it makes: a run is a match of offset 1.
    for (std::size_t at = out.size() - offset; match_length > 0; --match_length) out.push_back(out[at++]);
  }
  if (out.size() != size) return broken("too little");
  return out;
}

}  // namespace flurm::noded
