// noded/step_tree_test.cpp — ends of steps over many nodes: from below through this node, and from it to the one above.
#include <set>

#include "noded/node_world.hpp"
#include "wire/msg/launch_tasks.hpp"

namespace flurm::noded {
namespace {

using wire::MsgType;

class StepTreeTest : public test::NodeWorld {
 protected:
  /// A step with one task on each of eight nodes, of which n1 is this one.
  void launch(const std::string& nodes, const std::string& script) {
    wire::LaunchTasks order;
    order.step_id.job_id = JobId{7};
    order.step_id.step_id = 0;
    order.uid = uid_;
    order.gid = getgid();
    order.complete_nodelist = order.cred.job_hostlist = order.cred.step_hostlist = nodes;
    order.tasks.resize(8);
    for (std::uint32_t i = 0; i < 8; ++i) order.tasks[i].global_task_ids = {i};
    order.ntasks = 8;
    order.argv = {"/bin/sh", "-c", script};
    order.env = {"PATH=/usr/bin:/bin"};
    order.cwd = dir_;
    order.ifname = order.ofname = order.efname = "/dev/null";
    order.cred.step_id = order.step_id;
    order.cred.id.uid = uid_;
    order.cred.id.gid = getgid();
    order.cred.id.pw_name = "user";
    order.cred.id.gids = {getgid()};
    order.cred.ctime = io::now();
    order.cred.signature = "good";
    rpc::Request made = request(MsgType::REQUEST_LAUNCH_TASKS, std::move(order), uid_);
    made.peer = "127.0.0.1:5000";
    rpc::Reply reply;
    run(ask_into(*service_, std::move(made), &reply));
    ASSERT_EQ(codec::unpack<wire::ReturnCode>(reply.body, test::kVersion).value().return_code, 0u);
  }
  void end_task() { kill(static_cast<pid_t>(node_->jobs.find(7)->steps.at(0)->state().tasks.at(0).pid), SIGKILL); }
  static wire::StepComplete report(std::uint32_t first, std::uint32_t last) {
    wire::StepComplete report;
    report.step_id.job_id = JobId{7};
    report.step_id.step_id = 0;
    report.range_first = first;
    report.range_last = last;
    return report;
  }
  std::set<std::uint32_t> ranks_heard() {
    std::set<std::uint32_t> ranks;
    for (const std::string& body : controller_.bodies[MsgType::REQUEST_STEP_COMPLETE]) {
      const auto heard = codec::unpack<wire::StepComplete>(body, test::kVersion).value();
      for (std::uint32_t rank = heard.range_first; rank <= heard.range_last; ++rank) ranks.insert(rank);
    }
    return ranks;
  }
};

TEST_F(StepTreeTest, the_first_node_tells_the_controller_for_those_below) {
  launch("n[1-8]", "exec sleep 300");
  EXPECT_EQ(rc(MsgType::REQUEST_STEP_COMPLETE, report(1, 4)), Errc::success);
  EXPECT_EQ(ranks_heard(), (std::set<std::uint32_t>{1, 2, 3, 4}));  // whoever was answered may forget
  EXPECT_EQ(rc(MsgType::REQUEST_STEP_COMPLETE, report(5, 7)), Errc::success);
  end_task();
  until([&] { return ranks_heard().size() == 8; });
  EXPECT_EQ(controller_.count(MsgType::REQUEST_STEP_COMPLETE), 3u);
}

TEST_F(StepTreeTest, a_controller_that_does_not_answer_leaves_those_below_unanswered) {
  launch("n[1-8]", "exec sleep 300");
  controller_.silences = 1;
  EXPECT_EQ(rc(MsgType::REQUEST_STEP_COMPLETE, report(1, 7)), Errc::communications_connection);
  EXPECT_EQ(rc(MsgType::REQUEST_STEP_COMPLETE, report(1, 7)), Errc::success);
  controller_.answers[MsgType::REQUEST_STEP_COMPLETE] = static_cast<std::uint32_t>(Errc::invalid_job_id);
  EXPECT_EQ(rc(MsgType::REQUEST_STEP_COMPLETE, report(1, 7)), Errc::success);
  end_task();
  until([&] { return ranks_heard().size() == 8 && !node_->jobs.find(7)->steps.contains(0); });
}

TEST_F(StepTreeTest, others_tell_the_node_above) {
  launch("n[0-7]", "true");
  until([&] { return !nodes_.asked.empty(); });
  EXPECT_EQ(nodes_.asked.front().first, "n0");
  const auto told = codec::unpack<wire::StepComplete>(nodes_.asked.front().second, test::kVersion).value();
  EXPECT_EQ(told.range_first, 1u);
  EXPECT_EQ(told.range_last, 1u);
  EXPECT_EQ(controller_.count(MsgType::REQUEST_STEP_COMPLETE), 0u);
}

TEST_F(StepTreeTest, a_node_above_that_has_not_begun_is_asked_again) {
  nodes_.refusals = 1;
  launch("n[0-7]", "true");
  until([&] { return nodes_.asked.size() == 2; });
  EXPECT_EQ(controller_.count(MsgType::REQUEST_STEP_COMPLETE), 0u);
}

TEST_F(StepTreeTest, the_controller_hears_what_the_node_above_does_not_take) {
  nodes_.refusals = 100;
  launch("n[0-7]", "true");
  hear(MsgType::REQUEST_STEP_COMPLETE);
  EXPECT_EQ(ranks_heard(), (std::set<std::uint32_t>{1}));
}

TEST_F(StepTreeTest, a_node_that_is_done_with_the_job_sends_others_to_the_controller) {
  EXPECT_EQ(rc(MsgType::REQUEST_STEP_COMPLETE, report(1, 1)), Errc::invalid_job_id);  // it may begin yet
  node_->ended.carried_out(7, kNoVal32, io::now());
  EXPECT_EQ(rc(MsgType::REQUEST_STEP_COMPLETE, report(1, 1)), Errc::already_done);
}

}  // namespace
}  // namespace flurm::noded
