// model/gres_test.cpp — pools of a node from its configuration and its report, and how Slurm writes them.
#include "model/gres.hpp"

#include "gtest/gtest.h"

namespace flurm::model {
namespace {

constexpr std::uint32_t kFile = gres_flag::has_file;

GresShare share(std::string name, std::string type, std::uint64_t count, std::vector<std::uint64_t> devices = {}) {
  const std::uint32_t of = devices.empty() ? 0 : 4;
  return {std::move(name), std::move(type), count, of, std::move(devices)};
}

TEST(Gres, pools_know_devices_types_and_cores) {
  const std::vector<GresRecord> reported = {
      {"gpu", "tesla", 2, kFile, "0-3", "-1,4"}, {"gpu", "tesla", 2, kFile, "4-7", "4,-1"}, {"net", "", 4, 0, "", ""}};
  const auto pools = gres_pools("gpu,mps,net", "gpu:tesla:4,net:4K", reported, 8);
  ASSERT_EQ(pools.size(), 3u);
  EXPECT_EQ(pools[0].devices, 4u);
  EXPECT_EQ(pools[0].groups[1].first, 2u);
  EXPECT_EQ(pools[0].groups[1].cores, std::vector<std::uint64_t>{0xf0});
  EXPECT_EQ(pools[0].links[0][1], 4);
  EXPECT_EQ(pools[1].count, 0u);
  EXPECT_EQ(pools[2].count, 4u) << "no more than there are";
  EXPECT_EQ(gres_text(pools, 2, 4), "gpu:tesla:4(S:0-1),net:4");
  EXPECT_EQ(gres_text(gres_pools("gpu", "gpu:2", {}, 8), 2, 4), "gpu:2") << "before it has reported";
}

TEST(Gres, use_is_shown_by_device_where_they_are_told_apart) {
  const std::vector<GresRecord> typed = {{"gpu", "a", 2, kFile, "", ""}, {"gpu", "b", 2, kFile, "", ""}};
  const GresPool pool = gres_pools("gpu", "gpu:a:2,gpu:b:2", typed, 8)[0];
  GresUse use;
  EXPECT_EQ(gres_used_text(pool, use), "gpu:a:0(IDX:N/A),gpu:b:0(IDX:N/A)");
  add_gres_use(use, pool, share("gpu", "b", 2, {0xc}));
  EXPECT_EQ(gres_used_text(pool, use), "gpu:a:0(IDX:N/A),gpu:b:2(IDX:2-3)");
  EXPECT_TRUE(within(use, pool));
  add_gres_use(use, pool, share("gpu", "b", 1, {0x4}));
  EXPECT_FALSE(within(use, pool));
  const GresPool plain = gres_pools("gpu", "gpu:2", std::vector<GresRecord>{{"gpu", "", 2, kFile, "", ""}}, 8)[0];
  EXPECT_EQ(gres_used_text(plain, {.count = 1, .on_device = {1, 0}, .of_type = {}}), "gpu:1");
  EXPECT_EQ(gres_share_text(share("gpu", "b", 2, {0xc})), "gpu:b:2(IDX:2-3)");
  EXPECT_EQ(gres_share_text(share("net", "", 2)), "net(CNT:2)");
}

TEST(Gres, a_shared_kind_is_limited_on_each_device) {
  const std::vector<GresRecord> reported = {{"mps", "", 100, kFile, "", ""}, {"mps", "", 100, kFile, "", ""}};
  const GresPool pool = gres_pools("mps", "mps:200", reported, 8)[0];
  GresUse use;
  add_gres_use(use, pool, share("mps", "", 60, {1}));
  add_gres_use(use, pool, share("mps", "", 60, {2}));
  EXPECT_TRUE(within(use, pool));
  add_gres_use(use, pool, share("mps", "", 60, {2}));
  EXPECT_FALSE(within(use, pool));
}

TEST(Gres, what_is_missing_is_named) {
  const std::vector<GresRecord> reported = {{"gpu", "a", 1, kFile, "", ""}, {"gpu", "b", 2, kFile, "", ""}};
  EXPECT_EQ(gres_shortfall("gpu,net", "gpu:3,net:0", reported), "");
  EXPECT_EQ(gres_shortfall("gpu,net", "gpu:4", reported), "gres/gpu count reported lower than configured (3 < 4)");
  EXPECT_EQ(gres_shortfall("gpu,net", "gpu:a:2,gpu:b:1", reported), "gres/gpu:a count too low (1 < 2)");
}

TEST(Gres, wishes_are_read_as_clients_send_them) {
  const auto wish = parse_gres_wish("cpu:2,gres:gpu:tesla:2,gres:net:1k,gres:gpu:0", "gpu,net");
  ASSERT_TRUE(wish);
  ASSERT_EQ(wish->size(), 2u);
  EXPECT_EQ((*wish)[0].type, "tesla");
  EXPECT_EQ((*wish)[1].count, 1024u);
  EXPECT_EQ(parse_gres_wish("gres:gpu:tesla", "gpu")->front().type, "tesla");
  for (const char* bad : {"gres:gpu:", "gres:gpu::1", "gres:gpu:tesla:", "gres:gpu:tesla:x", "gres:net:1"})
    EXPECT_EQ(parse_gres_wish(bad, "gpu").error().code, Errc::invalid_gres) << bad;
}

}  // namespace
}  // namespace flurm::model
