// base/persistent_map_test.cpp — against std::map under random changes, with copies that must not move.
#include "base/persistent_map.hpp"

#include <map>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace flurm {
namespace {

using Map = PersistentMap<int>;
using Model = std::map<std::uint64_t, int>;

Model contents(const Map& map) {
  Model out;
  map.for_each([&](std::uint64_t key, const Map::Value& value) {
    out[key] = *value;
    return true;
  });
  return out;
}

TEST(PersistentMap, equals_a_map_and_copies_stay) {
  std::mt19937 random(7);
  Map map;
  Model model;
  std::vector<std::pair<Map, Model>> copies;
  for (int step = 0; step < 20000; ++step) {
    const std::uint64_t key = random() % 3 ? random() % 200 : (std::uint64_t{random()} << (random() % 24));
    if (random() % 3) {
      const int value = static_cast<int>(random());
      map.set(key, std::make_shared<const int>(value));
      model[key] = value;
    } else {
      map.erase(key);
      model.erase(key);
    }
    ASSERT_EQ(map.size(), model.size());
    if (step % 1000 == 0) copies.emplace_back(map, model);
  }
  EXPECT_EQ(contents(map), model);
  for (const auto& [copy, expected] : copies) EXPECT_EQ(contents(copy), expected);
  for (const auto& [before, old] : {copies.front(), copies[7], copies.back()}) {
    for (const auto& [after, expected] : copies) {
      Model patched = old;
      Map::diff(before, after, [&](std::uint64_t key, const Map::Value& was, const Map::Value& is) {
        EXPECT_NE(was, is);
        if (is)
          patched[key] = *is;
        else
          patched.erase(key);
      });
      EXPECT_EQ(patched, expected);
    }
  }
}

TEST(PersistentMap, diff_passes_over_what_is_shared) {
  Map before;
  for (std::uint64_t key = 0; key < 5000; ++key) before.set(key, std::make_shared<const int>(1));
  Map after = before;
  after.set(77, std::make_shared<const int>(2));
  after.erase(4000);
  after.set(1'000'000, std::make_shared<const int>(3));
  std::vector<std::uint64_t> keys;
  Map::diff(before, after, [&](std::uint64_t key, const Map::Value&, const Map::Value&) { keys.push_back(key); });
  EXPECT_EQ(keys, (std::vector<std::uint64_t>{77, 4000, 1'000'000}));
  Map::diff(after, after, [&](std::uint64_t, const Map::Value&, const Map::Value&) { FAIL(); });
}

TEST(PersistentMap, walks_from_a_key_and_stops_when_told) {
  Map map;
  for (std::uint64_t key : {3, 40, 41, 5000, 70000}) map.set(key, std::make_shared<const int>(static_cast<int>(key)));
  std::vector<std::uint64_t> seen;
  EXPECT_FALSE(map.for_each_from(40, [&](std::uint64_t key, const Map::Value&) {
    seen.push_back(key);
    return key < 5000;
  }));
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{40, 41, 5000}));
  EXPECT_EQ(map.find(42), nullptr);
  EXPECT_EQ(*map.find(41), 41);
  EXPECT_EQ(map.find(std::uint64_t{1} << 60), nullptr);
}

}  // namespace
}  // namespace flurm
