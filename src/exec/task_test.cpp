// exec/task_test.cpp — what a task finds when its program starts, and what becomes of one that cannot.
#include "exec/task.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "exec/rlimits.hpp"
#include "exec/session_tracker.hpp"
#include "exec/spawn.hpp"
#include "exec/task_prolog.hpp"
#include "gtest/gtest.h"

namespace flurm::exec {
namespace {

class TaskTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flurm_task_XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    dir_ = name;
    spec_.user = {.uid = getuid(), .gid = getgid(), .gids = {}, .name = "me"};
    if (getuid() == 0) {
      spec_.user = {.uid = 65534, .gid = 65534, .gids = {65534, 12345}, .name = "nobody"};
      ASSERT_EQ(chown(name, 65534, 65534), 0);
    }
    spec_.work_dir = dir_;
    spec_.stdin_path = "/dev/null";
    spec_.stdout_path = dir_ + "/out";
    spec_.stderr_path = dir_ + "/out";
    spec_.env = Environment({"PATH=/usr/bin:/bin"});
  }
  void TearDown() override { std::system(("rm -rf " + dir_).c_str()); }

  void write_script(const std::string& name, const std::string& text) {
    ASSERT_TRUE(replace_file(dir_ + "/" + name, text, 0755));
  }

  /// Runs the task to its end; the wait status, or the error it reported.
  Result<int> run() {
    SessionTracker tracker;
    FLURM_TRY(StartingTask task, start_task(spec_, tracker));
    std::optional<Error> error;
    while (true) {
      pollfd ready{task.report.get(), POLLIN, 0};
      poll(&ready, 1, 10'000);
      auto report = read_report(task.report.get());
      if (!report) continue;
      if (report->error) error = report->error;
      if (report->stderr_fd) error_stream_seen_ = true;
      if (report->ended) break;
    }
    int status = 0;
    waitpid(task.pid, &status, 0);
    if (error) return fail(*error);
    return status;
  }
  std::string output() { return read_file(dir_ + "/out", 1 << 20).value_or(""); }

  std::string dir_;
  TaskSpec spec_;
  bool error_stream_seen_ = false;
};

TEST_F(TaskTest, runs_as_the_user_in_its_own_session) {
  write_script("s",
               "#!/bin/sh\nid -u; id -G; umask; pwd; echo $1 $TMPDIR; test $$ = $SLURM_TASK_PID && echo same; "
               "ps -o sid= -p $$ | tr -d ' '; exit 3\n");
  spec_.argv = {dir_ + "/s", "one"};
  spec_.umask = 027;
  const auto status = run();
  ASSERT_TRUE(status);
  EXPECT_EQ(WEXITSTATUS(*status), 3);
  EXPECT_TRUE(error_stream_seen_);
  const std::string text = output();
  EXPECT_NE(text.find("0027\n" + dir_ + "\none /tmp\nsame\n"), std::string::npos) << text;
  if (getuid() == 0) {
    EXPECT_TRUE(text.starts_with("65534\n65534 12345\n")) << text;
  }
  struct stat about {};
  ASSERT_EQ(stat((dir_ + "/out").c_str(), &about), 0);
  EXPECT_EQ(about.st_uid, spec_.user.uid);
  EXPECT_EQ(about.st_mode & 0777, 0640u);
}

TEST_F(TaskTest, finds_default_signals_and_no_other_files) {
  // The shell blocks all signals for a moment whenever it starts a command, so the mask is read in its place.
  write_script("s", "#!/bin/sh\nls /proc/$$/fd | tr '\\n' ' '\nexec grep -E 'Sig(Blk|Ign)' /proc/self/status\n");
  spec_.argv = {dir_ + "/s"};
  ASSERT_TRUE(run());
  EXPECT_EQ(output(), "0 1 10 2 SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");  // 10: the shell's script
}

TEST_F(TaskTest, open_mode) {
  write_script("s", "#!/bin/sh\necho line\n");
  spec_.argv = {dir_ + "/s"};
  ASSERT_TRUE(run());
  spec_.append = true;
  ASSERT_TRUE(run());
  EXPECT_EQ(output(), "line\nline\n");
  spec_.append = false;
  ASSERT_TRUE(run());
  EXPECT_EQ(output(), "line\n");
}

TEST_F(TaskTest, file_that_cannot_be_opened_is_reported) {
  spec_.argv = {"/bin/true"};
  spec_.stdout_path = spec_.stderr_path = "/nonexistent/out";
  const auto status = run();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::node_io_error);
  EXPECT_EQ(status.error().text, "Could not open stdout file /nonexistent/out: No such file or directory");
}

TEST_F(TaskTest, files_are_opened_with_the_users_rights) {
  if (getuid() != 0) GTEST_SKIP() << "needs root";
  spec_.argv = {"/bin/true"};
  spec_.stdout_path = spec_.stderr_path = "/root/flurm_task_out";
  const auto status = run();
  ASSERT_FALSE(status);
  EXPECT_NE(access("/root/flurm_task_out", F_OK), 0);
}

TEST_F(TaskTest, work_dir_that_is_gone) {
  write_script("s", "#!/bin/sh\npwd\n");
  spec_.argv = {dir_ + "/s"};
  spec_.work_dir = "/nonexist";
  ASSERT_TRUE(run());
  EXPECT_EQ(
      output(),
      "slurmstepd: error: couldn't chdir to `/nonexist': No such file or directory: going to /tmp instead\n/tmp\n");
}

TEST_F(TaskTest, bad_interpreter) {
  write_script("s", "#!/no/such\nhi\n");
  spec_.argv = {dir_ + "/s"};
  const auto status = run();
  ASSERT_TRUE(status);
  EXPECT_EQ(WEXITSTATUS(*status), ENOENT);
  EXPECT_EQ(output(), "slurmstepd: error: execve(): bad interpreter(/no/such): No such file or directory\n");
}

TEST_F(TaskTest, program_is_found_on_the_path) {
  write_script("tool", "#!/bin/sh\necho found\n");
  spec_.env.set("PATH", "/nonexistent:" + dir_);
  spec_.argv = {"tool"};
  ASSERT_TRUE(run());
  EXPECT_EQ(output(), "found\n");
}

TEST_F(TaskTest, prolog_changes_the_environment) {
  write_script("p", "#!/bin/sh\necho export X=a b\necho unset Y\necho print hello $SLURM_SCRIPT_CONTEXT\necho other\n");
  write_script("s", "#!/bin/sh\necho $X/$Y\n");
  spec_.env.set("Y", "1");
  spec_.admin_prolog = dir_ + "/p";
  spec_.argv = {dir_ + "/s"};
  ASSERT_TRUE(run());
  EXPECT_EQ(output(), "hello prolog_task\na b/\n");
}

TEST_F(TaskTest, failing_prolog_ends_the_task) {
  write_script("p", "#!/bin/sh\nexit 4\n");
  spec_.user_prolog = dir_ + "/p";
  spec_.argv = {"/bin/echo", "never"};
  const auto status = run();
  ASSERT_TRUE(status);
  EXPECT_EQ(WEXITSTATUS(*status), 4);
  EXPECT_EQ(output(), "slurmstepd: error: --task-prolog failed status=4\n");
}

TEST_F(TaskTest, limits_come_from_the_environment) {
  write_script("s", "#!/bin/bash\nulimit -Sn; ulimit -Sc; ulimit -Sm; env | grep RLIMIT\n");
  spec_.env.set("SLURM_RLIMIT_NOFILE", "77");
  spec_.env.set("SLURM_RLIMIT_CORE", "U0");
  spec_.rlimit_mask = rlimit_bit("NOFILE");
  spec_.memory_mib = 50;
  spec_.argv = {dir_ + "/s"};
  ASSERT_TRUE(run());
  EXPECT_EQ(output(), "77\n0\n51200\n");
}

TEST(Rlimits, a_wish_of_the_user_that_fails_is_told) {
  Environment env({"SLURM_RLIMIT_NOFILE=U99999999999", "SLURM_RLIMIT_CPU=xx", "SLURM_RLIMIT_STACK=1"});
  std::vector<std::string> said;
  apply_rlimits(env, 0, 0, [&](std::string text) { said.push_back(std::move(text)); });
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[0], "Invalid SLURM_RLIMIT_CPU env var, value = `xx'");
  EXPECT_TRUE(said[1].starts_with("Can't propagate RLIMIT_NOFILE of 99999999999 from submit host: ")) << said[1];
  EXPECT_TRUE(env.entries().empty());
}

TEST(TaskPrologOutput, odd_lines) {
  Environment env({"A=1"});
  EXPECT_EQ(apply_prolog_output("export novalue\nexport =x\nunset A\nprint  b \nprint", env), "b\n");
  EXPECT_TRUE(env.entries().empty());
}

TEST(Spawn, script_output_and_environment) {
  auto script = start_script(
      {.program = "/bin/sh", .argv = {"sh", "-c", "echo $A; echo err >&2; read x; echo r$?"}, .env = {"A=1"}});
  ASSERT_TRUE(script);
  int status = 0;
  waitpid(script->pid, &status, 0);
  EXPECT_EQ(script_output(script->output, 100), "1\nerr\nr1\n");
  EXPECT_EQ(script_output(script->output, 3), "r1\n");
  EXPECT_FALSE(start_script({.program = "/nonexistent"}));
}

TEST(Spawn, hands_no_descriptors_on) {
  Fd open_here(dup(0));
  auto script = start_script({.program = "/bin/sh", .argv = {"sh", "-c", "ls /proc/$$/fd"}});
  ASSERT_TRUE(script);
  int status = 0;
  waitpid(script->pid, &status, 0);
  EXPECT_EQ(script_output(script->output, 100), "0\n1\n2\n");
}

TEST(Spawn, glob) {
  EXPECT_EQ(matching_paths("/bin/true"), std::vector<std::string>{"/bin/true"});
  EXPECT_EQ(matching_paths("/nonexistent"), std::vector<std::string>{"/nonexistent"});
  EXPECT_EQ(matching_paths("/bin/tru[e]"), std::vector<std::string>{"/bin/true"});
}

}  // namespace
}  // namespace flurm::exec
