// conf/other_conf_test.cpp — gres.conf, cgroup.conf, topology.conf and flurm.conf.
#include "conf/other_conf.hpp"

#include "conf/flurm_conf.hpp"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"

namespace flurm::conf {
namespace {

Result<std::string> no_include(const std::string&) { return fail(Errc::esrch, "no such file"); }

/// The first error of a text that must be refused.
template <class F>
std::string refusal(F parse, std::string_view text) {
  std::vector<Diagnostic> out;
  auto result = parse(text, "f", no_include, out);
  return result ? "accepted" : result.error().text;
}

TEST(GresConf, lines) {
  std::vector<Diagnostic> out;
  auto conf = parse_gres_conf(
      "AutoDetect=off\nName=gpu Type=a100 File=/dev/nvidia[0-1] Cores=0-7 Links=-1,1\n"
      "NodeName=n[1-2] Name=mps Count=200 File=/dev/nvidia0\nName=bandwidth Count=4G Flags=CountOnly\n"
      "NodeName=n3 AutoDetect=nvml\nName=x MultipleFiles=/dev/a,/dev/b\n",
      "f", no_include, out);
  ASSERT_TRUE(conf) << conf.error().text;
  EXPECT_EQ(conf->autodetect, "off");
  ASSERT_EQ(conf->gres.size(), 5U);
  EXPECT_EQ(conf->gres[0].files, (std::vector<std::string>{"/dev/nvidia0", "/dev/nvidia1"}));
  EXPECT_EQ(conf->gres[0].count, 2U);
  EXPECT_EQ(conf->gres[1].count, 200U);
  EXPECT_EQ(conf->gres[1].nodes, (std::vector<std::string>{"n1", "n2"}));
  EXPECT_EQ(conf->gres[2].count, std::uint64_t{4} << 30);
  EXPECT_EQ(conf->gres[3].autodetect, "nvml");
  EXPECT_EQ(conf->gres[4].count, 1U);
}

TEST(GresConf, refuses) {
  EXPECT_EQ(refusal(parse_gres_conf, "Name=gpu Count=many"),
            "f:1: error: Count: 'many' is not allowed; allowed: a number, with K, M, G, T or P behind it");
  EXPECT_NE(refusal(parse_gres_conf, "Name=gpu File=/dev/a Count=2").find("1 devices"), std::string::npos);
  EXPECT_NE(refusal(parse_gres_conf, "Name=gpu MultipleFiles=/dev/a").find("several"), std::string::npos);
  EXPECT_NE(refusal(parse_gres_conf, "Type=x Name=gpu").find("cannot begin a line"), std::string::npos);
  EXPECT_NE(refusal(parse_gres_conf, "NodeName=n1").find("Name: is missing"), std::string::npos);
  EXPECT_NE(refusal(parse_gres_conf, "Name=gpu Speed=3").find("Speed: is not a key"), std::string::npos);
  EXPECT_NE(refusal(parse_gres_conf, "AutoDetect=magic").find("allowed: off, nvml"), std::string::npos);
}

TEST(CgroupConf, lines) {
  std::vector<Diagnostic> out;
  auto conf =
      parse_cgroup_conf("CgroupPlugin=cgroup/v1\nConstrainRAMSpace=yes\nAllowedRAMSpace=98.5\nMemorySwappiness=0\n",
                        "f", no_include, out);
  ASSERT_TRUE(conf) << conf.error().text;
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(conf->constrain_ram);
  EXPECT_EQ(conf->allowed_ram_percent, 98.5);
  EXPECT_EQ(conf->memory_swappiness, 0U);
  EXPECT_NE(refusal(parse_cgroup_conf, "AllowedRAMSpace=-1").find("0 or more"), std::string::npos);
  EXPECT_NE(refusal(parse_cgroup_conf, "MemorySwappiness=101").find("0 to 100"), std::string::npos);
  EXPECT_NE(refusal(parse_cgroup_conf, "CgroupPlugin=v3").find("allowed: autodetect"), std::string::npos);
  EXPECT_NE(refusal(parse_cgroup_conf, "Foo=1").find("is not a key of cgroup.conf"), std::string::npos);
}

TEST(TopologyConf, lines) {
  std::vector<Diagnostic> out;
  auto conf = parse_topology_conf(
      "SwitchName=s1 Nodes=n[1-2]\nSwitchName=s2 Nodes=n3 LinkSpeed=10\nSwitchName=top Switches=s[1-2]\n", "f",
      no_include, out);
  ASSERT_TRUE(conf) << conf.error().text;
  EXPECT_EQ(conf->switches[2].switches, (std::vector<std::string>{"s1", "s2"}));
  EXPECT_EQ(conf->switches[1].link_speed, 10U);
  EXPECT_NE(refusal(parse_topology_conf, "SwitchName=a Switches=b\n").find("which no line describes"),
            std::string::npos);
  EXPECT_NE(refusal(parse_topology_conf, "SwitchName=a Switches=b\nSwitchName=b Switches=a\n").find("above itself"),
            std::string::npos);
  EXPECT_NE(refusal(parse_topology_conf, "SwitchName=a\n").find("either Nodes or Switches"), std::string::npos);
  EXPECT_NE(refusal(parse_topology_conf, "SwitchName=a Nodes=x\nSwitchName=a Nodes=y\n").find("twice"),
            std::string::npos);
}

TEST(FlurmConf, file_then_environment) {
  std::vector<Diagnostic> out;
  auto conf = parse_flurm_conf("RaftElectionTimeout=200-400\nRaDataDir=/a\nRaftSnapshotInterval=500\n", "f", no_include,
                               {{"FLURM_RA_DATA_DIR", "/b"},
                                {"FLURM_NODE_NAME", "ctrl1"},
                                {"FLURM_COOKIE", "s"},
                                {"FLURM_CLUSTER_NODES", "a,b,c"},
                                {"FLURM_RAFT_SNAPSHOT_INTERVAL", "600"}},
                               out);
  ASSERT_TRUE(conf) << conf.error().text;
  EXPECT_EQ(conf->raft_election_timeout_max_ms, 400U);
  EXPECT_EQ(conf->ra_data_dir, "/b");
  EXPECT_EQ(conf->controller_name, "ctrl1");
  EXPECT_EQ(conf->controllers.size(), 3U);
  EXPECT_EQ(conf->raft_snapshot_interval, 600U);

  auto bad = parse_flurm_conf("", "f", no_include, {{"FLURM_CLUSTER_NODES", "a,b"}}, out);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().text, "environment: error: FLURM_CLUSTER_NODES: 2 controllers; allowed: 1, 3, 5 or 7");
  auto other = parse_flurm_conf("MaxJobCount=5\n", "f", no_include, {}, out);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().text, "f:1: error: MaxJobCount: is set elsewhere; slurm.conf: MaxJobCount");
}

TEST(JobContainerConf, holds_for_the_nodes_it_names) {
  const std::string text =
      "AutoBasePath=true\nBasePath=/all InitScript=/init\n"
      "NodeName=n[2-3] BasePath=/some Dirs=/tmp,/scratch\nNodeName=n4 BasePath=none\n";
  std::vector<Diagnostic> out;
  const auto one = parse_job_container_conf(text, "n1", "f", no_include, out);
  ASSERT_TRUE(one) << one.error().text;
  EXPECT_EQ(one->base_path, "/all");
  EXPECT_TRUE(one->auto_base_path);
  EXPECT_EQ(one->init_script, "/init");
  EXPECT_EQ(one->directories, (std::vector<std::string>{"/tmp", "/dev/shm"}));
  const auto two = parse_job_container_conf(text, "n2", "f", no_include, out);
  ASSERT_TRUE(two);
  EXPECT_EQ(two->base_path, "/some");
  EXPECT_EQ(two->directories, (std::vector<std::string>{"/tmp", "/scratch"}));
  const auto four = parse_job_container_conf(text, "n4", "f", no_include, out);
  EXPECT_TRUE(four && four->base_path.empty());
  for (const char* wrong :
       {"BasePath=here\n", "Dirs=/\n", "AutoBasePath=perhaps\n", "Base=/a\n", "NodeName=n[ BasePath=/a\n"})
    EXPECT_FALSE(parse_job_container_conf(wrong, "n1", "f", no_include, out)) << wrong;
}

TEST(OciConf, needs_a_way_to_run_containers) {
  std::vector<Diagnostic> out;
  const auto conf = parse_oci_conf("RunTimeRun=\"runc run %n -b %b\"\nCreateEnvFile=yes\n", "f", no_include, out);
  ASSERT_TRUE(conf) << conf.error().text;
  EXPECT_EQ(conf->run, "runc run %n -b %b");
  EXPECT_TRUE(conf->create_env_file);
  EXPECT_TRUE(parse_oci_conf("RunTimeCreate=a\nRunTimeStart=b\nRunTimeQuery=c\n", "f", no_include, out));
  for (const char* wrong : {"", "RunTimeCreate=a\nRunTimeStart=b\n", "RunTimeRun=a\nRunTimeStop=b\n"})
    EXPECT_FALSE(parse_oci_conf(wrong, "f", no_include, out)) << wrong;
}

RC_GTEST_PROP(OtherConfProp, any_text_is_answered, ()) {
  auto piece = rc::gen::element<std::string>("Name=", "NodeName=", "SwitchName=", "Switches=", "Nodes=", "a", "b",
                                             "n[1-2]", "[", " ", "\n", "Count=", "File=", "4G", "1",
                                             "ConstrainCores=", "yes", "BlockName=", "AutoDetect=", "off");
  std::string text;
  for (const auto& one : *rc::gen::container<std::vector<std::string>>(piece)) text += one;
  for (auto refused :
       {refusal(parse_gres_conf, text), refusal(parse_cgroup_conf, text), refusal(parse_topology_conf, text)})
    RC_ASSERT(refused == "accepted" || refused.find("error: ") != std::string::npos);
}

TEST(InfluxConf, says_where_samples_go) {
  std::vector<Diagnostic> out;
  const auto conf = parse_influx_conf(
      "ProfileInfluxDBHost=http://db.cluster:8086/metrics/\nProfileInfluxDBDatabase=slurm\n"
      "ProfileInfluxDBRTPolicy=autogen\nProfileInfluxDBDefault=Task\nEnergyIPMIFrequency=10\n",
      "f", no_include, out);
  ASSERT_TRUE(conf) << conf.error().text;
  EXPECT_EQ(*conf, (InfluxConf{.host = "db.cluster",
                               .path = "/metrics",
                               .port = 8086,
                               .database = "slurm",
                               .retention_policy = "autogen",
                               .user = {},
                               .password = {},
                               .profile = kProfileTask}));
  const std::string rest = "\nProfileInfluxDBDatabase=slurm\nProfileInfluxDBRTPolicy=autogen\n";
  EXPECT_EQ(parse_influx_conf("ProfileInfluxDBHost=[::1]:99" + rest, "f", no_include, out)->host, "::1");
  EXPECT_EQ(parse_influx_conf("ProfileInfluxDBHost=db" + rest, "f", no_include, out)->port, 80);
  for (const std::string& wrong :
       {std::string("ProfileInfluxDBHost=db"), rest, "ProfileInfluxDBHost=https://db" + rest,
        "ProfileInfluxDBHost=db:http" + rest, "ProfileInfluxDBHost=db\nProfileInfluxDBPass=x" + rest,
        "ProfileInfluxDBHost=db\nProfileInfluxDBDefault=some" + rest})
    EXPECT_FALSE(parse_influx_conf(wrong, "f", no_include, out)) << wrong;
}

}  // namespace
}  // namespace flurm::conf
