// stepd/supervisor_test.cpp — whole lives of steps, each supervised by a process of its own as in production.
#include "stepd/supervisor.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "codec/unpack.hpp"
#include "exec/step_order.hpp"
#include "fmt/format.h"
#include "gtest/gtest.h"

namespace flurm::stepd {
namespace {

using exec::Fd;
using exec::StepFrame;
using exec::StepStage;

/// Refuses every step when its task waits for leave to run its program.
class RefusesWhenForked : public StepPlugins {
 public:
  explicit RefusesWhenForked(std::string output) : output_(std::move(output)) {}
  Result<void> begin(exec::StepLaunch&, Say) override { return {}; }
  bool before_tasks(exec::StepLaunch&) override { return true; }
  bool task_forked(int, pid_t) override {
    for (int i = 0; i < 1000 && access(output_.c_str(), F_OK) != 0; ++i) usleep(10'000);
    usleep(100'000);  // for the report that follows
    return false;
  }
  void task_ended(int, int) override {}
  void end() override {}
  bool task_as_root(std::size_t, exec::Environment&) override { return true; }
  bool task_as_user(std::size_t, exec::Environment&) override { return true; }

 private:
  std::string output_;
};

class SupervisorTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flurm_stepd_XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    dir_ = name;
    ASSERT_EQ(chmod(name, 0755), 0);
    launch_.key = {.job_id = 12, .step_id = kBatchStep, .restart_count = 1};
    launch_.user = {.uid = getuid(), .gid = getgid(), .gids = {}, .name = "me"};
    launch_.node_name = "n1";
    launch_.directory = exec::job_directory(dir_, 12);
    launch_.env = {"PATH=/usr/bin:/bin"};
    launch_.work_dir = dir_;
    launch_.tasks.resize(1);
    launch_.tasks[0].argv = {fmt::format("{}/{}", launch_.directory, exec::kScriptName)};
    launch_.tasks[0].in.path = "/dev/null";
    launch_.tasks[0].out.path = launch_.tasks[0].err.path = dir_ + "/out";
    launch_.log_file = dir_ + "/log";
  }
  void TearDown() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    std::system(("rm -rf " + dir_).c_str());
  }

  void start(const std::string& script) {
    launch_.script = "#!/bin/bash\n" + script;
    if (ordered_) (void)exec::write_step_order(launch_.directory, {.key = launch_.key});
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    Fd theirs(ends[1]);
    use_connection(ends[0]);
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[0]);
      auto launch = read_launch(theirs.get());
      _exit(launch ? Supervisor(std::move(*launch), std::move(theirs), plugins_).run() : 99);
    }
    send(StepFrame::launch, launch_);
  }
  void use_connection(int fd) {
    connection_ = Fd(fd);
    reader_ = exec::StepFrameReader(exec::kStepFrameMax);
  }
  /// As a daemon that was restarted.
  void reconnect() {
    connection_.reset();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = launch_.directory + "/step_batch.sock";
    std::strcpy(address.sun_path, path.c_str());
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    use_connection(fd);
    ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

  template <class M>
  void send(StepFrame type, const M& message) {
    ASSERT_TRUE(exec::write_all(connection_.get(), exec::step_frame(type, codec::pack(message, exec::kStepProtocol))));
  }
  void send_empty(StepFrame type) { ASSERT_TRUE(exec::write_all(connection_.get(), exec::step_frame(type, {}))); }

  /// The next frame of the type, or of the other; the rest is dropped. Gives up after 10 s.
  template <class M>
  std::optional<M> expect(StepFrame type, std::optional<StepFrame> other = {}) {
    while (true) {
      auto frame = reader_.next();
      if (!frame) return std::nullopt;
      if (*frame) {
        if ((*frame)->type != type && (*frame)->type != other) continue;
        auto decoded = codec::unpack<M>((*frame)->body, exec::kStepProtocol);
        if (!decoded) return std::nullopt;
        return *decoded;
      }
      pollfd waiting{connection_.get(), POLLIN, 0};
      char buffer[4096];
      if (poll(&waiting, 1, 10'000) <= 0) return std::nullopt;
      const ssize_t n = read(connection_.get(), buffer, sizeof buffer);
      if (n <= 0) return std::nullopt;
      reader_.add({buffer, static_cast<std::size_t>(n)});
    }
  }
  std::int32_t reply() {
    auto reply = expect<exec::StepReply>(StepFrame::reply);
    return reply ? reply->rc : -999;
  }
  exec::StepEnd expect_end() {
    auto state = expect<exec::StepState>(StepFrame::ended);
    return state && state->end ? *state->end : exec::StepEnd{.wait_status = 0xdead};
  }
  void release() {
    send_empty(StepFrame::release);
    int status = 0;
    ASSERT_EQ(waitpid(pid_, &status, 0), pid_);
    EXPECT_EQ(status, 0);
    pid_ = 0;
    EXPECT_NE(access(launch_.directory.c_str(), F_OK), 0) << "the directory must be gone";
  }
  void wait_for_output(const std::string& text) {
    for (int i = 0; i < 1000 && output().find(text) == std::string::npos; ++i) usleep(10'000);
    ASSERT_NE(output().find(text), std::string::npos) << output();
  }
  std::string output() { return exec::read_file(dir_ + "/out", 1 << 20).value_or(""); }

  std::string dir_;
  exec::StepLaunch launch_;
  StepPlugins* plugins_ = nullptr;
  bool ordered_ = true;
  pid_t pid_ = 0;
  Fd connection_;
  exec::StepFrameReader reader_{exec::kStepFrameMax};
};

TEST_F(SupervisorTest, runs_a_script_and_reports_its_exit) {
  launch_.tasks[0].argv.push_back("a b");
  start("echo $0 $1; exit 7");
  auto state = expect<exec::StepState>(StepFrame::state);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->key, launch_.key);
  EXPECT_EQ(state->supervisor_pid, static_cast<std::uint32_t>(pid_));
  const exec::StepEnd end = expect_end();
  EXPECT_EQ(WEXITSTATUS(end.wait_status), 7);
  EXPECT_EQ(end.slurm_rc, 0);
  EXPECT_GT(end.usage.rss_max_bytes, 100'000u);
  EXPECT_EQ(output(), launch_.directory + "/slurm_script a b\n");
  release();
}

TEST_F(SupervisorTest, end_waits_for_a_daemon_that_was_restarted) {
  start("sleep 0.2; exit 3");
  ASSERT_TRUE(expect<exec::StepState>(StepFrame::state));
  connection_.reset();  // SIGKILL of the daemon looks like this
  usleep(500'000);
  reconnect();
  auto state = expect<exec::StepState>(StepFrame::state);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->stage, StepStage::ended);
  EXPECT_EQ(WEXITSTATUS(expect_end().wait_status), 3);
  // Without a release the end is told again, to whoever asks.
  reconnect();
  EXPECT_EQ(WEXITSTATUS(expect_end().wait_status), 3);
  auto stored = codec::unpack<exec::StepState>(
      exec::read_file(launch_.directory + "/step_batch.state", 1 << 20).value_or(""), exec::kStepProtocol);
  ASSERT_TRUE(stored);
  ASSERT_TRUE(stored->end);
  EXPECT_EQ(WEXITSTATUS(stored->end->wait_status), 3);
  release();
}

TEST_F(SupervisorTest, processes_left_behind_are_killed) {
  start("setsid bash -c 'trap \"\" TERM; echo daemon $$; while :; do sleep 1; done' & sleep 0.3; exit 0");
  wait_for_output("daemon ");
  EXPECT_EQ(expect_end().wait_status, 0u);
  release();
  EXPECT_NE(kill(std::atoi(output().c_str() + std::strlen("daemon ")), 0), 0) << output();
}

TEST_F(SupervisorTest, time_limit_gives_the_grace_and_then_kills) {
  start("trap 'echo got term' TERM; echo ready; while :; do sleep 0.1; done");
  wait_for_output("ready");
  send(StepFrame::terminate, exec::StepTerminate{.why = exec::kSignalTimeLimit, .details = "", .grace_s = 1});
  EXPECT_EQ(reply(), 0);
  const exec::StepEnd end = expect_end();
  EXPECT_EQ(WTERMSIG(end.wait_status), SIGKILL);
  EXPECT_NE(output().find("slurmstepd: error: *** JOB 12 ON n1 CANCELLED AT 20"), std::string::npos) << output();
  EXPECT_NE(output().find(" DUE TO TIME LIMIT ***\n"), std::string::npos) << output();
  EXPECT_NE(output().find("got term\n"), std::string::npos);
  release();
}

TEST_F(SupervisorTest, cancel_is_announced_once) {
  start("echo ready; sleep 60");
  wait_for_output("ready");
  send(StepFrame::signal, exec::StepSignal{.signal = exec::kSignalRequeued, .details = "why not"});
  EXPECT_EQ(reply(), 0);
  send(StepFrame::terminate, exec::StepTerminate{.why = 0, .details = "", .grace_s = 30});
  EXPECT_EQ(reply(), 0);
  EXPECT_EQ(WTERMSIG(expect_end().wait_status), SIGTERM);
  EXPECT_NE(output().find("DUE TO JOB REQUEUE ***\nslurmstepd: error: *** REASON: why not ***\n"), std::string::npos);
  EXPECT_EQ(output().find("CANCELLED"), output().rfind("CANCELLED"));
  release();
}

TEST_F(SupervisorTest, signals_by_scope) {
  start(
      "trap 'echo shell' USR1; echo ready; (trap 'echo sub; exit 0' USR1; sleep 30 & wait) & "
      "while :; do sleep 0.1; done");
  wait_for_output("ready");
  usleep(100'000);
  send(StepFrame::signal, exec::StepSignal{.signal = SIGUSR1, .scope = exec::SignalScope::batch_process});
  EXPECT_EQ(reply(), 0);
  wait_for_output("shell");
  EXPECT_EQ(output().find("sub"), std::string::npos);
  EXPECT_EQ(output().find("CANCELLED"), std::string::npos);
  send(StepFrame::signal, exec::StepSignal{.signal = SIGUSR1, .scope = exec::SignalScope::all});
  EXPECT_EQ(reply(), 0);
  wait_for_output("sub");
  send(StepFrame::signal, exec::StepSignal{.signal = SIGKILL, .scope = exec::SignalScope::all});
  EXPECT_EQ(reply(), 0);
  expect_end();
  send(StepFrame::signal, exec::StepSignal{.signal = SIGUSR1});
  EXPECT_EQ(reply(), static_cast<int>(Errc::node_job_not_running));
  release();
}

TEST_F(SupervisorTest, suspend_and_resume) {
  start("echo ready; while [ ! -e " + dir_ + "/stop ]; do echo -n x >> " + dir_ + "/count; done");
  wait_for_output("ready");
  const auto count = [&] { return exec::read_file(dir_ + "/count", 64u << 20).value_or("").size(); };
  send_empty(StepFrame::resume);
  EXPECT_EQ(reply(), static_cast<int>(Errc::node_step_not_suspended));
  send_empty(StepFrame::suspend);
  EXPECT_EQ(reply(), 0);
  send_empty(StepFrame::suspend);
  EXPECT_EQ(reply(), static_cast<int>(Errc::node_step_suspended));
  usleep(2'300'000);
  const std::size_t before = count();
  usleep(200'000);
  EXPECT_EQ(count(), before);
  send(StepFrame::signal, exec::StepSignal{.signal = SIGUSR1});
  EXPECT_EQ(reply(), static_cast<int>(Errc::node_step_suspended));
  send_empty(StepFrame::resume);
  EXPECT_EQ(reply(), 0);
  usleep(200'000);
  EXPECT_NE(count(), before);
  send_empty(StepFrame::suspend);
  EXPECT_EQ(reply(), 0);
  send(StepFrame::terminate, exec::StepTerminate{.why = 0, .details = "", .grace_s = 30});
  EXPECT_EQ(reply(), 0);
  EXPECT_EQ(WTERMSIG(expect_end().wait_status), SIGKILL);
  release();
}

TEST_F(SupervisorTest, streams_that_cannot_be_opened) {
  launch_.tasks[0].out.path = "/nonexistent/out";
  start("exit 0");
  const exec::StepEnd end = expect_end();
  EXPECT_EQ(end.wait_status, static_cast<std::uint32_t>(Errc::node_io_error));
  EXPECT_EQ(end.slurm_rc, 0);
  release();
}

TEST_F(SupervisorTest, a_stream_that_blocks_can_be_killed) {
  ASSERT_EQ(std::system(("mkfifo " + dir_ + "/fifo").c_str()), 0);
  launch_.tasks[0].out.path = launch_.tasks[0].err.path = dir_ + "/fifo";
  start("exit 0");
  ASSERT_TRUE(expect<exec::StepState>(StepFrame::state));
  send(StepFrame::terminate, exec::StepTerminate{});
  EXPECT_EQ(reply(), 0);
  EXPECT_EQ(WTERMSIG(expect_end().wait_status), SIGKILL);
  release();
}

TEST_F(SupervisorTest, directory_that_cannot_be_made) {
  launch_.directory = dir_ + "/no/such/job00012";
  start("exit 0");
  const exec::StepEnd end = expect_end();
  EXPECT_EQ(end.slurm_rc, static_cast<std::int32_t>(Errc::node_create_batch_dir));
  release();
}

TEST_F(SupervisorTest, memory_over_the_limit_by_sampling) {
  launch_.memory_mib = 20;
  launch_.kill_over_memory = true;
  launch_.sample_interval_s = 1;
  start("x=$(head -c 60000000 /dev/zero | tr '\\0' a); sleep 30");
  const exec::StepEnd end = expect_end();
  EXPECT_EQ(end.wait_status, exec::kSignalOutOfMemory);
  EXPECT_NE(output().find("Exceeded job memory limit"), std::string::npos) << output();
  release();
}

TEST_F(SupervisorTest, what_was_given_up_does_not_run) {
  exec::StepKey earlier = launch_.key;
  earlier.restart_count = 0;  // its order is there, but is not ours
  ordered_ = false;
  ASSERT_TRUE(exec::write_step_order(launch_.directory, {.key = earlier}));
  start("echo ran");
  int status = 0;
  ASSERT_EQ(waitpid(pid_, &status, 0), pid_);
  pid_ = 0;
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(expect<exec::StepState>(StepFrame::ended)) << "whoever gave it up has reported that";
  EXPECT_EQ(output(), "");
  EXPECT_NE(access((launch_.directory + "/step_batch.state").c_str(), F_OK), 0);
  EXPECT_TRUE(exec::give_up_step_order(launch_.directory, exec::step_order_name(earlier)));
}

TEST_F(SupervisorTest, what_has_begun_cannot_be_given_up) {
  start("echo ran");
  ASSERT_TRUE(expect<exec::StepState>(StepFrame::state));
  EXPECT_FALSE(exec::give_up_step_order(launch_.directory, exec::step_order_name(launch_.key)));
  expect_end();
  EXPECT_EQ(output(), "ran\n");
  release();
}

TEST_F(SupervisorTest, query_and_notify) {
  start("echo ready; sleep 30 & wait");
  wait_for_output("ready");
  send_empty(StepFrame::query);
  auto answer = expect<exec::StepReply>(StepFrame::reply);
  ASSERT_TRUE(answer && answer->state);
  EXPECT_GE(answer->state->pids.size(), 1u);
  EXPECT_EQ(answer->state->stage, StepStage::running);
  EXPECT_GT(answer->state->usage.rss_total_bytes, 0u);
  send(StepFrame::notify, exec::StepNotify{"hello there"});
  EXPECT_EQ(reply(), 0);
  EXPECT_NE(output().find("slurmstepd: error: hello there\n"), std::string::npos);
  send_empty(StepFrame::release);
  EXPECT_EQ(reply(), static_cast<int>(Errc::einval)) << "a running step is not to be forgotten";
  ASSERT_TRUE(exec::write_all(connection_.get(), exec::step_frame(StepFrame::signal, "xx")));
  EXPECT_EQ(reply(), static_cast<int>(Errc::einval));
  send(StepFrame::signal, exec::StepSignal{.signal = exec::kSignalAbort});
  EXPECT_EQ(reply(), 0);
  EXPECT_TRUE(expect_end().aborted);
  release();
}

TEST_F(SupervisorTest, task_epilogs_run_as_the_user) {
  ASSERT_TRUE(exec::replace_file(dir_ + "/epilog", "#!/bin/sh\necho epilog $SLURM_SCRIPT_CONTEXT\n", 0755));
  launch_.admin_epilog = dir_ + "/epilog";
  start("echo body; exit 2");
  EXPECT_EQ(WEXITSTATUS(expect_end().wait_status), 2);
  EXPECT_EQ(output(), "body\nepilog epilog_task\n");
  release();
}

TEST_F(SupervisorTest, a_step_refused_after_its_streams_opened_never_ran) {
  RefusesWhenForked plugins(dir_ + "/out");
  plugins_ = &plugins;
  launch_.spank.emplace();
  launch_.key.step_id = 0;
  start("echo ran\n");
  std::optional<exec::StepState> state;
  do {
    state = expect<exec::StepState>(StepFrame::state, StepFrame::ended);
    ASSERT_TRUE(state);
    EXPECT_NE(state->stage, StepStage::running) << "srun would be told that it runs, and then of no end";
  } while (!state->end);
  EXPECT_EQ(state->end->slurm_rc, static_cast<std::int32_t>(Errc::node_execve_failed));
  EXPECT_EQ(output(), "");
}

TEST_F(SupervisorTest, garbage_on_the_socket_harms_nobody) {
  start("sleep 1; exit 4");
  ASSERT_TRUE(expect<exec::StepState>(StepFrame::state));
  ASSERT_TRUE(exec::write_all(connection_.get(), std::string(100, '\xff')));
  for (int i = 0; i < 20; ++i) reconnect();
  EXPECT_EQ(WEXITSTATUS(expect_end().wait_status), 4);
  release();
}

}  // namespace
}  // namespace flurm::stepd
