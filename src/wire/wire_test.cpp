// wire/wire_test.cpp — every described message at every version, under the fuzzer's values and under hostile bytes.
#include <gtest/gtest.h>

#include "wire/registry.hpp"

namespace flurm::wire {
namespace {

template <class Check>
void for_each_message(Check check) {
  for (const MessageInfo& info : messages()) {
    for (std::uint16_t version : kVersions) {
      if (!info.in(version)) continue;
      SCOPED_TRACE(fmt::format("{} {}", info.name(), release_name(version)));
      check(info, version);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Messages, survive_a_round_trip_and_packing_changes_nothing) {
  for_each_message([](const MessageInfo& info, std::uint16_t version) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      AnyMessage message = info.fuzz(seed, version), copy = info.fuzz(seed, version);
      std::string bytes = info.pack(message.get(), version);
      ASSERT_TRUE(info.equal(message.get(), copy.get()));
      auto back = info.unpack(bytes, version);
      ASSERT_TRUE(back) << back.error().text;
      ASSERT_TRUE(info.equal(message.get(), back->get())) << info.dump(message.get(), version) << "\n"
                                                          << info.dump(back->get(), version);
      ASSERT_EQ(info.pack(back->get(), version), bytes);
    }
  });
}

TEST(Messages, truncated_anywhere_are_refused) {
  for_each_message([](const MessageInfo& info, std::uint16_t version) {
    for (std::uint64_t seed = 0; seed < 2; ++seed) {
      std::string bytes = info.pack(info.fuzz(seed, version).get(), version);
      for (std::size_t n = 0; n < bytes.size(); ++n) {
        ASSERT_FALSE(info.unpack(std::string_view(bytes).substr(0, n), version)) << n << " of " << bytes.size();
      }
      ASSERT_FALSE(info.unpack(bytes + "x", version));
    }
  });
}

TEST(Messages, hostile_bytes_end_in_an_error_or_a_message) {
  for_each_message([](const MessageInfo& info, std::uint16_t version) {
    std::string bytes = info.pack(info.fuzz(1, version).get(), version);
    for (std::size_t at = 0; at + 4 <= bytes.size(); ++at) {
      for (std::string_view hostile : {"\xff\xff\xff\xff", "\xff\xff\xff\xfd", "\x7f\xff\xff\xff"}) {
        std::string damaged = bytes;
        damaged.replace(at, 4, hostile);
        (void)info.unpack(damaged, version);
      }
    }
  });
}

TEST(Messages, dump_and_defaults_work) {
  for_each_message([](const MessageInfo& info, std::uint16_t version) {
    AnyMessage message = info.make();
    ASSERT_TRUE(info.unpack(info.pack(message.get(), version), version));
    (void)info.dump(info.fuzz(7, version).get(), version, codec::Style::json);
  });
}

TEST(Registry, finds_by_number) {
  EXPECT_EQ(find_message(MsgType::REQUEST_PING)->name(), "REQUEST_PING");
  EXPECT_EQ(find_message(MsgType::REQUEST_SUBMIT_BATCH_JOB)->struct_name, "JobDesc");
  EXPECT_EQ(find_message(static_cast<MsgType>(9999)), nullptr);
}

}  // namespace
}  // namespace flurm::wire
