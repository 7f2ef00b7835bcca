// acct/fair_share_test.cpp — who stands before whom, and by how much.
#include "acct/fair_share.hpp"

#include <cmath>

#include "acct/edit.hpp"
#include "gtest/gtest.h"

namespace flurm::acct {
namespace {

constexpr TimeS kToday{1000};
constexpr std::uint16_t kClassic = 0;

/// root ─ science(30) ─ alice(1), bob(3); root ─ arts(10) ─ carol(1), dora(parent).
class Shares : public ::testing::Test {
 protected:
  void SetUp() override {
    Cluster cluster;
    cluster.name = "c";
    add_cluster(books_, cluster, {}, kToday);
    science_ = add("science", "", 30);
    arts_ = add("arts", "", 10);
    alice_ = add("science", "alice", 1);
    bob_ = add("science", "bob", 3);
    carol_ = add("arts", "carol", 1);
    dora_ = add("arts", "dora", kSharesOfParent);
  }
  std::uint32_t add(const std::string& account, const std::string& user, std::uint32_t shares) {
    if (user.empty()) {
      Account made;
      made.name = account;
      books_.accounts.set(account, made);
    }
    Assoc wish;
    wish.cluster = "c";
    wish.account = account;
    wish.user = user;
    wish.shares = shares;
    auto added = add_assoc(books_, wish, user.empty() ? "root" : "", books_.next_assoc_id, kToday);
    return added && *added ? (*added)->id : 0;
  }
  /// As state counts it: with each account above.
  void use(std::uint32_t id, double amount) {
    for (const Assoc* at = books_.assocs().find(id); at; at = books_.assocs().find(at->parent_id)) {
      Usage now = usage_.find(at->id) ? *usage_.find(at->id) : Usage{};
      now.raw += amount;
      usage_.set(at->id, std::make_shared<const Usage>(now));
    }
  }
  std::map<std::uint32_t, FairShare> shares(std::uint16_t flags = model::priority_flag::fair_tree,
                                            std::uint16_t damping = 1) {
    model::PriorityRule rule;
    rule.flags = flags;
    rule.damping = damping;
    return fair_shares(books_, usage_, rule);
  }

  Books books_ = founding_books(kToday);
  PersistentMap<Usage> usage_;
  std::uint32_t science_ = 0, arts_ = 0, alice_ = 0, bob_ = 0, carol_ = 0, dora_ = 0;
};

TEST_F(Shares, of_a_level_and_of_the_whole) {
  const auto tree = shares();
  EXPECT_DOUBLE_EQ(tree.at(science_).shares_norm, 30.0 / 41) << "root has a share, too";
  EXPECT_DOUBLE_EQ(tree.at(bob_).shares_norm, 0.75);
  EXPECT_DOUBLE_EQ(tree.at(dora_).shares_norm, tree.at(arts_).shares_norm);
  const auto classic = shares(kClassic);
  EXPECT_DOUBLE_EQ(classic.at(bob_).shares_norm, 0.75 * 30 / 41);
}

TEST_F(Shares, whoever_used_least_of_their_share_comes_first) {
  use(alice_, 10);
  use(bob_, 10);
  use(carol_, 80);
  const auto now = shares();
  // science: 30/41 of the shares, 20 % of the use. Within it alice used half and has a quarter.
  EXPECT_DOUBLE_EQ(now.at(science_).level, 30.0 / 41 / 0.2);
  EXPECT_DOUBLE_EQ(now.at(alice_).level, 0.5);
  EXPECT_DOUBLE_EQ(now.at(bob_).level, 1.5);
  EXPECT_GT(now.at(bob_).factor, now.at(alice_).factor);
  EXPECT_GT(now.at(alice_).factor, now.at(dora_).factor) << "her account is served worst";
  EXPECT_GT(now.at(dora_).factor, now.at(carol_).factor) << "parent: before all of her account";
  EXPECT_DOUBLE_EQ(now.at(bob_).factor, 4.0 / 5) << "the fifth user is root, who used nothing";
  EXPECT_DOUBLE_EQ(now.at(carol_).factor, 1.0 / 5);
}

TEST_F(Shares, users_that_stand_equal_have_one_rank) {
  use(carol_, 1);
  const auto now = shares();
  EXPECT_DOUBLE_EQ(now.at(alice_).factor, now.at(bob_).factor);
}

TEST_F(Shares, classic_is_half_at_the_share_and_one_without_use) {
  use(alice_, 1);
  use(bob_, 3);
  auto now = shares(kClassic);
  EXPECT_DOUBLE_EQ(now.at(science_).usage_efctv, 1);
  EXPECT_DOUBLE_EQ(now.at(alice_).usage_efctv, 0.25 + 0.75 * 0.25);
  EXPECT_DOUBLE_EQ(now.at(arts_).factor, 1) << "nothing used, nothing laid to it";
  const double ratio = now.at(science_).usage_efctv / now.at(science_).shares_norm;
  EXPECT_NEAR(now.at(science_).factor, std::exp2(-ratio), 1e-12);
  EXPECT_DOUBLE_EQ(now.at(dora_).factor, now.at(arts_).factor) << "as the account's";
  const double damped = shares(kClassic, 3).at(science_).factor;
  EXPECT_NEAR(damped, std::exp2(-ratio / 3), 1e-12);
}

TEST_F(Shares, depth_oblivious_is_what_its_formula_says) {
  use(alice_, 6);
  use(bob_, 1);
  use(carol_, 3);
  const auto now = shares(model::priority_flag::depth_oblivious);
  const double above = now.at(science_).usage_efctv / now.at(science_).shares_norm;
  const double level = 0.6 / now.at(alice_).shares_norm / (0.7 / now.at(science_).shares_norm);
  const double bend = 5 * std::log(above);
  const double k = std::log(above) * std::log(level) >= 0 ? 1 : 1 / (1 + bend * bend);
  EXPECT_NEAR(now.at(alice_).usage_efctv, above * std::pow(level, k) * now.at(alice_).shares_norm, 1e-9);
}

TEST_F(Shares, priorities_count_by_the_highest_or_as_they_are) {
  Qos high;
  high.id = 7;
  high.priority = 40;
  books_.qos.set(7, high);
  high.id = 8;
  high.priority = 10;
  books_.qos.set(8, high);
  model::PriorityRule rule;
  EXPECT_TRUE(account_factors(books_, usage_, rule).qos.empty()) << "weighs nothing";
  rule.qos = rule.fair_share = 1;
  rule.flags = model::priority_flag::fair_tree;
  EXPECT_DOUBLE_EQ(account_factors(books_, usage_, rule).qos.at(8), 0.25);
  EXPECT_DOUBLE_EQ(account_factors(books_, usage_, rule).associations.at(bob_).fair_share, 1);
  rule.flags |= model::priority_flag::no_normal_qos;
  EXPECT_DOUBLE_EQ(account_factors(books_, usage_, rule).qos.at(8), 10);
}

TEST_F(Shares, a_circle_in_the_books_ends) {
  Assoc science = *books_.assocs().find(science_);
  science.parent_id = science_;
  science.shares = kSharesOfParent;
  books_.set_assoc(science);
  EXPECT_EQ(shares().size(), books_.assocs().size());
  EXPECT_EQ(shares(model::priority_flag::depth_oblivious).size(), books_.assocs().size());
}

}  // namespace
}  // namespace flurm::acct
