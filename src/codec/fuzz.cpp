// codec/fuzz.cpp — the random values. The generator is SplitMix64 (Steele, Lea, Flood 2014): tiny, and ours to keep
// stable, so that a seed in a failing test stays meaningful.
#include "codec/fuzz.hpp"

namespace flurm::codec {

std::uint64_t Fuzzer::next() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::uint64_t Fuzzer::number(int bits) {
  std::uint64_t all = bits == 64 ? ~0ull : (1ull << bits) - 1;
  switch (choose(8)) {
    case 0:
      return 0;
    case 1:
      return all;  // infinite
    case 2:
      return all - 1;  // no value
    case 3:
      return 1ull << (bits - 1);
    case 4:
    case 5:
      return choose(100);
    default:
      return next() & all;
  }
}

// 1 000 000 is 64 × 15625, so a whole number of sixty-fourths times a million is exact in binary and in six digits.
void Fuzzer::f64(double& v) { v = static_cast<double>(choose(1 << 20)) / 64; }
void Fuzzer::f32(float& v) { v = static_cast<float>(choose(1 << 10)) / 64; }
void Fuzzer::f64_text(double& v) { f64(v); }

void Fuzzer::str(std::string& v) {
  v.clear();
  if (choose(4) == 0) return;
  for (std::uint64_t n = 1 + choose(12); n > 0; --n) v += static_cast<char>(' ' + choose('~' - ' ' + 1));
}

void Fuzzer::opt_str(std::optional<std::string>& v) {
  v.reset();
  if (choose(4) == 0) return;
  str(v.emplace());
}

void Fuzzer::bytes(std::string& v) {
  v.clear();
  for (std::uint64_t n = choose(12); n > 0; --n) v += static_cast<char>(choose(256));
}

void Fuzzer::begin_list(ListForm form, std::uint32_t& n) {
  ++depth_;
  if (form == ListForm::bare) return;
  if (form == ListForm::u32_optional && choose(3) == 0) {
    n = kAbsentList;
    return;
  }
  n = static_cast<std::uint32_t>(choose(depth_ > 3 ? 2 : 4));
}

}  // namespace flurm::codec
