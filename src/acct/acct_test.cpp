// acct/acct_test.cpp — the tree, what is inherited, and changes that keep both whole.
#include "acct/books.hpp"
#include "acct/edit.hpp"
#include "gtest/gtest.h"

namespace flurm::acct {
namespace {

constexpr TimeS kNow{1000};

/// root ─ a ─ aa ─ user u; root ─ b ─ user u.
class Accounts : public ::testing::Test {
 protected:
  void SetUp() override {
    Cluster cluster;
    cluster.name = "c";
    add_cluster(books_, cluster, {}, kNow);
    for (const char* name : {"a", "aa", "b"}) {
      Account account;
      account.name = name;
      books_.accounts.set(name, account);
    }
    a_ = add("a", "", "root");
    aa_ = add("aa", "", "a");
    b_ = add("b", "", "root");
    u_aa_ = add("aa", "u", "");
    u_b_ = add("b", "u", "");
  }
  std::uint32_t add(const std::string& account, const std::string& user, const std::string& parent) {
    Assoc wish;
    wish.cluster = "c";
    wish.account = account;
    wish.user = user;
    auto added = add_assoc(books_, wish, parent, books_.next_assoc_id, kNow);
    return added && *added ? (*added)->id : 0;
  }
  template <class Edit>
  void change(std::uint32_t id, Edit&& edit) {
    Assoc assoc = *books_.assocs().find(id);
    edit(assoc);
    books_.set_assoc(assoc);
  }
  const Assoc& at(std::uint32_t id) { return *books_.assocs().find(id); }
  std::vector<std::string> order() {
    std::vector<std::string> names;
    for (const Books::Placed& each : books_.tree("c"))
      names.push_back(each.assoc->account + (each.assoc->user.empty() ? "" : "/" + each.assoc->user));
    return names;
  }

  Books books_ = founding_books(kNow);
  std::uint32_t a_ = 0, aa_ = 0, b_ = 0, u_aa_ = 0, u_b_ = 0;
};

TEST(Tres, texts_are_read_and_written) {
  EXPECT_EQ(parse_tres("1=8,4=2,x=3,5=,1=9"), (TresCounts{{1, 8}, {4, 2}}));
  EXPECT_EQ(format_tres({{1, 8}, {1001, 2}}), "1=8,1001=2");
  TresCounts counts{{1, 8}, {4, 2}};
  change_tres(counts, parse_tres("1=-1,2=100"));
  EXPECT_EQ(counts, (TresCounts{{2, 100}, {4, 2}}));
}

TEST_F(Accounts, a_cluster_begins_with_root) {
  const Assoc* root = books_.account_assoc("c", "root");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->qos, std::vector<std::uint32_t>{1});
  EXPECT_TRUE(books_.find_assoc("c", "root", "root", "")->is_default);
}

TEST_F(Accounts, the_latest_come_first_and_each_before_those_below) {
  EXPECT_EQ(order(), (std::vector<std::string>{"root", "b", "b/u", "a", "aa", "aa/u", "root/root"}));
  const auto tree = books_.tree("c");
  EXPECT_EQ(tree.front().left, 1u);
  EXPECT_EQ(tree.front().right, 2 * tree.size());
  for (const Books::Placed& each : tree) EXPECT_LT(each.left, each.right);
}

TEST_F(Accounts, limits_come_from_the_nearest_that_has_one) {
  change(a_, [](Assoc& a) {
    a.limits.max_jobs = 5;
    a.limits.grp_jobs = 7;
    a.limits.max_tres_pj = {{1, 16}, {4, 2}};
  });
  change(aa_, [](Assoc& a) { a.limits.max_tres_pj = {{1, 8}}; });
  const Assoc user = books_.effective(at(u_aa_));
  EXPECT_EQ(user.limits.max_jobs, 5u);
  EXPECT_EQ(user.limits.grp_jobs, kInfinite32);  // a group's limit is that of the group
  EXPECT_EQ(user.limits.max_tres_pj, (TresCounts{{1, 8}, {4, 2}}));
  EXPECT_EQ(books_.effective(at(u_b_)).limits.max_jobs, kInfinite32);
}

TEST_F(Accounts, qos_lists_are_replaced_or_added_to_on_the_way_down) {
  change(a_, [](Assoc& a) { a.delta_qos = {"+2"}; });
  change(aa_, [](Assoc& a) { a.delta_qos = {"-1", "+3"}; });
  EXPECT_EQ(books_.effective_qos(at(u_aa_)), (std::vector<std::uint32_t>{2, 3}));
  change(aa_, [](Assoc& a) { a.qos = {4}; });
  EXPECT_EQ(books_.effective_qos(at(u_aa_)), std::vector<std::uint32_t>{4});
}

TEST_F(Accounts, an_account_moves_with_all_below_it) {
  EXPECT_EQ(move_account(books_, a_, "a", kNow).error().code, Errc::invalid_parent_account);
  EXPECT_EQ(move_account(books_, aa_, "a", kNow).error().code, Errc::same_parent_account);
  ASSERT_TRUE(move_account(books_, aa_, "b", kNow));
  EXPECT_EQ(order(), (std::vector<std::string>{"root", "b", "aa", "aa/u", "b/u", "a", "root/root"}));
  // Beneath one of its own: the two change places.
  ASSERT_TRUE(move_account(books_, b_, "aa", kNow));
  EXPECT_EQ(order(), (std::vector<std::string>{"root", "aa", "b", "b/u", "aa/u", "a", "root/root"}));
}

TEST_F(Accounts, one_default_per_user_and_cluster) {
  ensure_default(books_, "c", "u", kNow);
  EXPECT_EQ(books_.default_assoc("c", "u")->account, "aa");
  make_default(books_, u_b_, kNow);
  EXPECT_EQ(books_.default_assoc("c", "u")->account, "b");
  EXPECT_FALSE(at(u_aa_).is_default);
}

TEST_F(Accounts, what_has_jobs_stays_marked_with_all_above_it) {
  change(a_, [](Assoc& a) { a.limits.max_jobs = 5; });
  remove_assocs(books_, with_below(books_, {a_}), {u_aa_}, kNow);
  EXPECT_TRUE(at(u_aa_).deleted);
  EXPECT_TRUE(at(a_).deleted);
  EXPECT_EQ(at(a_).limits.max_jobs, kInfinite32);
  EXPECT_FALSE(books_.account_assoc("c", "a"));
  remove_assocs(books_, with_below(books_, {b_}), {}, kNow);
  EXPECT_FALSE(books_.assocs().find(b_));
  // Coming back, it has its number again and nothing of its former life.
  EXPECT_EQ(add("a", "", "root"), a_);
}

TEST_F(Accounts, qos_do_not_preempt_in_a_circle) {
  for (std::uint32_t id : {2u, 3u}) {
    Qos qos;
    qos.id = id;
    qos.preempt = {id - 1};
    books_.qos.set(id, qos);
  }
  EXPECT_FALSE(preemption_loop(books_, 3, {2}));
  EXPECT_TRUE(preemption_loop(books_, 1, {3}));
  forget_qos(books_, 2, kNow);
  EXPECT_TRUE(books_.qos.find(3)->preempt.empty());
}

TEST_F(Accounts, coordinators_have_what_is_below_too) {
  Account account = *books_.accounts.find("a");
  account.coordinators = {"boss"};
  books_.accounts.set("a", account);
  EXPECT_EQ(coordinated(books_, "boss"), (std::map<std::string, bool>{{"a", true}, {"aa", false}}));
  EXPECT_EQ(coordinators(books_, "aa"), (std::map<std::string, bool>{{"boss", false}}));
  books_.accounts.erase("aa");  // as a controller knows it, where nobody coordinates just this one
  EXPECT_EQ(coordinators(books_, "aa"), (std::map<std::string, bool>{{"boss", false}}));
}

TEST_F(Accounts, a_copy_does_not_see_later_changes) {
  const Books before = books_;
  change(a_, [](Assoc& a) { a.shares = 9; });
  EXPECT_EQ(before.assocs().find(a_)->shares, 1u);
}

}  // namespace
}  // namespace flurm::acct
