// noded/lz4_test.cpp — blocks made by hand and by lz4 1.9, whole and damaged.
#include "noded/lz4.hpp"

#include "gtest/gtest.h"

namespace flurm::noded {
namespace {

using namespace std::string_literals;

TEST(Lz4, literals_and_matches) {
  EXPECT_EQ(lz4_unpack("\x50hello"s, 5).value_or("?"), "hello");
  EXPECT_EQ(lz4_unpack("\x31"
                       "abc\x03\x00\x50"
                       "xyzzy"s,
                       13)
                .value_or("?"),
            "abcabcabxyzzy");
  EXPECT_EQ(lz4_unpack("\x1f"
                       "a\x01\x00\x01\x10"
                       "b"s,
                       22)
                .value_or("?"),
            std::string(21, 'a') + "b")
      << "a run";
  std::string literals(300, 'q');
  EXPECT_EQ(lz4_unpack("\xf0\xff\x1e"s + literals, 300).value_or("?"), literals);
  EXPECT_EQ(lz4_unpack(""s, 0).value_or("?"), "");
}

TEST(Lz4, damage_is_refused) {
  for (const std::string& block : {"\x50hell"s,
                                   "\x31"
                                   "abc\x04\x00\x50"
                                   "xyzzy"s,
                                   "\x31"
                                   "abc\x00\x00\x50"
                                   "xyzzy"s,
                                   "\x31"
                                   "abc\x03"s,
                                   "\xf0\xff"s,
                                   "\x1f"
                                   "a\x01\x00\xff\xff\xff\xff"s,
                                   "\x50hello"s}) {
    EXPECT_FALSE(lz4_unpack(block, 13)) << testing::PrintToString(block);
  }
}

TEST(Lz4, any_bytes_are_survived) {
  std::uint32_t random = 1;
  for (int round = 0; round < 20'000; ++round) {
    std::string block;
    for (int i = 0; i < 40; ++i) block.push_back(static_cast<char>((random = random * 1664525 + 1013904223) >> 24));
    (void)lz4_unpack(block, random >> 20);
  }
}

}  // namespace
}  // namespace flurm::noded
