// noded/node_service_test.cpp — the node's answers and what it reports, with real supervisors and a controller that
// is played by the test.
#include "noded/node_service.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <deque>

#include "base/log.hpp"
#include "codec/unpack.hpp"
#include "exec/fd.hpp"
#include "fmt/format.h"
#include "gtest/gtest.h"
#include "io/timer.hpp"
#include "noded/strays.hpp"
#include "noded/user_environment.hpp"
#include "wire/msg/job_complete.hpp"
#include "wire/msg/update_node.hpp"

namespace flurm::noded {
namespace {

using wire::MsgType;
constexpr std::uint16_t kVersion = wire::v22_05;

/// Writes down what it is told; silent for the first `silences` questions.
class FakeController final : public ControllerPort {
 public:
  explicit FakeController(io::Loop& loop) : heard(loop) {}
  io::Task<Result<std::uint32_t>> ask(Outgoing message) override {
    if (silences > 0) {
      --silences;
      co_return fail(Errc::communications_connection);
    }
    record(message);
    co_return answers.contains(message.type) ? answers[message.type] : 0;
  }
  io::Task<Result<void>> tell(Outgoing message) override {
    record(message);
    co_return Result<void>{};
  }
  void record(const Outgoing& message) {
    types.push_back(message.type);
    bodies[message.type].push_back(message.body(kVersion));
    heard.notify();
  }
  template <class M>
  M last(MsgType type) {
    if (bodies[type].empty()) {
      ADD_FAILURE() << "no " << wire::msg_type_name(type);
      return {};
    }
    return codec::unpack<M>(bodies[type].back(), kVersion).value();
  }
  std::size_t count(MsgType type) { return bodies[type].size(); }

  int silences = 0;
  std::map<MsgType, std::uint32_t> answers;
  std::vector<MsgType> types;
  std::map<MsgType, std::vector<std::string>> bodies;
  Condition heard;
};

class FakeCredentials final : public CredentialPort {
 public:
  io::Task<Result<void>> verify(wire::Cred credential) override {
    if (credential.signature == "good") co_return Result<void>{};
    co_return fail(Errc::node_invalid_job_credential, "signature {}", credential.signature);
  }
};

class NodeServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    log_set_level(Level::fatal);
    char name[] = "/tmp/flurm_noded_XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    dir_ = name;
    ASSERT_EQ(chmod(name, 0777), 0);
    setup_.facts = {.node_name = "n1", .host_name = "host", .cluster_name = "test"};
    setup_.settings.spool_directory = dir_ + "/spool";
    setup_.settings.log_file = dir_ + "/log";
    ASSERT_EQ(mkdir(setup_.settings.spool_directory.c_str(), 0755), 0);
    setup_.supervisor_program = FLURM_STEPD;
    setup_.slurm_user_id = 64030;
    setup_.config.proctrack_type = "proctrack/linuxproc";
    setup_.config.kill_wait = 5;
    uid_ = getuid() == 0 ? 65534 : getuid();
    start();
  }
  void TearDown() override {
    for (const auto& [id, job] : node_->jobs.all()) {
      for (const auto& [step, link] : job->steps) kill(static_cast<pid_t>(link->state().supervisor_pid), SIGKILL);
      kill_strays(id, uid_);
    }
    std::system(("rm -rf " + dir_).c_str());
  }

  /// A daemon: the first one, or one after a restart.
  void start() {
    node_ = new NodeContext(loop_, children_, setup_, controller_, credentials_);
    service_ = new NodeService(*node_, "test", {[] {}, [](const wire::ConfigResponse&) {}, [] {}});
    auto starting = service_->start();
    run(std::move(starting));
  }
  /// SIGKILL, as far as the supervisors can tell. What the old daemon waited for stays unanswered.
  void crash() {
    for (const auto& [id, job] : node_->jobs.all()) {
      for (const auto& [step, link] : job->steps) link->close();
    }
  }

  void run(io::Task<void> task) {
    bool done = false;
    io::spawn(run_then_stop(std::move(task), loop_, &done));
    while (!done) loop_.run();  // a stop() from before run() ends it at once
  }
  static io::Task<void> run_then_stop(io::Task<void> task, io::Loop& loop, bool* done) {
    co_await task;
    *done = true;
    loop.stop();
  }

  template <class M>
  static rpc::Request request(MsgType type, M message, std::uint32_t uid) {
    rpc::Request request;
    request.header.version = kVersion;
    request.header.msg_type = type;
    request.identity.uid = uid;
    request.message = std::make_shared<M>(std::move(message));
    return request;
  }
  template <class M>
  rpc::Reply ask(MsgType type, M message, std::uint32_t uid = 0) {
    rpc::Reply reply;
    run(ask_into(*service_, request(type, std::move(message), uid), &reply));
    return reply;
  }
  static io::Task<void> ask_into(NodeService& service, rpc::Request request, rpc::Reply* reply) {
    auto handling = service.handle(std::move(request));
    *reply = co_await handling;
  }
  template <class M>
  Errc rc(MsgType type, M message, std::uint32_t uid = 0) {
    const rpc::Reply reply = ask(type, std::move(message), uid);
    if (reply.type != MsgType::RESPONSE_SLURM_RC) return Errc::unexpected_msg;
    return static_cast<Errc>(codec::unpack<wire::ReturnCode>(reply.body, kVersion).value().return_code);
  }

  /// Lets the loop run until the controller heard `count` messages of the type.
  void hear(MsgType type, std::size_t count = 1) {
    run(hear_until(controller_, type, count, io::Deadline::in_ms(15'000)));
    ASSERT_GE(controller_.count(type), count) << wire::msg_type_name(type);
  }
  static io::Task<void> hear_until(FakeController& controller, MsgType type, std::size_t count, io::Deadline deadline) {
    while (controller.count(type) < count && deadline.left_ms() > 0) {
      auto hearing = controller.heard.changed(deadline);
      (void)co_await hearing;
    }
  }
  void pass(std::uint64_t ms) {
    auto sleeping = io::sleep(loop_, ms);
    run(std::move(sleeping));
  }

  wire::BatchJobLaunch launch(std::uint32_t job_id, const std::string& script) const {
    wire::BatchJobLaunch order;
    order.job_id = JobId{job_id};
    order.uid = uid_;
    order.gid = getgid();
    order.nodes = "n[1-2]";
    order.partition = "debug";
    order.cpus_per_node = {1};
    order.cpu_count_reps = {2};
    order.script = "#!/bin/sh\n" + script + "\n";
    order.work_dir = dir_;
    order.std_out = dir_ + "/out.%j";
    order.environment = {"PATH=/usr/bin:/bin"};
    order.argv = {"script"};
    order.cred.step_id.job_id = JobId{job_id};
    order.cred.id.uid = uid_;
    order.cred.id.gid = getgid();
    order.cred.id.pw_name = "user";
    order.cred.id.gids = {getgid()};
    order.cred.job_hostlist = "n[1-2]";
    order.cred.ctime = io::now();
    return order;
  }
  wire::KillJob end(std::uint32_t job_id, TimeS when = io::now()) const {
    wire::KillJob order;
    order.step_id.job_id = JobId{job_id};
    order.job_uid = uid_;
    order.job_gid = getgid();
    order.nodes = "n[1-2]";
    order.job_state = 4;  // cancelled
    order.time = when;
    return order;
  }
  std::string output(std::uint32_t job_id) {
    return exec::read_file(fmt::format("{}/out.{}", dir_, job_id), 1 << 20).value_or("");
  }
  void write_script(const std::string& name, const std::string& text) {
    ASSERT_TRUE(exec::replace_file(dir_ + "/" + name, "#!/bin/sh\n" + text + "\n", 0755));
  }
  bool spool_is_empty(std::uint32_t job_id) {
    return access(exec::job_directory(setup_.settings.spool_directory, job_id).c_str(), F_OK) != 0;
  }

  std::string dir_;
  std::uint32_t uid_ = 0;
  io::Loop loop_;
  io::ChildWatch children_{loop_};
  FakeController controller_{loop_};
  FakeCredentials credentials_;
  NodeSetup setup_;
  // Not deleted: coroutines of a daemon that "was killed" still refer to it.
  NodeContext* node_ = nullptr;
  NodeService* service_ = nullptr;
};

TEST_F(NodeServiceTest, a_job_from_launch_to_acknowledged_end) {
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "echo $SLURM_JOB_ID $SLURMD_NODENAME; exit 3")),
            Errc::success);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  const auto report = controller_.last<wire::CompleteBatchScript>(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  EXPECT_EQ(report.step_id.job_id.v, 7u);
  EXPECT_EQ(WEXITSTATUS(report.job_rc), 3);
  EXPECT_EQ(report.slurm_rc, 0u);
  EXPECT_EQ(report.user_id, uid_);
  EXPECT_EQ(report.node_name, "n1");
  ASSERT_TRUE(report.jobacct);
  EXPECT_GT(report.jobacct->tres_usage_in_max.at(1), 0u);
  EXPECT_EQ(output(7), "7 n1\n");
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, end(7)), Errc::kill_job_already_complete);
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, end(7)), Errc::kill_job_already_complete);
  pass(100);
  EXPECT_EQ(node_->jobs.find(7), nullptr);
  EXPECT_TRUE(spool_is_empty(7));
  EXPECT_EQ(controller_.count(MsgType::MESSAGE_EPILOG_COMPLETE), 0u);
}

TEST_F(NodeServiceTest, a_launch_happens_once) {
  const wire::BatchJobLaunch order = launch(7, "echo run >> " + dir_ + "/runs");
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, order), Errc::success);
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, order), Errc::success);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  pass(100);
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, order), Errc::success) << "ended, but nobody said so yet";
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, end(7)), Errc::kill_job_already_complete);
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, order), Errc::success) << "late repetition";
  pass(200);
  EXPECT_EQ(exec::read_file(dir_ + "/runs", 100).value_or(""), "run\n");
  // The controller orders it again, so it does not know of the end.
  EXPECT_EQ(controller_.count(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT), 3u);
  // Requeued, it is another run.
  wire::BatchJobLaunch again = order;
  again.restart_cnt = 1;
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, again), Errc::success);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT, 4);
  EXPECT_EQ(exec::read_file(dir_ + "/runs", 100).value_or(""), "run\nrun\n");
}

TEST_F(NodeServiceTest, the_end_is_repeated_until_the_controller_answers) {
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "exit 0")), Errc::success);
  controller_.silences = 3;
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  EXPECT_EQ(controller_.silences, 0);
  pass(100);
  EXPECT_TRUE(spool_is_empty(7));
}

TEST_F(NodeServiceTest, credentials_are_judged) {
  wire::BatchJobLaunch order = launch(7, "exit 0");
  order.cred.job_hostlist = "n[2-3]";
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, order), Errc::node_invalid_job_credential);
  order = launch(7, "exit 0");
  order.uid = order.gid = 1;
  order.user_name = "bin";
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, order), Errc::node_invalid_job_credential);
  order = launch(7, "exit 0");
  order.cred.step_id.job_id = JobId{8};
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, order), Errc::node_invalid_job_credential);
  order = launch(7, "exit 0");
  order.cred.signature = "bad";
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, order), Errc::node_invalid_job_credential);
  EXPECT_EQ(node_->jobs.find(7), nullptr);
  order.cred.signature = "good";
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, order), Errc::success);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
}

TEST_F(NodeServiceTest, a_launch_after_the_order_to_end_is_refused) {
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, end(7, io::now() + 5)), Errc::kill_job_already_complete);
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "exit 0")), Errc::node_credential_revoked);
}

TEST_F(NodeServiceTest, who_may_command) {
  const std::uint32_t stranger = 12345;
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "exit 0"), stranger), Errc::user_id_missing);
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "sleep 30"), setup_.slurm_user_id), Errc::success);
  pass(200);
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, end(7), uid_ == 0 ? stranger : uid_), Errc::user_id_missing);
  wire::CancelTasks cancel;
  cancel.step_id.job_id = JobId{7};
  cancel.step_id.step_id = kBatchStep;
  cancel.signal = SIGCONT;
  EXPECT_EQ(rc(MsgType::REQUEST_SIGNAL_TASKS, cancel, stranger), Errc::user_id_missing);
  EXPECT_EQ(rc(MsgType::REQUEST_SIGNAL_TASKS, cancel, uid_), Errc::success);
  EXPECT_FALSE(ask(MsgType::REQUEST_SHUTDOWN, wire::Shutdown{}, stranger).send);
  cancel.signal = SIGKILL;
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_TASKS, cancel, stranger), Errc::user_id_missing);
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_TASKS, cancel, uid_), Errc::success);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
}

TEST_F(NodeServiceTest, ending_a_running_job) {
  node_->setup.config.epilog = dir_ + "/epilog";
  write_script("epilog", "echo $SLURM_JOB_ID $SLURM_JOB_USER $SLURM_SCRIPT_CONTEXT $SLURM_JOB_EXIT_CODE2 > " + dir_ +
                             "/epilog.out");
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "echo up; sleep 30")), Errc::success);
  pass(300);
  wire::KillJob order = end(7);
  order.exit_code = 15;
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, order), Errc::success);
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, order), Errc::success) << "repeated while it is carried out";
  hear(MsgType::MESSAGE_EPILOG_COMPLETE);
  EXPECT_NE(output(7).find("CANCELLED AT"), std::string::npos);
  EXPECT_EQ(exec::read_file(dir_ + "/epilog.out", 100).value_or(""), "7 user epilog_slurmd 0:15\n");
  // The exit code came first.
  const auto& types = controller_.types;
  EXPECT_LT(std::ranges::find(types, MsgType::REQUEST_COMPLETE_BATCH_SCRIPT),
            std::ranges::find(types, MsgType::MESSAGE_EPILOG_COMPLETE));
  EXPECT_EQ(controller_.count(MsgType::MESSAGE_EPILOG_COMPLETE), 1u);
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, order), Errc::kill_job_already_complete) << "the epilog runs once";
}

TEST_F(NodeServiceTest, processes_that_cannot_be_killed) {
  node_->setup.config.unkillable_timeout = 1;
  node_->setup.config.unkillable_program = dir_ + "/unkillable";
  write_script("unkillable", "echo $SLURM_JOB_ID > " + dir_ + "/unkillable.out");
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "sleep 30")), Errc::success);
  pass(300);
  const auto supervisor = static_cast<pid_t>(node_->jobs.find(7)->steps.at(kBatchStep)->state().supervisor_pid);
  kill(supervisor, SIGSTOP);  // it cannot kill anything now
  EXPECT_EQ(rc(MsgType::REQUEST_ABORT_JOB, end(7)), Errc::success);
  hear(MsgType::REQUEST_UPDATE_NODE);
  const auto update = controller_.last<wire::UpdateNode>(MsgType::REQUEST_UPDATE_NODE);
  EXPECT_EQ(update.node_names, "n1");
  EXPECT_EQ(update.node_state, 0x200u);
  EXPECT_EQ(update.reason, "Kill task failed");
  EXPECT_EQ(exec::read_file(dir_ + "/unkillable.out", 100).value_or(""), "7\n");
  EXPECT_NE(node_->jobs.find(7), nullptr);
  kill(supervisor, SIGCONT);
  for (int i = 0; i < 100 && node_->jobs.find(7); ++i) pass(50);
  EXPECT_EQ(node_->jobs.find(7), nullptr);
}

TEST_F(NodeServiceTest, abort_is_silent) {
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "sleep 30")), Errc::success);
  pass(200);
  EXPECT_EQ(rc(MsgType::REQUEST_ABORT_JOB, end(7)), Errc::success);
  for (int i = 0; i < 100 && node_->jobs.find(7); ++i) pass(50);
  EXPECT_EQ(node_->jobs.find(7), nullptr);
  EXPECT_TRUE(spool_is_empty(7));
  EXPECT_EQ(controller_.count(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT), 0u);
  EXPECT_EQ(controller_.count(MsgType::MESSAGE_EPILOG_COMPLETE), 0u);
}

TEST_F(NodeServiceTest, prolog_before_the_first_launch) {
  node_->setup.config.prolog = dir_ + "/prolog*";
  write_script("prolog1", "echo $SLURM_JOB_ID $SLURM_JOB_UID $SLURM_SCRIPT_CONTEXT > " + dir_ + "/prolog.out");
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "cat " + dir_ + "/prolog.out")), Errc::success);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  EXPECT_EQ(output(7), fmt::format("7 {} prolog_slurmd\n", uid_));
}

TEST_F(NodeServiceTest, failing_prolog_requeues_and_drains) {
  node_->setup.config.prolog = dir_ + "/prolog";
  write_script("prolog", "exit 1");
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "echo never")), Errc::success);
  hear(MsgType::MESSAGE_NODE_REGISTRATION_STATUS, 2);
  const auto requeue = controller_.last<wire::JobRequeue>(MsgType::REQUEST_JOB_REQUEUE);
  EXPECT_EQ(requeue.step_id.job_id.v, 7u);
  EXPECT_EQ(requeue.flags, 0x100u | 0x800u);
  const auto status = controller_.last<wire::NodeRegistrationStatus>(MsgType::MESSAGE_NODE_REGISTRATION_STATUS);
  EXPECT_EQ(status.status, static_cast<std::uint32_t>(Errc::node_prolog_failed));
  EXPECT_EQ(output(7), "");
  EXPECT_EQ(controller_.count(MsgType::REQUEST_KILL_JOB), 0u);
}

TEST_F(NodeServiceTest, job_that_may_not_be_requeued_is_killed) {
  node_->setup.config.prolog = dir_ + "/prolog";
  write_script("prolog", "exit 1");
  controller_.answers[MsgType::REQUEST_JOB_REQUEUE] = static_cast<std::uint32_t>(Errc::disabled);
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "echo never")), Errc::success);
  hear(MsgType::REQUEST_KILL_JOB);
}

TEST_F(NodeServiceTest, prolog_ordered_apart) {
  node_->setup.config.prolog_flags = conf::kPrologAlloc;
  node_->setup.config.prolog = dir_ + "/prolog";
  write_script("prolog", "sleep 0.2; echo done > " + dir_ + "/prolog.out");
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "cat " + dir_ + "/prolog.out")), Errc::success);
  pass(200);
  EXPECT_EQ(controller_.count(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT), 0u) << "waits for the prolog's order";
  wire::PrologLaunch prolog;
  const wire::BatchJobLaunch job = launch(7, "");
  prolog.job_id = JobId{7};
  prolog.uid = uid_;
  prolog.gid = getgid();
  prolog.nodes = "n[1-2]";
  prolog.cred = job.cred;
  EXPECT_EQ(rc(MsgType::REQUEST_LAUNCH_PROLOG, prolog), Errc::success);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  EXPECT_EQ(output(7), "done\n");
  const auto report = controller_.last<wire::CompleteProlog>(MsgType::REQUEST_COMPLETE_PROLOG);
  EXPECT_EQ(report.step_id.job_id.v, 7u);
  EXPECT_EQ(report.prolog_rc, 0u);
}

TEST_F(NodeServiceTest, a_step_outlives_the_daemon) {
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "sleep 1; echo end; exit 5")), Errc::success);
  pass(300);
  crash();
  start();
  auto registered = controller_.last<wire::NodeRegistrationStatus>(MsgType::MESSAGE_NODE_REGISTRATION_STATUS);
  ASSERT_EQ(registered.step_id.size(), 1u);
  EXPECT_EQ(registered.step_id[0].job_id.v, 7u);
  EXPECT_EQ(registered.step_id[0].step_id, kBatchStep);
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "exit 0")), Errc::success) << "it runs already";
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  EXPECT_EQ(WEXITSTATUS(controller_.last<wire::CompleteBatchScript>(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT).job_rc), 5);
  pass(100);
  EXPECT_EQ(controller_.count(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT), 1u);
  EXPECT_TRUE(spool_is_empty(7));
}

TEST_F(NodeServiceTest, an_end_without_a_daemon_is_reported_by_the_next) {
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "sleep 0.3; exit 6")), Errc::success);
  pass(150);
  crash();
  usleep(600'000);
  start();
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  EXPECT_EQ(WEXITSTATUS(controller_.last<wire::CompleteBatchScript>(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT).job_rc), 6);
}

TEST_F(NodeServiceTest, a_killed_supervisor_takes_its_job_along) {
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "echo $$; exec sleep 30")), Errc::success);
  for (int i = 0; i < 100 && output(7).empty(); ++i) pass(20);
  const auto link = node_->jobs.find(7)->steps.at(kBatchStep);
  kill(static_cast<pid_t>(link->state().supervisor_pid), SIGKILL);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  EXPECT_EQ(controller_.last<wire::CompleteBatchScript>(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT).job_rc,
            static_cast<std::uint32_t>(SIGKILL));
  pass(100);
  const std::string state = exec::read_small_file(fmt::format("/proc/{}/stat", std::atoi(output(7).c_str())));
  EXPECT_TRUE(state.empty() || state.find(" Z ") != std::string::npos) << state;
  EXPECT_TRUE(spool_is_empty(7));
}

TEST_F(NodeServiceTest, supervisor_that_cannot_be_started) {
  node_->setup.supervisor_program = "/nonexistent";
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "exit 0")), Errc::success);
  hear(MsgType::REQUEST_JOB_REQUEUE);
}

TEST_F(NodeServiceTest, suspend_notify_and_status) {
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "sleep 30")), Errc::success);
  pass(300);
  wire::SuspendInt suspend;
  suspend.step_id.job_id = JobId{7};
  EXPECT_EQ(rc(MsgType::REQUEST_SUSPEND_INT, suspend), Errc::success);
  pass(50);
  suspend.op = 1;
  EXPECT_EQ(rc(MsgType::REQUEST_SUSPEND_INT, suspend), Errc::success);
  suspend.op = 9;
  EXPECT_EQ(rc(MsgType::REQUEST_SUSPEND_INT, suspend), Errc::not_supported);
  wire::JobNotify notify;
  notify.step_id.job_id = JobId{7};
  notify.message = "hello";
  EXPECT_EQ(rc(MsgType::REQUEST_JOB_NOTIFY, notify, uid_), Errc::success);
  EXPECT_NE(output(7).find("slurmstepd: error: hello\n"), std::string::npos);
  const rpc::Reply status = ask(MsgType::REQUEST_DAEMON_STATUS, wire::Empty{}, uid_);
  EXPECT_EQ(codec::unpack<wire::SlurmdStatus>(status.body, kVersion).value().step_list, "7");
  EXPECT_TRUE(status.credential);
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, end(7)), Errc::success);
  hear(MsgType::MESSAGE_EPILOG_COMPLETE);
}

TEST_F(NodeServiceTest, simple_requests) {
  const rpc::Reply ping = ask(MsgType::REQUEST_PING, wire::Empty{});
  EXPECT_EQ(ping.type, MsgType::RESPONSE_PING_SLURMD);
  EXPECT_GT(codec::unpack<wire::PingSlurmdResponse>(ping.body, kVersion).value().free_mem, 0u);
  EXPECT_EQ(rc(MsgType::REQUEST_LAUNCH_TASKS, wire::Empty{}), Errc::einval);
  hear(MsgType::MESSAGE_NODE_REGISTRATION_STATUS, 1);
  EXPECT_EQ(ask(MsgType::REQUEST_NODE_REGISTRATION_STATUS, wire::Empty{}).type, MsgType::RESPONSE_PING_SLURMD);
  hear(MsgType::MESSAGE_NODE_REGISTRATION_STATUS, 2);
  write_script("health", "echo $SLURMD_NODENAME > " + dir_ + "/health.out");
  node_->setup.config.health_check_program = dir_ + "/health";
  EXPECT_EQ(rc(MsgType::REQUEST_HEALTH_CHECK, wire::Empty{}), Errc::success);
  pass(300);
  EXPECT_EQ(exec::read_file(dir_ + "/health.out", 100).value_or(""), "n1\n");
  write_script("reboot", "echo $@ > " + dir_ + "/reboot.out");
  node_->setup.config.reboot_program = dir_ + "/reboot now  please";
  EXPECT_FALSE(ask(MsgType::REQUEST_REBOOT_NODES, wire::Reboot{}).send);
  pass(300);
  EXPECT_EQ(exec::read_file(dir_ + "/reboot.out", 100).value_or(""), "now please\n");
}

TEST_F(NodeServiceTest, login_environment) {
  using namespace std::string_literals;
  if (getuid() == 0) {
    // nobody has no login shell: the job runs with what it was sent.
    wire::BatchJobLaunch order = launch(7, "echo $MINE");
    order.environment = {"PATH=/usr/bin:/bin", "SLURM_GET_USER_ENV=1", "MINE=kept"};
    EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, order), Errc::success);
    hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
    EXPECT_EQ(output(7), "kept\n");
  }
  const auto parsed = parse_user_environment(
      "motd--flurm-environment-mark--A=1\0DISPLAY=x\0B=2\n3\0broken\0--flurm-environment-mark--bye"s);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, (std::vector<std::string>{"A=1", "B=2\n3"}));
  EXPECT_FALSE(parse_user_environment("This account is currently not available.\n"));
}

}  // namespace
}  // namespace flurm::noded
