// base/bitmap_test.cpp — bit sets against std::set, and Slurm's text forms.
#include "base/bitmap.hpp"

#include <set>

#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"

namespace flurm {
namespace {

Bitmap of(std::size_t size, std::initializer_list<std::size_t> bits) {
  Bitmap map(size);
  for (auto bit : bits) map.set(bit);
  return map;
}

TEST(Bitmap, text_forms_are_slurms) {
  EXPECT_EQ(of(10, {0, 1, 2, 3, 7}).list(), "0-3,7");
  EXPECT_EQ(of(10, {0, 9}).hex(), "0x201");
  EXPECT_EQ(of(40, {33}).hex(), "0x0200000000");
  EXPECT_EQ(Bitmap(5).list(), "");
  EXPECT_EQ(Bitmap::from_hex("0x201", 10).value(), of(10, {0, 9}));
  EXPECT_EQ(Bitmap::from_hex("1F", 5).value().count(), 5U);
}

TEST(Bitmap, refuses_bad_text) {
  for (auto text : {"a", "1,", ",1", "3-1", "1--2", "10", "0-10", "1 2", "99999999999999999999999"})
    EXPECT_FALSE(Bitmap::from_list(text, 10)) << text;
  for (auto text : {"0xg", "0x400", "-1", "0x 1"}) EXPECT_FALSE(Bitmap::from_hex(text, 10)) << text;
}

TEST(Bitmap, resize_forgets_cut_bits) {
  Bitmap map(130);
  map.set_all();
  map.resize(65);
  EXPECT_EQ(map.count(), 65U);
  map.resize(130);
  EXPECT_EQ(map.count(), 65U);
  EXPECT_EQ(map.last(), 64U);
}

RC_GTEST_PROP(BitmapProp, behaves_like_a_set, ()) {
  const std::size_t size = *rc::gen::inRange<std::size_t>(1, 300);
  auto bits = rc::gen::container<std::set<std::size_t>>(rc::gen::inRange<std::size_t>(0, size));
  const auto a = *bits, b = *bits;
  Bitmap x(size), y(size);
  for (auto bit : a) x.set(bit);
  for (auto bit : b) y.set(bit);

  std::set<std::size_t> seen;
  x.for_each([&](std::size_t bit) { seen.insert(bit); });
  RC_ASSERT(seen == a);
  RC_ASSERT(x.count() == a.size());
  RC_ASSERT(x.first() == (a.empty() ? size : *a.begin()));
  RC_ASSERT(x.last() == (a.empty() ? size : *a.rbegin()));
  RC_ASSERT(Bitmap::from_list(x.list(), size).value() == x);
  RC_ASSERT(Bitmap::from_hex(x.hex(), size).value() == x);
  RC_ASSERT((x & y).count() == x.count_and(y));
  RC_ASSERT((x | y).count() == x.count() + y.count() - x.count_and(y));
  RC_ASSERT(x.intersects(y) == (x.count_and(y) > 0));
  RC_ASSERT(Bitmap(x).and_not(y).count() == x.count() - x.count_and(y));
  RC_ASSERT((x & y).subset_of(x));
  RC_ASSERT(x.subset_of(y) == ((x & y) == x));
  Bitmap all(size), range(size);
  all.set_all();
  range.set_range(0, size - 1);
  RC_ASSERT(all == range);
}

}  // namespace
}  // namespace flurm
