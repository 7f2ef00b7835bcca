// ctld/membership_test.cpp — members from slurm.conf and flurm.conf, and who of them we are.
#include "ctld/membership.hpp"

#include "gtest/gtest.h"

namespace flurm::ctld {
namespace {

conf::Config hosts(std::vector<conf::ControllerHost> list) {
  conf::Config config;
  config.controllers = std::move(list);
  return config;
}

TEST(Membership, one_controller_is_this_one_whatever_its_name) {
  const auto found = membership(hosts({{"elsewhere", "elsewhere"}}), {}, "here");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->self, 0u);
  EXPECT_EQ(found->rpc_host, "");
  EXPECT_EQ(membership(hosts({{"a", "127.0.0.5"}}), {}, "b")->rpc_host, "127.0.0.5");
  EXPECT_EQ(membership(hosts({{"a", "127.0.0.1"}}), {}, "b")->rpc_host, "");
}

TEST(Membership, lines_in_any_order_give_the_same_ids) {
  const auto one = membership(hosts({{"a", "10.0.0.1"}, {"b", "b"}, {"c", "c"}}), {}, "b.example.com");
  const auto other = membership(hosts({{"c", "c"}, {"b", "b"}, {"a", "10.0.0.1"}}), {}, "b");
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->own(), other->own());
  EXPECT_EQ(one->members[0], other->members[2]);
  EXPECT_EQ(one->own().port, 9101);
  EXPECT_EQ(one->link_host, "");
}

TEST(Membership, own_name_from_flurm_conf_wins_over_the_host) {
  const auto config = hosts({{"ctl1", "127.0.0.1"}, {"ctl2", "127.0.0.2"}, {"ctl3", "127.0.0.3"}});
  EXPECT_EQ(membership(config, {}, "box").error().code, Errc::einval);
  for (const char* name : {"ctl1", "flurm@ctl1", "CTL1"}) {
    conf::FlurmConf flurm_conf;
    flurm_conf.controller_name = name;
    const auto found = membership(config, flurm_conf, "box");
    ASSERT_TRUE(found) << found.error().text;
    EXPECT_EQ(found->own().name, "ctl1");
    EXPECT_EQ(found->link_host, "127.0.0.1");
    EXPECT_EQ(found->rpc_host, "127.0.0.1");
  }
}

TEST(Membership, the_list_of_flurm_conf_wins_over_slurm_conf) {
  conf::FlurmConf flurm_conf;
  flurm_conf.controllers = {"flurm@ctrl1.example.com", "flurm@ctrl2.example.com:9200", "flurm@ctrl3.example.com"};
  const auto found = membership(hosts({{"old", "old"}}), flurm_conf, "ctrl2");
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->own().name, "ctrl2.example.com");
  EXPECT_EQ(found->own().port, 9200);
  flurm_conf.controllers[2] = "flurm@ctrl1.example.com";
  EXPECT_FALSE(membership(hosts({{"old", "old"}}), flurm_conf, "ctrl2"));
}

}  // namespace
}  // namespace flurm::ctld
