// noded/adoption_test.cpp — daemons and supervisors that die, and what the next daemon finds.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/fd.hpp"
#include "exec/step_order.hpp"
#include "noded/node_world.hpp"
#include "wire/msg/job_control.hpp"
#include "wire/msg/node_registration.hpp"

namespace flurm::noded {
namespace {

using wire::MsgType;
class AdoptionTest : public test::NodeWorld {};

TEST_F(AdoptionTest, a_step_outlives_the_daemon) {
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "sleep 1; echo end; exit 5")), Errc::success);
  until([&] { return has_step(7); });
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

TEST_F(AdoptionTest, an_end_without_a_daemon_is_reported_by_the_next) {
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "sleep 0.3; exit 6")), Errc::success);
  pass(150);
  crash();
  usleep(600'000);
  start();
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  EXPECT_EQ(WEXITSTATUS(controller_.last<wire::CompleteBatchScript>(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT).job_rc), 6);
}

/// The daemon died between its answer and the start of the script; where in between does not matter.
class NeverStarted : public AdoptionTest {
 protected:
  void order_and_crash(std::uint32_t restart_count) {
    crash();
    exec::StepState ordered;
    ordered.key = {.job_id = 7, .step_id = kBatchStep, .restart_count = restart_count};
    ordered.uid = uid_;
    ordered.started_at = io::now();
    ASSERT_TRUE(exec::write_step_order(exec::job_directory(setup_.settings.spool_directory, 7), ordered));
  }
};

TEST_F(NeverStarted, starts_over) {
  order_and_crash(2);
  controller_.runs[7] = {.active = true, .batch_host = "n1", .restart_count = 2};
  controller_.silences = 3;
  start();
  hear(MsgType::REQUEST_JOB_REQUEUE);
  const auto requeue = controller_.last<wire::JobRequeue>(MsgType::REQUEST_JOB_REQUEUE);
  EXPECT_EQ(requeue.step_id.job_id.v, 7u);
  EXPECT_EQ(requeue.flags, 0u) << "not held: nothing is wrong with it";
  EXPECT_EQ(controller_.count(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT), 0u);
  wire::BatchJobLaunch repeated = launch(7, "echo ran");
  repeated.restart_cnt = 2;
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, repeated), Errc::success) << "its end was reported";
  pass(100);
  EXPECT_TRUE(spool_is_empty(7));
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, end(7)), Errc::kill_job_already_complete);
  wire::BatchJobLaunch next = launch(7, "echo ran");
  next.restart_cnt = 3;
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, next), Errc::success);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  EXPECT_EQ(output(7), "ran\n");
}

TEST_F(NeverStarted, stays_untold_of_a_run_that_is_elsewhere_by_now) {
  order_and_crash(0);
  controller_.runs[7] = {.active = true, .batch_host = "n2", .restart_count = 1};
  start();
  pass(200);
  EXPECT_EQ(controller_.count(MsgType::REQUEST_JOB_REQUEUE), 0u);
  EXPECT_TRUE(spool_is_empty(7));
}

TEST_F(NeverStarted, is_killed_where_it_may_not_be_requeued) {
  order_and_crash(0);
  controller_.runs[7] = {.active = true, .batch_host = "n1"};
  controller_.answers[MsgType::REQUEST_JOB_REQUEUE] = static_cast<std::uint32_t>(Errc::disabled);
  start();
  hear(MsgType::REQUEST_KILL_JOB);
}

TEST_F(NeverStarted, is_remembered_until_it_was_reported) {
  order_and_crash(0);
  controller_.silences = 1'000;
  start();
  pass(200);
  crash();
  controller_.silences = 0;
  controller_.runs[7] = {.active = true, .batch_host = "n1"};
  start();
  hear(MsgType::REQUEST_JOB_REQUEUE);
}

TEST_F(NeverStarted, a_note_cut_short_was_never_answered) {
  order_and_crash(0);
  const std::string directory = exec::job_directory(setup_.settings.spool_directory, 7);
  ASSERT_EQ(truncate((directory + "/step_batch.0.order").c_str(), 5), 0);
  start();
  EXPECT_TRUE(spool_is_empty(7));
  EXPECT_EQ(node_->jobs.find(7), nullptr);
}

TEST_F(AdoptionTest, a_supervisor_that_dies_before_its_task_began) {
  write_script("stepd", "exit 1");
  node_->setup.supervisor_program = dir_ + "/stepd";
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "exit 0")), Errc::success);
  hear(MsgType::REQUEST_JOB_REQUEUE);
  EXPECT_EQ(controller_.count(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT), 0u);
  pass(100);
  EXPECT_TRUE(spool_is_empty(7));
}

TEST_F(AdoptionTest, a_supervisor_that_dies_after_its_task_began) {
  const std::string directory = exec::job_directory(setup_.settings.spool_directory, 7);
  write_script("stepd", "mv " + directory + "/step_batch.0.order " + directory + "/step_batch.state");
  node_->setup.supervisor_program = dir_ + "/stepd";
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "exit 0")), Errc::success);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  EXPECT_EQ(controller_.last<wire::CompleteBatchScript>(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT).job_rc,
            static_cast<std::uint32_t>(SIGKILL));
  EXPECT_EQ(controller_.count(MsgType::REQUEST_JOB_REQUEUE), 0u) << "it may have run";
  pass(100);
  EXPECT_TRUE(spool_is_empty(7));
}

TEST_F(AdoptionTest, a_killed_supervisor_takes_its_job_along) {
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

/// A process as a job's has it: of `uid`, with this environment. Returns when it runs.
pid_t process_of(std::uint32_t uid, std::vector<std::string> environment) {
  std::vector<char*> entries;
  for (std::string& entry : environment) entries.push_back(entry.data());
  entries.push_back(nullptr);
  char name[] = "sleep", seconds[] = "30";
  char* argv[] = {name, seconds, nullptr};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  exec::Fd begun(ends[0]), open_until_exec(ends[1]);
  const pid_t pid = fork();
  if (pid == 0) {
    if (setuid(uid) == 0) execve("/bin/sleep", argv, entries.data());
    _exit(1);
  }
  open_until_exec.reset();
  char nothing;
  EXPECT_EQ(read(begun.get(), &nothing, 1), 0);
  return pid;
}

TEST_F(AdoptionTest, a_job_of_that_number_elsewhere_on_the_machine_is_left_alone) {
  const std::string conf = "SLURM_CONF=" + setup_.facts.slurm_conf;
  const std::vector<std::vector<std::string>> others = {
      {"SLURM_JOB_ID=7", "SLURMD_NODENAME=n1", "SLURM_CONF=/elsewhere/slurm.conf"},
      {"SLURM_JOB_ID=7", "SLURMD_NODENAME=n2", conf},
      {"SLURM_JOB_ID=77", "SLURMD_NODENAME=n1", conf}};
  std::vector<pid_t> left_alone;
  for (const auto& environment : others) left_alone.push_back(process_of(uid_, environment));
  const pid_t own = process_of(uid_, {conf, "SLURMD_NODENAME=n1", "SLURM_JOB_ID=7"});
  EXPECT_EQ(kill_strays(setup_.facts, 7, uid_), 1);
  int status = 0;
  EXPECT_EQ(waitpid(own, &status, 0), own);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  for (const pid_t pid : left_alone) {
    EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
  }
}

TEST_F(AdoptionTest, supervisor_that_cannot_be_started) {
  node_->setup.supervisor_program = "/nonexistent";
  EXPECT_EQ(rc(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "exit 0")), Errc::success);
  hear(MsgType::REQUEST_JOB_REQUEUE);
}

}  // namespace
}  // namespace flurm::noded
