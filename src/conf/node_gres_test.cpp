// conf/node_gres_test.cpp — what a node has when slurm.conf and gres.conf are laid over each other.
#include "conf/node_gres.hpp"

#include "conf/detected_gpus.hpp"
#include "gtest/gtest.h"

namespace flurm::conf {
namespace {

struct Merged {
  std::vector<NodeGres> records;
  std::vector<std::string> warnings;
};

Merged merge(const std::string& gres_conf, std::string_view kinds, std::string_view configured,
             std::string_view node = "n1") {
  std::vector<Diagnostic> out;
  const auto no_include = [](const std::string& file) -> Result<std::string> { return fail(Errc::io, "{}", file); };
  const auto conf = parse_gres_conf(gres_conf, "gres.conf", no_include, out);
  EXPECT_TRUE(conf) << (conf ? "" : conf.error().text);
  Merged merged{node_gres(*conf, kinds, node, configured, "gres.conf", out), {}};
  for (const Diagnostic& each : out) merged.warnings.push_back(each.message);
  return merged;
}

/// "gpu:tesla:2@0-3 /dev/a /dev/b;…"
std::string text(const std::vector<NodeGres>& records) {
  std::string out;
  for (const NodeGres& r : records) {
    out += (out.empty() ? "" : ";") + r.name + (r.type.empty() ? "" : ":" + r.type) + ":" + std::to_string(r.count);
    if (!r.cores.empty()) out += "@" + r.cores;
    for (const std::string& file : r.files) out += " " + file;
  }
  return out;
}

TEST(NodeGres, lines_of_the_node_up_to_the_configured_count) {
  const std::string conf =
      "Name=gpu Type=old File=/dev/g9\nNodeName=n[1-2] Name=gpu Type=new File=/dev/g[0-3] Cores=0-3\n"
      "NodeName=n3 Name=gpu Type=new File=/dev/x\nName=net Count=4K\n";
  const Merged all = merge(conf, "gpu,net", "gpu:new:4,gpu:old:1,net:4K");
  EXPECT_EQ(text(all.records), "gpu:new:4@0-3 /dev/g0 /dev/g1 /dev/g2 /dev/g3;gpu:old:1 /dev/g9;net:4096");
  EXPECT_TRUE(all.warnings.empty());
  const Merged some = merge(conf, "gpu,net", "gpu:new:2");
  EXPECT_EQ(text(some.records), "gpu:new:2@0-3 /dev/g0 /dev/g1;net:0");
  EXPECT_EQ(some.warnings.size(), 3u);
  EXPECT_EQ(text(merge(conf, "gpu", "gpu:new:1", "n3").records), "gpu:new:1 /dev/x");
}

TEST(NodeGres, without_a_type_in_slurm_conf_types_are_forgotten) {
  const Merged merged = merge("Name=gpu Type=a File=/dev/g0\nName=gpu Type=b File=/dev/g1\n", "gpu", "gpu:2");
  EXPECT_EQ(text(merged.records), "gpu:1 /dev/g0;gpu:1 /dev/g1");
  EXPECT_FALSE(merged.records[0].flags & gres_flag::has_type);
}

TEST(NodeGres, a_gpu_without_a_file_does_not_count) {
  EXPECT_EQ(text(merge("", "gpu,net", "gpu:2,net:2").records), "net:2");
}

TEST(NodeGres, parts_of_gpus_stand_before_their_gpu) {
  const std::string gpus = "Name=gpu File=/dev/g[0-1] Cores=0-1\n";
  EXPECT_EQ(text(merge(gpus + "Name=mps Count=300\n", "gpu,mps", "gpu:2,mps:300").records),
            "mps:150@0-1 /dev/g0;gpu:1@0-1 /dev/g0;mps:150@0-1 /dev/g1;gpu:1@0-1 /dev/g1");
  EXPECT_EQ(text(merge(gpus + "Name=shard Count=8 File=/dev/g1\n", "gpu,shard", "gpu:2,shard:8").records),
            "shard:0@0-1 /dev/g0;gpu:1@0-1 /dev/g0;shard:8@0-1 /dev/g1;gpu:1@0-1 /dev/g1");
  const Merged alone = merge("Name=mps Count=100\n", "gpu,mps", "mps:100");
  EXPECT_EQ(alone.warnings.size(), 1u);
}

TEST(NodeGres, variables_that_a_line_names_hold_for_the_next_lines) {
  const Merged merged = merge("Name=gpu File=/dev/g0 Flags=amd_gpu_env\nName=gpu File=/dev/g1\n", "gpu", "gpu:2");
  ASSERT_EQ(merged.records.size(), 2u);
  for (const NodeGres& record : merged.records) EXPECT_EQ(record.flags & gres_flag::env_all, gres_flag::env_rsmi);
  EXPECT_EQ(merge("Name=gpu File=/dev/g0 Flags=no_gpu_env\n", "gpu", "gpu:1").records[0].flags & gres_flag::env_all,
            0u);
  EXPECT_EQ(merge("Name=gpu File=/dev/g0\n", "gpu", "gpu:1").records[0].flags & gres_flag::env_all, gres_flag::env_all);
}

/// Two of one type, which are linked, and one of another.
std::vector<NodeGres> found() {
  const auto gpu = [](const char* type, const char* file, const char* cores, const char* links) {
    return NodeGres{.name = "gpu",
                    .type = type,
                    .count = 1,
                    .flags = gres_flag::env_nvml,
                    .cores = cores,
                    .links = links,
                    .files = {file},
                    .unique_id = {}};
  };
  return {gpu("tesla_v100", "/dev/n0", "0-3", "-1,2,0"), gpu("tesla_v100", "/dev/n1", "0-3", "2,-1,0"),
          gpu("tesla_t4", "/dev/n2", "4-7", "0,0,-1")};
}

Merged merge_found(const std::string& gres_conf, std::string_view configured) {
  std::vector<Diagnostic> out;
  const auto no_include = [](const std::string& file) -> Result<std::string> { return fail(Errc::io, "{}", file); };
  const auto conf = parse_gres_conf(gres_conf, "gres.conf", no_include, out);
  const std::vector<NodeGres> gpus = found();
  Merged merged{node_gres(*conf, "gpu", "n1", configured, "gres.conf", out, &gpus), {}};
  for (const Diagnostic& each : out) merged.warnings.push_back(each.message);
  return merged;
}

TEST(NodeGres, found_devices_take_the_types_of_the_configuration) {
  const Merged typed = merge_found("", "gpu:v100:2,gpu:t4:1");
  EXPECT_EQ(text(typed.records), "gpu:v100:1@0-3 /dev/n0;gpu:v100:1@0-3 /dev/n1;gpu:t4:1@4-7 /dev/n2");
  EXPECT_TRUE(typed.warnings.empty());
  EXPECT_EQ(text(merge_found("", "gpu:3").records), "gpu:1@0-3 /dev/n0;gpu:1@0-3 /dev/n1;gpu:1@4-7 /dev/n2");
}

TEST(NodeGres, what_is_found_and_not_configured_is_not_used_nor_what_is_said_otherwise) {
  const Merged some = merge_found("", "gpu:v100:1");
  EXPECT_EQ(text(some.records), "gpu:v100:1@0-3 /dev/n0");
  EXPECT_EQ(some.warnings.size(), 2u);
  const Merged otherwise = merge_found("Name=gpu File=/dev/n0 Cores=4-7\n", "gpu:3");
  EXPECT_EQ(text(otherwise.records), "gpu:1@0-3 /dev/n1;gpu:1@4-7 /dev/n2");
  EXPECT_EQ(text(merge_found("Name=gpu File=/dev/other\n", "gpu:2").records), "gpu:1@0-3 /dev/n0;gpu:1 /dev/other");
}

TEST(NodeGres, how_a_node_looks_for_devices) {
  std::vector<Diagnostic> out;
  const auto no_include = [](const std::string& file) -> Result<std::string> { return fail(Errc::io, "{}", file); };
  const auto conf = parse_gres_conf("AutoDetect=nvml\nNodeName=n2 AutoDetect=off Name=gpu File=/dev/n0\n", "gres.conf",
                                    no_include, out);
  EXPECT_EQ(autodetect_of(*conf, "n1"), "nvml");
  EXPECT_EQ(autodetect_of(*conf, "n2"), "off");
}

}  // namespace
}  // namespace flurm::conf
