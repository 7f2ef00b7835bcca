// cli/local_test.cpp — the parts of `flurm local` that need no cluster: the configuration it writes, the processes it
// finds, and how commands fail. tests/real-clients does the rest with the real daemons.
#include "cli/local.hpp"

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "cli/cli.hpp"
#include "cli/config_check.hpp"
#include "cli/layout.hpp"
#include "cli/local_conf.hpp"
#include "cli/processes.hpp"
#include "conf/slurm_conf.hpp"
#include "exec/fd.hpp"
#include "gtest/gtest.h"

namespace flurm::cli {
namespace {

using namespace std::chrono_literals;

class Local : public testing::Test {
 protected:
  Local() {
    char name[] = "/tmp/flurm-local-test-XXXXXX";
    layout_.dir = mkdtemp(name);
    settings_ = {.nodes = 3, .first_port = 23000, .slurm_user = current_user().name};
  }
  ~Local() override { std::filesystem::remove_all(layout_.dir); }

  conf::Config parse(std::string_view extra) {
    std::vector<conf::Diagnostic> out;
    auto conf = conf::parse_slurm_conf(
        local_slurm_conf(layout_, settings_, "host", extra), "slurm.conf",
        [](const std::string&) -> Result<std::string> { return fail(Errc::io, "none"); }, out);
    EXPECT_TRUE(conf) << (conf ? "" : conf.error().text);
    for (const auto& d : out) ADD_FAILURE() << conf::to_string(d);
    return conf.value_or(conf::Config{});
  }

  Layout layout_;
  Settings settings_;
};

TEST_F(Local, configuration_is_one_that_needs_no_warning) {
  const conf::Config conf = parse("");
  ASSERT_EQ(conf.nodes.size(), 3U);
  EXPECT_EQ(conf.nodes[2].port, 23003);
  EXPECT_EQ(conf.slurmctld_port, 23000U);
  EXPECT_EQ(conf.nodes[0].cpus, 4);
  EXPECT_EQ(conf.partitions[0].node_index.size(), 3U);
  EXPECT_EQ(conf.controllers[0].addr, "127.0.0.1");
}

TEST_F(Local, extra_lines_replace_drop_and_add) {
  const conf::Config conf = parse(
      "# comment\nKillWait=9\nDefMemPerCPU=\nLicenses=a:3\nNodeName=DEFAULT CPUs=2 CoresPerSocket=2 Feature=x\n"
      "PartitionName=debug Nodes=n1 Default=YES\nPartitionName=long Nodes=n[2-3]\n");
  EXPECT_EQ(conf.kill_wait, 9);
  EXPECT_EQ(conf.def_mem_per_cpu, 0U);
  EXPECT_EQ(conf.licenses, "a:3");
  EXPECT_EQ(conf.nodes[1].cpus, 2);
  EXPECT_EQ(conf.nodes[1].features, "x");
  EXPECT_EQ(conf.nodes[1].real_memory, 4096U);
  ASSERT_EQ(conf.partitions.size(), 2U);
  EXPECT_EQ(conf.partitions[0].node_index.size(), 1U);
}

TEST_F(Local, settings_survive) {
  ASSERT_TRUE(create_folders(layout_, settings_));
  ASSERT_TRUE(save_settings(layout_, settings_));
  auto loaded = load_settings(layout_);
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->nodes, 3);
  EXPECT_EQ(loaded->first_port, 23000);
  EXPECT_EQ(loaded->slurm_user, settings_.slurm_user);
  ASSERT_TRUE(exec::replace_file(layout_.settings(), "Nodes=many\n", 0644));
  EXPECT_EQ(load_settings(layout_).error().code, Errc::corrupt);
}

TEST_F(Local, ports_are_the_same_for_the_same_folder) {
  auto one = choose_ports(layout_), two = choose_ports(layout_);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(*one, *two);
  EXPECT_TRUE(port_free(*one));
  EXPECT_FALSE(port_answers(*one));
}

TEST_F(Local, ports_of_which_one_is_taken_are_passed_over) {
  const auto one = choose_ports(layout_);
  ASSERT_TRUE(one);
  const exec::Fd taken(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{.sin_family = AF_INET,
                      .sin_port = htons(static_cast<std::uint16_t>(*one + kDbdPortOffset)),
                      .sin_addr = {htonl(INADDR_LOOPBACK)},
                      .sin_zero = {}};
  ASSERT_EQ(bind(taken.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(taken.get(), 1), 0);
  const auto two = choose_ports(layout_);
  ASSERT_TRUE(two);
  EXPECT_NE(*one, *two);
}

TEST_F(Local, daemons_are_found_and_stopped_with_all_they_started) {
  ASSERT_TRUE(create_folders(layout_, settings_));
  // The daemon leaves a child that has left its session, as a job's process may.
  const std::string script = "echo started; setsid sleep 100 & setsid setsid sleep 100 & exec sleep 100";
  ASSERT_TRUE(start_daemon(layout_, {"n1", {"/bin/sh", "-c", script}, {}, 0}));
  EXPECT_TRUE(daemon_pid(layout_, "n1"));
  EXPECT_FALSE(daemon_pid(layout_, "n2"));
  // Three sleep in the end; a process that is being replaced cannot be seen for a moment.
  bool three = false;
  for (int i = 0; i < 500 && !three; ++i, pause_briefly()) three = cluster_processes(layout_, getpid()).size() >= 3;
  EXPECT_TRUE(three);
  EXPECT_NE(log_tail(layout_, "n1").find("  started\n"), std::string::npos);
  EXPECT_TRUE(stop_daemon(layout_, "n1", 5s));
  EXPECT_TRUE(kill_processes(layout_, 5s).empty());
  EXPECT_TRUE(cluster_processes(layout_, getpid()).empty());
}

TEST_F(Local, a_record_of_another_process_is_none) {
  ASSERT_TRUE(create_folders(layout_, settings_));
  ASSERT_TRUE(exec::replace_file(layout_.record("n1"), std::to_string(getpid()) + " 1\n", 0644));
  EXPECT_FALSE(daemon_pid(layout_, "n1"));
}

TEST_F(Local, a_program_that_is_not_there_is_said) {
  ASSERT_TRUE(create_folders(layout_, settings_));
  auto started = start_daemon(layout_, {"n1", {"/nonexistent/flurmnd"}, {}, 0});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().text, "cannot run /nonexistent/flurmnd: No such file or directory");
}

TEST_F(Local, commands_fail_with_a_hint) {
  const std::string nowhere = layout_.dir + "/none";
  auto down = local_down({.dir = nowhere});
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().text, "no cluster in " + nowhere + "; start one with: flurm local up --dir " + nowhere);
  EXPECT_EQ(local_status({.dir = nowhere}), 1);
  EXPECT_FALSE(local_up({.dir = layout_.dir, .controllers = 3}));
  EXPECT_FALSE(local_up({.dir = layout_.dir + std::string(120, 'x')}));
}

TEST_F(Local, config_check_tells_by_its_status) {
  const std::string file = layout_.dir + "/slurm.conf";
  ASSERT_TRUE(exec::replace_file(file, local_slurm_conf(layout_, settings_, "host", ""), 0644));
  EXPECT_EQ(config_check(file), 0);
  ASSERT_TRUE(exec::replace_file(layout_.dir + "/cgroup.conf", "Foo=1\n", 0644));
  EXPECT_EQ(config_check(file), 1);
  ASSERT_TRUE(exec::replace_file(layout_.dir + "/cgroup.conf", "", 0644));
  ASSERT_TRUE(exec::replace_file(layout_.dir + "/acct_gather.conf", "EnergyIPMIFrequency=10\n", 0644));
  EXPECT_EQ(config_check(file), 0) << "it is for another plugin";
  EXPECT_EQ(config_check(layout_.dir + "/acct_gather.conf"), 1);
  const std::string gathers = "AcctGatherProfileType=acct_gather_profile/influxdb\n";
  ASSERT_TRUE(exec::replace_file(file, local_slurm_conf(layout_, settings_, "host", gathers), 0644));
  EXPECT_EQ(config_check(file), 1);
  EXPECT_EQ(config_check(layout_.dir + "/absent.conf"), 1);
}

}  // namespace
}  // namespace flurm::cli
