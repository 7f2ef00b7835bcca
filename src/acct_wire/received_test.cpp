// acct_wire/received_test.cpp — what an accounting daemon tells becomes the controller's books.
#include "acct_wire/received.hpp"

#include "gtest/gtest.h"

namespace flurm::acct {
namespace {

using wire::UpdateType;

wire::AssocRec assoc(std::uint32_t id, const char* account, const char* user, std::uint32_t parent,
                     std::uint32_t left) {
  wire::AssocRec rec;
  rec.id = id;
  rec.cluster = "c";
  rec.acct = account;
  rec.user = user;
  rec.parent_id = parent;
  rec.lft = left;
  rec.is_def = *user != '\0';
  rec.qos_list = {{"1", "2"}};
  rec.max_jobs = 4;
  return rec;
}

Books site() {
  Books books;
  for (const auto& rec : {assoc(1, "root", "", 0, 1), assoc(9, "first", "", 1, 2), assoc(3, "first", "ann", 9, 3),
                          assoc(4, "second", "", 1, 5)})
    books.set_assoc(received(rec));
  books.qos.set(1, {.id = 1, .name = "normal"});
  return books;
}

News read(const Books& books, UpdateType type, wire::AssocRec rec) {
  wire::UpdateObject object{.type = type};
  object.assocs.push_back(std::move(rec));
  return read_update(books, {{object}}, "c");
}

TEST(Received, the_tree_keeps_its_order) {
  const Books books = site();
  std::vector<std::uint32_t> order;
  for (const Books::Placed& placed : books.tree("c")) order.push_back(placed.assoc->id);
  EXPECT_EQ(order, (std::vector<std::uint32_t>{1, 9, 3, 4}));
  EXPECT_EQ(books.assocs().find(3)->qos, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(books.default_assoc("c", "ann")->id, 3u);
}

TEST(Received, news_change_what_they_name_and_leave_the_rest) {
  const Books books = site();
  wire::AssocRec rec;
  rec.id = 3;
  rec.max_wall_pj = 60;
  rec.max_jobs = kInfinite32;
  rec.grp_tres = "1=5";
  rec.qos_list = {{"=2", "=5"}};
  const News news = read(books, UpdateType::modify_assoc, rec);
  const Assoc& changed = *news.records.assocs().find(3);
  EXPECT_EQ(changed.limits.max_wall_pj, 60u);
  EXPECT_EQ(changed.limits.max_jobs, kInfinite32);
  EXPECT_EQ(changed.limits.grp_tres, (TresCounts{{1, 5}}));
  EXPECT_EQ(changed.qos, (std::vector<std::uint32_t>{2, 5}));
  EXPECT_EQ(changed.account, "first");
  EXPECT_TRUE(changed.is_default);
  EXPECT_EQ(changed.rank, books.assocs().find(3)->rank);
}

TEST(Received, a_user_has_one_default) {
  const News news = read(site(), UpdateType::add_assoc, assoc(7, "second", "ann", 4, 6));
  EXPECT_TRUE(news.records.assocs().find(7)->is_default);
  EXPECT_FALSE(news.records.assocs().find(3)->is_default);
}

TEST(Received, news_of_another_cluster_are_none) {
  wire::AssocRec rec = assoc(7, "second", "ann", 4, 6);
  rec.cluster = "other";
  EXPECT_TRUE(read(site(), UpdateType::add_assoc, rec).empty());
}

TEST(Received, what_goes_and_what_is_forgotten) {
  EXPECT_EQ(read(site(), UpdateType::remove_assoc, assoc(3, "", "", 0, 0)).assocs_gone,
            (std::vector<std::uint32_t>{3}));
  EXPECT_EQ(read(site(), UpdateType::remove_assoc_usage, assoc(3, "", "", 0, 0)).assocs_unused,
            (std::vector<std::uint32_t>{3}));
}

TEST(Received, a_resource_is_told_with_the_cluster_s_own_share) {
  wire::ResRec rec;
  rec.id = 5;
  rec.name = "far";
  rec.server = "host";
  rec.type = 1;
  rec.count = 40;
  rec.clus_res_rec = {.cluster = "c", .percent_allowed = 25};
  const auto told = [&](const Books& books, UpdateType type) {
    wire::UpdateObject object{.type = type};
    object.res.push_back(rec);
    return read_update(books, {{object}}, "c");
  };
  Books books = site();
  const News added = told(books, UpdateType::add_res);
  ASSERT_TRUE(added.records.resources.find(5));
  books.resources.set(5, *added.records.resources.find(5));
  EXPECT_EQ(books.remote_licenses("c"), "far@host:10");
  // As slurmdbd tells a change: what stays is not set.
  rec = {};
  rec.id = 5;
  rec.count = kNoVal32;
  rec.flags = 0x10000000;
  rec.clus_res_rec = {.cluster = "c", .percent_allowed = 50};
  EXPECT_EQ(told(books, UpdateType::modify_res).records.resources.find(5)->share("c"), 20u);
  EXPECT_EQ(told(books, UpdateType::remove_res).resources_gone, (std::vector<std::uint32_t>{5}));
  rec.clus_res_rec->cluster = "other";
  EXPECT_TRUE(told(books, UpdateType::modify_res).empty());
}

TEST(Received, coordinators_are_told_as_whole_lists) {
  Books books = site();
  wire::UserRec rec;
  rec.name = "ann";
  rec.coord_accts = {{.name = "first", .direct = 1}, {.name = "below", .direct = 0}};
  receive_coordinator(books, rec);
  EXPECT_TRUE(books.accounts.find("first")->coordinators.contains("ann"));
  EXPECT_FALSE(books.accounts.find("below"));
  wire::UpdateObject object{.type = UpdateType::remove_coord};
  rec.coord_accts.clear();
  object.users.push_back(rec);
  const News news = read_update(books, {{object}}, "c");
  EXPECT_TRUE(news.records.accounts.find("first")->coordinators.empty());
}

}  // namespace
}  // namespace flurm::acct
