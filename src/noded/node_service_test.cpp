// noded/node_service_test.cpp — the node's answers and what it reports.
#include "noded/node_service.hpp"

#include <algorithm>

#include "noded/node_world.hpp"
#include "noded/user_environment.hpp"
#include "wire/msg/update_node.hpp"

namespace flurm::noded {
namespace {

using test::kVersion;
using wire::MsgType;
class NodeServiceTest : public test::NodeWorld {};

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

TEST_F(NodeServiceTest, the_controller_hears_of_the_end_before_it_may_go_on) {
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "exit 0")), Errc::success);
  controller_.silences = 1'000;
  until([&] { return is_reporting(7); });
  ASSERT_EQ(node_->jobs.find(7)->reports, 1);
  controller_.silences = 1;
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, end(7)), Errc::kill_job_already_complete);
  EXPECT_EQ(controller_.count(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT), 1u);
}

TEST_F(NodeServiceTest, an_order_to_end_does_not_wait_for_ever) {
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "exit 0")), Errc::success);
  controller_.silences = 1'000;
  until([&] { return is_reporting(7); });
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, end(7)), Errc::success);
  EXPECT_EQ(controller_.count(MsgType::MESSAGE_EPILOG_COMPLETE), 0u);
  controller_.silences = 0;
  hear(MsgType::MESSAGE_EPILOG_COMPLETE);
  EXPECT_EQ(controller_.count(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT), 1u);
}

TEST_F(NodeServiceTest, a_run_makes_way_for_a_later_one) {
  wire::BatchJobLaunch order = launch(7, "echo first; sleep 30");
  order.restart_cnt = 1;
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, order), Errc::success);
  for (int i = 0; i < 100 && output(7).empty(); ++i) pass(20);
  wire::BatchJobLaunch earlier = launch(7, "echo old");
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, earlier), Errc::duplicate_job_id) << "a message from long ago";
  EXPECT_NE(node_->jobs.find(7), nullptr);
  wire::BatchJobLaunch next = launch(7, "echo second; exit 2");
  next.restart_cnt = 2;
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, next), Errc::success);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  EXPECT_EQ(WEXITSTATUS(controller_.last<wire::CompleteBatchScript>(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT).job_rc), 2);
  EXPECT_EQ(output(7), "second\n");
  pass(300);
  EXPECT_EQ(controller_.count(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT), 1u) << "of the second run alone";
  EXPECT_EQ(controller_.count(MsgType::MESSAGE_EPILOG_COMPLETE), 0u);
}

TEST_F(NodeServiceTest, what_was_not_told_of_a_run_is_not_told_when_a_later_one_is_ordered) {
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "exit 1")), Errc::success);
  controller_.silences = 1'000;
  until([&] { return is_reporting(7); });
  ASSERT_EQ(node_->jobs.find(7)->reports, 1);
  wire::BatchJobLaunch next = launch(7, "exit 2");
  next.restart_cnt = 1;
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, next), Errc::success);
  controller_.silences = 0;
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  pass(300);
  EXPECT_EQ(controller_.count(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT), 1u);
  EXPECT_EQ(WEXITSTATUS(controller_.last<wire::CompleteBatchScript>(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT).job_rc), 2);
}

TEST_F(NodeServiceTest, an_old_order_to_end_does_not_end_the_present_run) {
  wire::BatchJobLaunch order = launch(7, "sleep 30");
  order.restart_cnt = 1;
  order.cred.job_start_time = io::now();
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, order), Errc::success);
  pass(200);
  wire::KillJob old = end(7);
  old.start_time = order.cred.job_start_time - 1;
  for (const MsgType type : {MsgType::REQUEST_TERMINATE_JOB, MsgType::REQUEST_ABORT_JOB}) {
    EXPECT_EQ(rc(type, old), Errc::success);
    EXPECT_FALSE(node_->jobs.find(7)->terminating);
  }
  wire::KillJob present = end(7);
  present.start_time = order.cred.job_start_time;
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, present), Errc::success);
  hear(MsgType::MESSAGE_EPILOG_COMPLETE);
}

TEST_F(NodeServiceTest, a_later_run_waits_until_nothing_is_left_of_the_one_before) {
  node_->setup.config.msg_timeout = 1;
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "sleep 30")), Errc::success);
  until([&] { return has_step(7); });
  const auto supervisor = static_cast<pid_t>(node_->jobs.find(7)->steps.at(kBatchStep)->state().supervisor_pid);
  kill(supervisor, SIGSTOP);  // it cannot kill anything now
  wire::BatchJobLaunch next = launch(7, "exit 2");
  next.restart_cnt = 1;
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, next), Errc::duplicate_job_id);
  kill(supervisor, SIGCONT);
  until([&] { return node_->jobs.find(7) == nullptr; });
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, next), Errc::success);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  EXPECT_EQ(WEXITSTATUS(controller_.last<wire::CompleteBatchScript>(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT).job_rc), 2);
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
  until([&] { return output(7) == "up\n"; });
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
  until([&] { return has_step(7); });
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

TEST_F(NodeServiceTest, suspend_notify_and_status) {
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "sleep 30")), Errc::success);
  until([&] { return has_step(7); });
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
  EXPECT_EQ(rc(MsgType::REQUEST_CONTROL, wire::Empty{}), Errc::einval) << "a request for controllers";
  hear(MsgType::MESSAGE_NODE_REGISTRATION_STATUS, 1);
  EXPECT_EQ(ask(MsgType::REQUEST_NODE_REGISTRATION_STATUS, wire::Empty{}).type, MsgType::RESPONSE_PING_SLURMD);
  hear(MsgType::MESSAGE_NODE_REGISTRATION_STATUS, 2);
  write_script("health", "echo $SLURMD_NODENAME > " + dir_ + "/health.out");
  node_->setup.config.health_check_program = dir_ + "/health";
  EXPECT_EQ(rc(MsgType::REQUEST_HEALTH_CHECK, wire::Empty{}), Errc::success);
  until([&] { return exec::read_file(dir_ + "/health.out", 100).value_or("") == "n1\n"; });
  write_script("reboot", "echo $@ > " + dir_ + "/reboot.out");
  node_->setup.config.reboot_program = dir_ + "/reboot now  please";
  EXPECT_FALSE(ask(MsgType::REQUEST_REBOOT_NODES, wire::Reboot{}).send);
  until([&] { return exec::read_file(dir_ + "/reboot.out", 100).value_or("") == "now please\n"; });
  until([&] { return children_.watched() == 0; });
  pass(300);
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
