// ctld/cluster_status_test.cpp — what is told of the controllers, as JSON and as a table.
#include "ctld/cluster_status.hpp"

#include "gtest/gtest.h"

namespace flurm::ctld {
namespace {

ClusterStatus three() {
  ClusterStatus status{.asked = "b", .leader = "a", .members = {}, .drain = {}, .accounting = {}};
  status.members.push_back({.name = "a",
                            .version = "1",
                            .id = 5,
                            .reached = true,
                            .error = {},
                            .leads = true,
                            .term = 3,
                            .applied = 70,
                            .snapshot = 60,
                            .round_trip_us = 90,
                            .stored = 80});
  status.members.push_back({.name = "b",
                            .version = "1",
                            .id = 6,
                            .reached = true,
                            .error = {},
                            .leads = false,
                            .term = 3,
                            .applied = 68,
                            .snapshot = 0,
                            .round_trip_us = 0,
                            .stored = 0});
  return status;
}

TEST(ClusterStatus, json_has_the_documented_fields) {
  EXPECT_EQ(to_json(three()),
            "{\"leader\":\"a\",\"members\":[\"a\",\"b\"],\"healthy\":true,\"quorum\":true,\"asked\":\"b\",\"drain\":"
            "null,\"accounting\":null,\"details\":["
            "{\"name\":\"a\",\"id\":5,\"version\":\"1\",\"votes\":true,\"reached\":true,\"leads\":true,\"term\":3,"
            "\"applied\":70,"
            "\"snapshot\":60,\"lag\":0,\"round_trip_us\":90},"
            "{\"name\":\"b\",\"id\":6,\"version\":\"1\",\"votes\":true,\"reached\":true,\"leads\":false,\"term\":3,"
            "\"applied\":68,"
            "\"snapshot\":0,\"lag\":2,\"round_trip_us\":0}]}\n");
}

TEST(ClusterStatus, the_leader_tells_whether_the_accounting_daemon_hears) {
  ClusterStatus status = three();
  status.accounting = AccountingStatus{.waiting = 7, .connected = false};
  EXPECT_NE(to_json(status).find("\"accounting\":{\"waiting\":7,\"connected\":null},"), std::string::npos);
  EXPECT_TRUE(to_text(status).ends_with("accounting: 7 records wait\n"));
  status.asked = "a";
  EXPECT_NE(to_json(status).find("\"waiting\":7,\"connected\":false}"), std::string::npos);
  EXPECT_TRUE(to_text(status).ends_with("accounting: 7 records wait, NOT CONNECTED\n"));
  status.accounting->connected = true;
  EXPECT_NE(to_json(status).find("\"connected\":true}"), std::string::npos);
  EXPECT_TRUE(to_text(status).ends_with("7 records wait, connected\n"));
}

TEST(ClusterStatus, who_is_away_makes_it_unhealthy_and_is_told_why) {
  ClusterStatus status = three();
  status.members.push_back({.name = "c",
                            .version = "",
                            .id = 7,
                            .reached = false,
                            .error = "said \"no\"\n",
                            .leads = false,
                            .term = 0,
                            .applied = 0,
                            .snapshot = 0,
                            .round_trip_us = 0,
                            .stored = 0});
  EXPECT_FALSE(status.healthy());
  EXPECT_TRUE(status.has_quorum());
  EXPECT_NE(to_json(status).find("\"reached\":false,\"error\":\"said \\\"no\\\"\\u000a\"}"), std::string::npos);
  EXPECT_NE(to_text(status).find("NOT HEALTHY"), std::string::npos);
  status.drain = "the cluster takes no new jobs: \"move\"";
  EXPECT_NE(to_json(status).find("\"drain\":\"the cluster takes no new jobs: \\\"move\\\"\","), std::string::npos);
  EXPECT_TRUE(to_text(status).ends_with("the cluster takes no new jobs: \"move\"\n"));
  status.members[1].reached = false;
  EXPECT_FALSE(status.has_quorum());
  status.members[1].votes = status.members[2].votes = false;  // those two have just come
  EXPECT_TRUE(status.has_quorum());
  status = three();
  status.leader.clear();
  EXPECT_FALSE(status.healthy());
  EXPECT_FALSE(status.has_quorum());
  EXPECT_EQ(to_json(status).substr(0, 15), "{\"leader\":null,");
}

}  // namespace
}  // namespace flurm::ctld
