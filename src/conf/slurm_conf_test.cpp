// conf/slurm_conf_test.cpp — slurm.conf: syntax, inheritance, derived values, diagnostics, and text that is no
// configuration at all.
#include "conf/slurm_conf.hpp"

#include <algorithm>
#include <fstream>
#include <map>

#include "base/hostlist.hpp"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"

namespace flurm::conf {
namespace {

struct Parsed {
  std::optional<Config> config;
  std::vector<Diagnostic> diagnostics;
  std::string problems() const {
    std::string out;
    for (const auto& d : diagnostics) out += to_string(d) + "\n";
    return out;
  }
};

Parsed parse(std::string_view text, std::map<std::string, std::string> files = {}) {
  Parsed out;
  auto result = parse_slurm_conf(
      text, "slurm.conf",
      [&](const std::string& path) -> Result<std::string> {
        auto it = files.find(path);
        if (it == files.end()) return fail(Errc::esrch, "no such file");
        return it->second;
      },
      out.diagnostics);
  if (result) out.config = std::move(*result);
  return out;
}

/// A file that is right but for `lines`.
Parsed with(const std::string& lines) {
  return parse("ClusterName=c\nSlurmctldHost=h\nNodeName=n[1-4] CPUs=4\nPartitionName=p Nodes=ALL\n" + lines);
}

TEST(SlurmConf, smallest_file_gives_slurms_defaults) {
  auto p = with("");
  ASSERT_TRUE(p.config) << p.problems();
  EXPECT_TRUE(p.diagnostics.empty()) << p.problems();
  EXPECT_EQ(p.config->controllers, (std::vector<ControllerHost>{{"h", "h"}}));
  EXPECT_EQ(p.config->slurmctld_port, 6817U);
  EXPECT_EQ(p.config->kill_wait, 30);
  EXPECT_EQ(p.config->nodes.size(), 4U);
  EXPECT_EQ(p.config->nodes[2].name, "n3");
  EXPECT_EQ(p.config->nodes[2].addr, "n3");
  EXPECT_EQ(p.config->nodes[2].port, 6818);
  EXPECT_EQ(p.config->nodes[2].sockets, 4);
  EXPECT_EQ(p.config->partitions[0].node_index, (std::vector<std::uint32_t>{0, 1, 2, 3}));
}

TEST(SlurmConf, hash_is_slurmds) {
  // The number is slurm_conf.hash_val of Debian's libslurmfull 22.05.8 for these two files.
  auto p = parse(
      "# A comment, hashed too\nClusterName=Test # trailing\nSlurmctldHost=localhost\nInclude more.conf\n"
      "NodeName=n[1-4] CPUs=2 \\\n  RealMemory=100\nPartitionName=p Nodes=ALL\n# h\xc3\xa9\n",
      {{"more.conf", "KillWait=12\n\n"}});
  ASSERT_TRUE(p.config) << p.problems();
  EXPECT_EQ(p.config->hash_val, 3440963096U);
  EXPECT_EQ(p.config->cluster_name, "test");
  EXPECT_EQ(p.config->kill_wait, 12);
  EXPECT_EQ(p.config->nodes[3].real_memory, 100U);
}

TEST(SlurmConf, syntax) {
  auto p = parse(
      "  clustername = c\nSlurmctldHost=\"h\"\nLicenses=\"a:1, b:2\" # comment\nEpilog=/x\\#y\\\\z\r\n"
      "nodename=n1 reason=\"broken disk\" \\\n State=DOWN\nPartitionName=p Nodes=n1");
  ASSERT_TRUE(p.config) << p.problems();
  EXPECT_EQ(p.config->licenses, "a:1, b:2");
  EXPECT_EQ(p.config->epilog, "/x#y\\z");
  EXPECT_EQ(p.config->nodes[0].reason, "broken disk");
  EXPECT_EQ(p.config->nodes[0].state, kNodeDown);
}

TEST(SlurmConf, include_finds_files_beside_the_one_that_names_them) {
  const std::string base = "ClusterName=C\nSlurmctldHost=h\nPartitionName=p Nodes=n1\n";
  std::vector<Diagnostic> out;
  auto text = [](const std::string& path) -> Result<std::string> {
    if (path == "/etc/slurm/nodes-c.conf") return "NodeName=n1\ninclude sub/x\n";
    if (path == "/etc/slurm/sub/x") return "KillWait=7\n";
    return fail(Errc::esrch, "not {}", path);
  };
  auto config = parse_slurm_conf(base + "Include nodes-%c.conf\n", "/etc/slurm/slurm.conf", text, out);
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->kill_wait, 7);

  auto loop = parse_slurm_conf(
      base + "Include slurm.conf\n", "slurm.conf",
      [&](const std::string&) -> Result<std::string> { return "Include slurm.conf\n"; }, out);
  ASSERT_FALSE(loop);
  EXPECT_NE(loop.error().text.find("16 levels"), std::string::npos) << loop.error().text;
}

TEST(SlurmConf, node_lines_inherit_and_expand) {
  auto p = parse(
      "ClusterName=c\nSlurmctldHost=a(10.0.0.1)\nSlurmctldHost=b\nSlurmctldPort=7000-7003\n"
      "NodeName=DEFAULT Sockets=2 CoresPerSocket=4 ThreadsPerCore=2 Feature=old Weight=5\n"
      "NodeName=DEFAULT Feature=new RealMemory=64000\n"
      "NodeName=n[1-3] NodeHostname=host NodeAddr=127.0.0.[1-3] Port=[17001-17003]\n"
      "NodeName=m1 SocketsPerBoard=1 Boards=2 CoresPerSocket=8 Feature=a,b Port=9\n"
      "NodeName=g1 CPUs=16 CoreSpecCount=1 MemSpecLimit=100 Gres=gpu:2 State=CLOUD\n"
      "NodeSet=big Feature=a\nNodeSet=two Nodes=n[1-2]\n"
      "PartitionName=DEFAULT MaxTime=1-0 Nodes=n1\n"
      "PartitionName=one Default=YES\n"
      "PartitionName=sets Nodes=two,big MaxTime=90 DefaultTime=30:30 AllowAccounts=Root,Bob OverSubscribe=FORCE:3\n"
      "PartitionName=all Nodes=ALL State=DRAIN PriorityTier=9 DefMemPerCPU=100 PreemptMode=GANG,SUSPEND\n"
      "DownNodes=n[2-3] State=DRAIN Reason=\"fan\"\n");
  ASSERT_TRUE(p.config) << p.problems();
  const Config& c = *p.config;
  EXPECT_EQ(c.controllers, (std::vector<ControllerHost>{{"a", "10.0.0.1"}, {"b", "b"}}));
  EXPECT_EQ(c.slurmctld_port, 7000U);
  EXPECT_EQ(c.slurmctld_port_count, 4);
  const NodeDef& n2 = c.nodes[1];
  EXPECT_EQ(n2.hostname, "host");
  EXPECT_EQ(n2.addr, "127.0.0.2");
  EXPECT_EQ(n2.port, 17002);
  EXPECT_EQ(n2.cpus, 16);
  EXPECT_EQ(n2.features, "new");
  EXPECT_EQ(n2.weight, 5U);
  EXPECT_EQ(n2.real_memory, 64000U);
  const NodeDef& m1 = c.nodes[3];
  EXPECT_EQ(m1.sockets, 2);
  EXPECT_EQ(m1.cpus, 32);
  EXPECT_EQ(c.nodes[4].state, kNodeIdle | kNodeCloud | kNodePoweredDown);
  EXPECT_EQ(c.partitions[0].node_index, (std::vector<std::uint32_t>{0}));
  EXPECT_EQ(c.partitions[0].max_time_min, 1440U);
  EXPECT_TRUE(c.partitions[0].is_default);
  EXPECT_EQ(c.partitions[1].node_index, (std::vector<std::uint32_t>{0, 1, 3}));
  EXPECT_EQ(c.partitions[1].default_time_min, 31U);
  EXPECT_EQ(c.partitions[1].allow_accounts, "root,bob");
  EXPECT_EQ(c.partitions[1].max_share, kShareForce | 3);
  EXPECT_EQ(c.partitions[2].node_index.size(), 5U);
  EXPECT_EQ(c.partitions[2].state, kPartitionDrain);
  EXPECT_EQ(c.partitions[2].def_mem_per_cpu, kMemPerCpu | 100);
  EXPECT_EQ(c.partitions[2].preempt_mode, kPreemptGang | kPreemptSuspend);
  EXPECT_EQ(c.down_nodes[0].node_index, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(c.down_nodes[0].state, kNodeDrain);
}

TEST(SlurmConf, counts_follow_from_each_other) {
  struct Case {
    std::string line;
    int cpus, sockets, cores, threads;
  };
  for (const Case& c :
       {Case{"", 1, 1, 1, 1}, Case{"CPUs=8", 8, 8, 1, 1}, Case{"Sockets=2 CoresPerSocket=3", 6, 2, 3, 1},
        Case{"CPUs=16 CoresPerSocket=4 ThreadsPerCore=2", 16, 2, 4, 2},
        Case{"Boards=2 SocketsPerBoard=2 CoresPerSocket=2", 8, 4, 2, 1}, Case{"Boards=2 CoresPerSocket=2", 4, 2, 2, 1},
        Case{"CPUs=4 Sockets=2 CoresPerSocket=2 ThreadsPerCore=2", 4, 2, 2, 2}, Case{"Procs=3", 3, 3, 1, 1}}) {
    auto p = parse("ClusterName=c\nSlurmctldHost=h\nNodeName=n " + c.line + "\nPartitionName=p Nodes=n\n");
    ASSERT_TRUE(p.config) << c.line << p.problems();
    const NodeDef& n = p.config->nodes[0];
    EXPECT_EQ(n.cpus, c.cpus) << c.line;
    EXPECT_EQ(n.sockets, c.sockets) << c.line;
    EXPECT_EQ(n.cores_per_socket, c.cores) << c.line;
    EXPECT_EQ(n.threads_per_core, c.threads) << c.line;
  }
}

TEST(SlurmConf, values) {
  auto p = with(
      "DefMemPerNode=2K\nMaxMemPerCPU=UNLIMITED\nSelectType=select/"
      "cons_tres\nSelectTypeParameters=CR_Core_Memory,CR_LLN\n"
      "EnforcePartLimits=yes\nPrologFlags=Contain\nPrivateData=jobs,cloud\nPriorityFlags=NO_FAIR_TREE,MAX_TRES\n"
      "PriorityDecayHalfLife=1-0\nSuspendTime=NONE\nSlurmctldDebug=debug3\nSrunPortRange=100-200\nReturnToService=0x2\n"
      "HealthCheckNodeState=CYCLE\nDebugFlags=NO_CONF_HASH,Steps\nAccountingStorageTRES=gres/gpu\n"
      "CommunicationParameters=keepalivetime=30\nPreemptExemptTime=00:01:00\nOverTimeLimit=UNLIMITED\n");
  ASSERT_TRUE(p.config) << p.problems();
  const Config& c = *p.config;
  EXPECT_EQ(c.def_mem_per_cpu, 2048U);
  EXPECT_EQ(c.max_mem_per_cpu, kInfinite64);
  EXPECT_EQ(c.select_type_param, kCrCore | kCrMemory | kCrLln);
  EXPECT_EQ(c.enforce_part_limits, kEnforceAny);
  EXPECT_EQ(c.prolog_flags, kPrologAlloc | kPrologContain);
  EXPECT_EQ(c.private_data, kPrivateJobs | kPrivateCloudNodes);
  EXPECT_EQ(c.priority_flags, 2);
  EXPECT_EQ(c.priority_decay_hl, 86400U);
  EXPECT_EQ(c.suspend_time, kInfinite32);
  EXPECT_EQ(c.slurmctld_debug, 7);
  EXPECT_EQ(c.srun_port_last, 200);
  EXPECT_EQ(c.ret2service, 2);
  EXPECT_EQ(c.health_check_node_state, kHealthCycle | kHealthAny);
  EXPECT_EQ(c.debug_flags, 0x22U);
  EXPECT_EQ(c.accounting_storage_tres, "gres/gpu,cpu,mem,energy,node,billing,fs/disk,vmem,pages");
  EXPECT_EQ(c.keepalive_time, 30U);
  EXPECT_EQ(c.preempt_exempt_time, 60U);
  EXPECT_EQ(c.over_time_limit, kInfinite16);
}

// Every bad line gives an error at its own line, naming the key; the text has the part given here.
TEST(SlurmConf, problems_say_where_and_what_is_allowed) {
  struct Case {
    std::string line, key, part;
  };
  for (const Case& c : {
           Case{"KillWait=soon", "KillWait", "allowed: 0 to 65533, INFINITE"},
           Case{"KillWait=-1", "KillWait", "'-1'"},
           Case{"KillWait=70000", "KillWait", "'70000'"},
           Case{"MinJobAge=1", "MinJobAge", "allowed: 2 to"},
           Case{"KillWiat=3", "KillWiat", "did you mean KillWait?"},
           Case{"Frobnicate=3", "Frobnicate", "is not a key"},
           Case{"ReturnToService=3", "ReturnToService", "allowed: 0 to 2"},
           Case{"SelectType=select/foo", "SelectType", "allowed: select/linear"},
           Case{"SelectTypeParameters=CR_CPU,CR_Core", "SelectTypeParameters", "more than one"},
           Case{"TrackWCKey=maybe", "TrackWCKey", "allowed: YES, NO"},
           Case{"PriorityMaxAge=1:2:3:4", "PriorityMaxAge", "is not a time"},
           Case{"PreemptMode=CANCEL,REQUEUE", "PreemptMode", "one of OFF"},
           Case{"PreemptMode=CANCEL", "PreemptMode", "needs PreemptType"},
           Case{"SlurmctldPort=0", "SlurmctldPort", "a port from 1 to 65535"},
           Case{"SlurmctldPort=10-5", "SlurmctldPort", "first-last"},
           Case{"SlurmctldPort=6818", "SlurmdPort", "must differ"},
           Case{"SallocDefaultCommand=x", "SallocDefaultCommand", "use_interactive_step"},
           Case{"DefMemPerCPU=1\nDefMemPerNode=2", "DefMemPerNode", "exclude each other"},
           Case{"FirstJobId=9\nMaxJobId=8", "FirstJobId", "MaxJobId=8"},
           Case{"KillWait=1 MinJobAge=3", "KillWait", "'MinJobAge' does not belong"},
           Case{"KillWait", "", "Key=Value"},
           Case{"KillWait=", "KillWait", "needs a value"},
           Case{"Include gone.conf", "Include", "no such file"},
           Case{"SlurmctldHost=a(b", "SlurmctldHost", "name(address)"},
           Case{"SlurmctldHost=h", "SlurmctldHost", "twice"},
           Case{"NodeName=n1", "NodeName", "n1 is configured twice"},
           Case{"NodeName=x[1-", "NodeName", "brackets"},
           Case{"NodeName=x CPUs=0", "CPUs", "allowed: 1 to"},
           Case{"NodeName=x CPUs=5 Sockets=2 CoresPerSocket=2", "CPUs", "does not match"},
           Case{"NodeName=x Sockets=2 SocketsPerBoard=2", "SocketsPerBoard", "one of the two"},
           Case{"NodeName=x[1-3] Port=1-2", "Port", "2 values for 3 names"},
           Case{"NodeName=x State=BROKEN", "State", "allowed: UNKNOWN, DOWN"},
           Case{"NodeName=x Memory=5", "Memory", "is not a key of NodeName lines"},
           Case{"NodeName=DEFAULT NodeAddr=x", "NodeAddr", "not allowed with NodeName=DEFAULT"},
           Case{"NodeName=x RealMemory=10 MemSpecLimit=10", "MemSpecLimit", "below RealMemory"},
           Case{"PartitionName=q Nodes=n9", "Nodes", "'n9' is no node"},
           Case{"PartitionName=p Nodes=n1", "PartitionName", "twice"},
           Case{"PartitionName=q Nodes=n1 MaxTime=later", "MaxTime", "is not a time"},
           Case{"PartitionName=q Nodes=n1 OverSubscribe=YES:1", "OverSubscribe", "n > 1"},
           Case{"PartitionName=q Nodes=n1 State=OPEN", "State", "UP, DOWN, DRAIN, INACTIVE"},
           Case{"DownNodes=zz", "DownNodes", "is no node"},
       }) {
    auto p = with(c.line + "\n");
    SCOPED_TRACE(c.line);
    EXPECT_FALSE(p.config);
    auto hit = std::ranges::find_if(p.diagnostics, [&](const Diagnostic& d) { return d.severity == Severity::error; });
    ASSERT_NE(hit, p.diagnostics.end());
    EXPECT_EQ(hit->key, c.key);
    EXPECT_NE(hit->message.find(c.part), std::string::npos) << hit->message;
    if (c.key != "SlurmdPort") {
      EXPECT_GE(hit->line, 5) << to_string(*hit);
    }
  }
  for (std::string missing : {"ClusterName", "SlurmctldHost", "NodeName"}) {
    auto p = parse(missing == "NodeName"      ? "ClusterName=c\nSlurmctldHost=h\n"
                   : missing == "ClusterName" ? "SlurmctldHost=h\nNodeName=n\n"
                                              : "ClusterName=c\nNodeName=n\n");
    EXPECT_NE(p.problems().find("slurm.conf: error: " + missing + ": is missing"), std::string::npos) << p.problems();
  }
}

TEST(SlurmConf, what_has_no_effect_is_said_once) {
  auto p = with(
      "VSizeFactor=5\nNodeName=x[1-2] TRESWeights=a\nNodeName=y "
      "TRESWeights=b\nSwitchType=switch/none\nKillWait=1\nKillWait=2\n");
  ASSERT_TRUE(p.config) << p.problems();
  EXPECT_EQ(p.config->kill_wait, 2);
  ASSERT_EQ(p.diagnostics.size(), 3U) << p.problems();
  EXPECT_EQ(to_string(p.diagnostics[0]),
            "slurm.conf:5: warning: VSizeFactor: is accepted but has no effect in FLURM yet");
  EXPECT_EQ(to_string(p.diagnostics[1]), "slurm.conf:10: warning: KillWait: given before; the last one counts");
  EXPECT_EQ(p.diagnostics[2].key, "TRESWeights");
}

TEST(SlurmConf, old_names_of_the_controller) {
  auto p = parse(
      "ClusterName=c\nControlMachine=a\nControlAddr=1.2.3.4\nBackupController=b\nNodeName=n\nPartitionName=p "
      "Nodes=n\n");
  ASSERT_TRUE(p.config) << p.problems();
  EXPECT_EQ(p.config->controllers, (std::vector<ControllerHost>{{"a", "1.2.3.4"}, {"b", "b"}}));
}

TEST(SlurmConf, keys_are_sorted_and_unique) {
  auto keys = slurm_conf_keys();
  EXPECT_GT(keys.size(), 240U);
  for (std::size_t i = 1; i < keys.size(); ++i) EXPECT_LT(lower(keys[i - 1].name), lower(keys[i].name));
}

// docs/configuration.md names each key in the part that says what FLURM does with it.
TEST(SlurmConf, documentation_names_every_key) {
  std::ifstream file(FLURM_SOURCE_DIR "/docs/configuration.md");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::map<Support, std::string> parts = {{Support::acted, "## slurm.conf: keys that act"},
                                                {Support::clients, "## slurm.conf: keys for Slurm's own programs"},
                                                {Support::later, "## slurm.conf: keys without effect yet"}};
  for (const KeyInfo& key : slurm_conf_keys()) {
    if (key.support == Support::removed) continue;
    const auto begin = text.find(parts.at(key.support));
    ASSERT_NE(begin, text.npos);
    const auto end = text.find("\n## ", begin + 1);
    EXPECT_LT(text.find(fmt::format("`{}`", key.name), begin), end) << key.name;
  }
}

TEST(Config, options_in_lists) {
  std::string value;
  EXPECT_TRUE(Config::has_option("bf_interval=10,defer", "Defer"));
  EXPECT_TRUE(Config::has_option("bf_interval=10,defer", "bf_interval", &value));
  EXPECT_EQ(value, "10");
  EXPECT_FALSE(Config::has_option("defer_batch", "defer"));
  EXPECT_EQ(expand_node_path("/s/%n/%h/%n", {.name = "n", .hostname = "h"}), "/s/n/h/%n");
}

// Text made of the pieces that configurations are made of, put together without sense.
RC_GTEST_PROP(SlurmConfProp, any_text_is_answered, ()) {
  auto piece = rc::gen::element<std::string>(
      "NodeName=", "PartitionName=", "DEFAULT", " Nodes=", "n[1-3]", "n[1-", "]", "\"", "\\", "\n", " ", "#", "=", ",",
      "CPUs=", "Sockets=", "Port=", "SlurmctldHost=", "a(b)", "(", ")", "ALL", "0", "4", "-1", "INFINITE", "1-2:3",
      "SlurmctldPort=", "KillWait=", "Include x\n", "State=", "DownNodes=", "NodeSet=", "Feature=", "\xff", "%c",
      "65535");
  auto pieces = *rc::gen::container<std::vector<std::string>>(piece);
  std::string text;
  for (const auto& one : pieces) text += one;
  auto p = parse(text, {{"x", "KillWait=1\n"}});
  RC_ASSERT(p.config.has_value() != has_errors(p.diagnostics));
}

RC_GTEST_PROP(SlurmConfProp, any_bytes_are_answered, ()) {
  auto p = parse(*rc::gen::arbitrary<std::string>());
  RC_ASSERT(!p.config);  // nothing arbitrary names a cluster, a controller and a node
}

// What is written is what is read: names, ports and counts of generated node lines.
RC_GTEST_PROP(SlurmConfProp, node_lines_keep_names_and_ports, ()) {
  const int nodes = *rc::gen::inRange(1, 50), port = *rc::gen::inRange(1, 60000);
  const int sockets = *rc::gen::inRange(1, 8), cores = *rc::gen::inRange(1, 64), threads = *rc::gen::inRange(1, 4);
  auto p =
      parse(fmt::format("ClusterName=c\nSlurmctldHost=h\nSlurmctldPort=60001\nSlurmdPort=60002\nNodeName=a[001-{:03}] "
                        "Port={}{} Sockets={} "
                        "CoresPerSocket={} ThreadsPerCore={}\nPartitionName=p Nodes=ALL\n",
                        nodes, port, nodes > 1 ? fmt::format("-{}", port + nodes - 1) : "", sockets, cores, threads));
  RC_ASSERT(p.config);
  std::vector<std::string> names;
  for (int i = 0; i < nodes; ++i) {
    const NodeDef& node = p.config->nodes[static_cast<std::size_t>(i)];
    names.push_back(node.name);
    RC_ASSERT(node.port == port + i);
    RC_ASSERT(node.cpus == sockets * cores * threads);
  }
  RC_ASSERT(compress_hosts(names) == (nodes == 1 ? "a001" : fmt::format("a[001-{:03}]", nodes)));
}

}  // namespace
}  // namespace flurm::conf
