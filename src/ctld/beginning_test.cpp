// ctld/beginning_test.cpp — who may begin with what, beside whom.
#include "ctld/beginning.hpp"

#include "gtest/gtest.h"

namespace flurm::ctld {
namespace {

using How = Beginning::How;

const cluster::Member kSelf{3, "c", "c", 9101};

/// What a and b say, of a cluster of a, b and c; this is c. "-": away, "0": no log yet, "F": follows, "L": leads, "B":
/// follows from behind.
std::map<std::uint64_t, LogFacts> told(const std::string& a_and_b, bool lists_c = true, bool c_votes = true) {
  std::map<std::uint64_t, LogFacts> out;
  for (std::size_t i = 0; i < 2; ++i) {
    const char what = a_and_b[i];
    if (what == '-') continue;
    LogFacts& facts = out[i + 1];
    if (what == '0') continue;
    facts = {what == 'L', true, 4, what == 'B' ? 9u : 10u, 12, {{1, "a@a:1", true}, {2, "b@b:1", true}}};
    if (lists_c) facts.members.push_back({3, "c@c:1", c_votes});
  }
  return out;
}

How begins(bool has_log, const std::map<std::uint64_t, LogFacts>& others) {
  return decide_beginning(kSelf, has_log, others, 3).how;
}

TEST(Beginning, an_empty_log_is_founded_by_all_together_and_joins_a_whole_cluster) {
  EXPECT_EQ(begins(false, told("00")), How::found);
  for (const char* whole : {"LF", "FL"}) EXPECT_EQ(begins(false, told(whole)), How::join) << whole;
  for (const char* bad : {"--", "0-", "-0", "L-", "-F", "F-", "FF", "LB", "BL", "L0", "F0"})
    EXPECT_EQ(begins(false, told(bad)), How::wait) << bad;
  // Of four of which two have forgotten everything, the other two are no majority; of five, three are.
  for (const std::uint64_t size : {4u, 5u}) {
    auto some = told("LF");
    some[4] = {};
    if (size == 5) some[5] = some[2];
    for (auto& [id, facts] : some)
      for (std::uint64_t more = 4; more <= size; ++more) facts.members.push_back({more, "", true});
    EXPECT_EQ(decide_beginning(kSelf, false, some, size).how, size == 5 ? How::join : How::wait) << size;
  }
  // A follower of another term knows another leader.
  auto others = told("LF");
  others[2].term = 5;
  EXPECT_EQ(begins(false, others), How::wait);
}

TEST(Beginning, a_new_member_joins_when_the_leader_lists_it) {
  for (const char* some : {"L-", "LF", "-L", "LB"}) {
    EXPECT_EQ(begins(false, told(some, true, false)), How::join) << some;
    EXPECT_EQ(begins(false, told(some, false)), How::wait) << some;
  }
  EXPECT_EQ(decide_beginning(kSelf, false, told("L-", true, false), 3).members.size(), 3u);
  EXPECT_NE(decide_beginning(kSelf, false, told("L-", false), 3).waits_for.find("flurm cluster add c"),
            std::string::npos);
  EXPECT_TRUE(decide_beginning(kSelf, false, told("L-", false), 3).is_stranger);
  EXPECT_FALSE(decide_beginning(kSelf, false, told("--"), 3).is_stranger);
  auto others = told("LF", true, false);
  others[1].settled = false;
  EXPECT_EQ(begins(false, others), How::wait);
}

TEST(Beginning, who_was_removed_does_not_go_on) {
  for (const char* some : {"--", "FF", "00", "LF"}) EXPECT_EQ(begins(true, told(some)), How::go_on) << some;
  EXPECT_EQ(begins(true, told("LF", false)), How::wait);
  // Of two who believe that they lead, the newer one knows.
  auto others = told("LL", false);
  others[2] = told("-L")[2];
  others[2].term = 5;
  EXPECT_EQ(begins(true, others), How::go_on);
}

TEST(Beginning, facts_travel) {
  const LogFacts facts = told("LF")[1];
  EXPECT_EQ(unpack_facts(pack(facts)), facts);
  const std::string bytes = pack(facts);
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(unpack_facts(std::string_view(bytes).substr(0, n))) << n;
}

TEST(Beginning, the_configuration_says_where_a_member_is_and_the_log_who) {
  const std::vector<cluster::Member> configured{{2, "b", "10.0.0.2", 9101}, {9, "stranger", "x", 1}};
  const auto found = located({{1, "a@10.0.0.1:9101", true}, {2, "b@old:1", true}, {4, "4", true}}, configured);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0], configured[0]);
  EXPECT_EQ(found[1], (cluster::Member{1, "a", "10.0.0.1", 9101}));
}

}  // namespace
}  // namespace flurm::ctld
