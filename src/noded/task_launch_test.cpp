// noded/task_launch_test.cpp — steps from launch to acknowledged end, and what is refused. The clients are played here;
// tests/real-clients has the real ones.
#include "noded/node_world.hpp"
#include "wire/msg/job_control.hpp"
#include "wire/msg/launch_tasks.hpp"
#include "wire/msg/srun.hpp"
#include "wire/msg/step_layout.hpp"

namespace flurm::noded {
namespace {

using wire::MsgType;

class TaskLaunchTest : public test::NodeWorld {
 protected:
  wire::LaunchTasks step(std::uint32_t step_id, const std::string& script, std::size_t tasks = 2) const {
    wire::LaunchTasks order;
    order.step_id.job_id = JobId{7};
    order.step_id.step_id = step_id;
    order.uid = uid_;
    order.gid = getgid();
    order.complete_nodelist = "n[1-2]";
    order.tasks.resize(2);
    for (std::uint32_t i = 0; i < tasks; ++i) order.tasks[0].global_task_ids.push_back(i);
    order.tasks[1].global_task_ids = {static_cast<std::uint32_t>(tasks)};
    order.ntasks = static_cast<std::uint32_t>(tasks) + 1;
    order.argv = {"/bin/sh", "-c", script};
    order.env = {"PATH=/usr/bin:/bin"};
    order.cwd = dir_;
    order.ofname = order.efname = dir_ + "/out.%t";
    order.ifname = "/dev/null";
    order.resp_port = {4001, 4002};
    order.cred.step_id = order.step_id;
    order.cred.id.uid = uid_;
    order.cred.id.gid = getgid();
    order.cred.id.pw_name = "user";
    order.cred.id.gids = {getgid()};
    order.cred.job_hostlist = order.cred.step_hostlist = "n[1-2]";
    order.cred.ctime = io::now();
    order.cred.signature = "good";
    return order;
  }
  Errc launch_step(wire::LaunchTasks order, std::uint32_t uid) {
    rpc::Request made = request(MsgType::REQUEST_LAUNCH_TASKS, std::move(order), uid);
    made.peer = "127.0.0.1:5000";
    rpc::Reply reply;
    run(ask_into(*service_, std::move(made), &reply));
    return static_cast<Errc>(codec::unpack<wire::ReturnCode>(reply.body, test::kVersion).value().return_code);
  }
  template <class M>
  std::vector<M> told(MsgType type) {
    std::vector<M> messages;
    for (const auto& each : clients_.told) {
      if (each.type == type) messages.push_back(codec::unpack<M>(each.body, test::kVersion).value());
    }
    return messages;
  }
  std::string file(const std::string& name) { return exec::read_file(dir_ + "/" + name, 1 << 20).value_or(""); }
};

TEST_F(TaskLaunchTest, a_step_from_launch_to_acknowledged_end) {
  EXPECT_EQ(
      launch_step(step(3, "echo $SLURM_PROCID $SLURM_LOCALID $SLURM_GTIDS $SLURM_STEP_ID; exit $SLURM_PROCID"), uid_),
      Errc::success);
  hear(MsgType::REQUEST_STEP_COMPLETE);
  const auto complete = controller_.last<wire::StepComplete>(MsgType::REQUEST_STEP_COMPLETE);
  EXPECT_EQ(complete.step_id.step_id, 3u);
  EXPECT_EQ(complete.range_first, 0u);
  EXPECT_EQ(complete.range_last, 0u);
  EXPECT_EQ(WEXITSTATUS(complete.step_rc), 1);
  EXPECT_EQ(file("out.0"), "0 0 0,1 3\n");
  EXPECT_EQ(file("out.1"), "1 1 0,1 3\n");
  pass(200);
  const auto launches = told<wire::LaunchTasksResponse>(MsgType::RESPONSE_LAUNCH_TASKS);
  ASSERT_EQ(launches.size(), 1u);
  EXPECT_EQ(launches[0].task_ids, (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(launches[0].local_pids.size(), 2u);
  EXPECT_EQ(clients_.told[0].to.port, 4001);
  EXPECT_EQ(clients_.told[0].to.host, "127.0.0.1");
  EXPECT_EQ(clients_.told[0].to.uid, uid_);
  std::vector<std::uint32_t> exited;
  for (const auto& exit : told<wire::TaskExit>(MsgType::MESSAGE_TASK_EXIT)) {
    exited.insert(exited.end(), exit.task_id_list.begin(), exit.task_id_list.end());
    EXPECT_EQ(WEXITSTATUS(exit.return_code), exit.task_id_list.at(0));
  }
  std::ranges::sort(exited);
  EXPECT_EQ(exited, (std::vector<std::uint32_t>{0, 1})) << "each once";
  EXPECT_TRUE(spool_is_empty(7));
}

TEST_F(TaskLaunchTest, what_is_refused) {
  const wire::LaunchTasks good = step(1, "echo ran >> ran");
  EXPECT_EQ(launch_step(good, uid_ + 1), Errc::user_id_missing) << "another user";
  wire::LaunchTasks bad = good;
  bad.cred.signature = "bad";
  EXPECT_EQ(launch_step(bad, uid_), Errc::node_invalid_job_credential);
  bad = good;
  bad.cred.signature.clear();
  EXPECT_EQ(launch_step(bad, uid_), Errc::node_invalid_job_credential) << "unsigned ones are batch jobs' alone";
  bad = good;
  bad.cred.step_hostlist = "n2";
  EXPECT_EQ(launch_step(bad, uid_), Errc::node_invalid_job_credential) << "another node's";
  bad = good;
  bad.step_id.step_id = 2;
  EXPECT_EQ(launch_step(bad, uid_), Errc::node_invalid_job_credential) << "another step's";
  bad = good;
  bad.cred.id.uid = uid_ + 1;
  EXPECT_EQ(launch_step(bad, uid_), Errc::node_invalid_job_credential) << "another user's";
  bad = good;
  bad.complete_nodelist = "n[2-3]";
  EXPECT_EQ(launch_step(bad, uid_), Errc::invalid_node_name);
  bad = good;
  bad.tasks.clear();
  EXPECT_EQ(launch_step(bad, uid_), Errc::invalid_node_name) << "fewer entries than nodes";
  bad = good;
  bad.flags = wire::launch_no_alloc;
  EXPECT_EQ(launch_step(bad, uid_), Errc::access_denied);
  EXPECT_EQ(launch_step(good, uid_), Errc::success);
  hear(MsgType::REQUEST_STEP_COMPLETE);
  EXPECT_EQ(launch_step(good, uid_), Errc::node_step_exists) << "a replay";
  pass(100);
  EXPECT_EQ(file("ran"), "ran\nran\n");
}

TEST_F(TaskLaunchTest, nothing_starts_when_the_job_is_over) {
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, end(7, io::now() + 1)), Errc::kill_job_already_complete);
  EXPECT_EQ(launch_step(step(0, "true"), uid_), Errc::node_credential_revoked);
}

TEST_F(TaskLaunchTest, a_failing_launch_is_told_to_the_client) {
  wire::LaunchTasks order = step(0, "true");
  order.ofname = "/no/such/place/%t";
  EXPECT_EQ(launch_step(order, uid_), Errc::success);
  hear(MsgType::REQUEST_STEP_COMPLETE);
  pass(100);
  const auto launches = told<wire::LaunchTasksResponse>(MsgType::RESPONSE_LAUNCH_TASKS);
  ASSERT_EQ(launches.size(), 1u);
  EXPECT_EQ(static_cast<Errc>(launches[0].return_code), Errc::node_io_error);
  EXPECT_TRUE(told<wire::TaskExit>(MsgType::MESSAGE_TASK_EXIT).empty());
}

TEST_F(TaskLaunchTest, the_next_daemon_tells_what_is_left) {
  EXPECT_EQ(launch_step(step(0, "sleep 1; exit 4"), uid_), Errc::success);
  until([&] { return !clients_.told.empty(); });
  crash();
  usleep(1'500'000);
  EXPECT_TRUE(told<wire::TaskExit>(MsgType::MESSAGE_TASK_EXIT).empty());
  start();
  hear(MsgType::REQUEST_STEP_COMPLETE);
  pass(200);
  EXPECT_EQ(told<wire::LaunchTasksResponse>(MsgType::RESPONSE_LAUNCH_TASKS).size(), 1u) << "told before";
  const auto exits = told<wire::TaskExit>(MsgType::MESSAGE_TASK_EXIT);
  ASSERT_EQ(exits.size(), 1u);
  EXPECT_EQ(exits[0].task_id_list.size(), 2u);
  EXPECT_EQ(WEXITSTATUS(exits[0].return_code), 4);
}

/// A daemon and the supervisor of a step are killed together, and the next daemon starts.
class KilledTogether : public TaskLaunchTest {
 protected:
  void kill_both() {
    const auto supervisor = static_cast<pid_t>(node_->jobs.find(7)->steps.at(0)->state().supervisor_pid);
    crash();
    kill(supervisor, SIGKILL);
    start();
    hear(MsgType::REQUEST_STEP_COMPLETE);
    pass(200);
    EXPECT_EQ(controller_.last<wire::StepComplete>(MsgType::REQUEST_STEP_COMPLETE).step_rc,
              static_cast<std::uint32_t>(SIGKILL));
    EXPECT_TRUE(spool_is_empty(7));
  }
  std::map<std::uint32_t, std::vector<std::uint32_t>> exits() {
    std::map<std::uint32_t, std::vector<std::uint32_t>> by_status;
    for (const auto& exit : told<wire::TaskExit>(MsgType::MESSAGE_TASK_EXIT)) {
      auto& tasks = by_status[exit.return_code];
      tasks.insert(tasks.end(), exit.task_id_list.begin(), exit.task_id_list.end());
    }
    return by_status;
  }
};

TEST_F(KilledTogether, its_tasks_were_killed_but_for_those_that_had_ended) {
  EXPECT_EQ(launch_step(step(0, "[ $SLURM_PROCID = 1 ] && exit 3; exec sleep 60", 3), uid_), Errc::success);
  until([&] { return !told<wire::TaskExit>(MsgType::MESSAGE_TASK_EXIT).empty(); });
  pass(100);
  kill_both();
  EXPECT_EQ(told<wire::LaunchTasksResponse>(MsgType::RESPONSE_LAUNCH_TASKS).size(), 1u) << "told before";
  EXPECT_EQ(exits(), (std::map<std::uint32_t, std::vector<std::uint32_t>>{{3 << 8, {1}}, {SIGKILL, {0, 2}}}));
}

TEST_F(KilledTogether, before_anybody_was_told_that_the_tasks_run) {
  const std::string fifo = dir_ + "/out.0";  // nobody reads it: the first task waits
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  ASSERT_EQ(chmod(fifo.c_str(), 0666), 0);
  EXPECT_EQ(launch_step(step(0, "sleep 60"), uid_), Errc::success);
  const std::string state = exec::job_directory(setup_.settings.spool_directory, 7) + "/step_0.state";
  until([&] { return access(state.c_str(), F_OK) == 0; });
  pass(100);
  EXPECT_TRUE(told<wire::LaunchTasksResponse>(MsgType::RESPONSE_LAUNCH_TASKS).empty());
  kill_both();
  EXPECT_EQ(told<wire::LaunchTasksResponse>(MsgType::RESPONSE_LAUNCH_TASKS).size(), 1u);
  EXPECT_EQ(exits(), (std::map<std::uint32_t, std::vector<std::uint32_t>>{{SIGKILL, {0, 1}}}));
}

TEST_F(TaskLaunchTest, ending_the_job_ends_its_steps) {
  EXPECT_EQ(launch_step(step(0, "sleep 60"), uid_), Errc::success);
  EXPECT_EQ(launch_step(step(1, "sleep 60"), uid_), Errc::success);
  EXPECT_EQ(rc(MsgType::REQUEST_TERMINATE_JOB, end(7)), Errc::success);
  hear(MsgType::REQUEST_STEP_COMPLETE, 2);
  hear(MsgType::MESSAGE_EPILOG_COMPLETE);
  EXPECT_TRUE(spool_is_empty(7));
}

}  // namespace
}  // namespace flurm::noded
