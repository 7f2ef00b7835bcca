// noded/emulation_test.cpp — nodes that run nothing: how long their jobs take, and what the controller hears of them.
#include "noded/emulation.hpp"

#include <signal.h>

#include "noded/node_world.hpp"

namespace flurm::noded {
namespace {

using wire::MsgType;

TEST(ScriptSleep, is_the_sum_of_the_lines_that_sleep) {
  EXPECT_EQ(script_sleep_ms(""), 0u);
  EXPECT_EQ(script_sleep_ms("#!/bin/sh\nhostname\nexit 0\n"), 0u);
  EXPECT_EQ(script_sleep_ms("#!/bin/sh\nsleep 3\n  srun sleep 2m; echo\nexec /bin/sleep .5"), 123'500u);
  EXPECT_EQ(script_sleep_ms("sleep infinity\nsleep -1\nsleep x\nsleep\nasleep 7\nsleep 1y"), 366ull * 24 * 3600 * 1000);
  EXPECT_EQ(script_sleep_ms("sleep 1e300\nsleep 9d\n"), 366ull * 24 * 3600 * 1000);
}

class EmulationTest : public test::NodeWorld {
 protected:
  void SetUp() override {
    NodeWorld::SetUp();
    // As in the daemon, what waits refers to it for as long as the loop is there.
    shared_ = new EmulationContext{.loop = loop_,
                                   .controller = controller_,
                                   .slurm_user_id = 64030,
                                   .version = "test",
                                   .host_name = "host",
                                   .shut_down = [] {}};
    emulated_ = new EmulatedNode(
        *shared_, {.name = "n1", .cpus = 8, .sockets = 2, .cores_per_socket = 4, .real_memory = 1000}, {});
  }
  template <class M>
  Errc tell(MsgType type, M message, std::uint32_t uid = 64030) {
    rpc::Reply reply;
    run(handled(*emulated_, request(type, std::move(message), uid), &reply));
    return static_cast<Errc>(codec::unpack<wire::ReturnCode>(reply.body, test::kVersion).value().return_code);
  }
  static io::Task<void> handled(EmulatedNode& node, rpc::Request request, rpc::Reply* reply) {
    auto handling = node.handle(std::move(request));
    *reply = co_await handling;
  }
  EmulationContext* shared_ = nullptr;
  EmulatedNode* emulated_ = nullptr;
};

TEST_F(EmulationTest, it_registers_as_configured) {
  run(emulated_->register_node());
  const auto m = controller_.last<wire::NodeRegistrationStatus>(MsgType::MESSAGE_NODE_REGISTRATION_STATUS);
  EXPECT_EQ(m.node_name, "n1");
  EXPECT_EQ(m.cpus, 8);
  EXPECT_EQ(m.sockets, 2);
  EXPECT_EQ(m.real_memory, 1000u);
}

TEST_F(EmulationTest, a_job_ends_when_it_has_slept_and_its_end_is_told_until_it_is_heard) {
  controller_.silences = 2;
  EXPECT_EQ(tell(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "sleep 0.05")), Errc::success);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  const auto report = controller_.last<wire::CompleteBatchScript>(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  EXPECT_EQ(report.step_id.job_id.v, 7u);
  EXPECT_EQ(report.job_rc, 0u);
  EXPECT_EQ(tell(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "sleep 0.05")), Errc::success) << "a repetition";
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT, 2);
  until([&] { return tell(MsgType::REQUEST_TERMINATE_JOB, end(7)) == Errc::kill_job_already_complete; });
  EXPECT_EQ(emulated_->jobs(), 0u);
}

TEST_F(EmulationTest, an_end_that_overtakes_the_report_is_done_after_it) {
  controller_.silences = 3;
  EXPECT_EQ(tell(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "exit 0")), Errc::success);
  EXPECT_EQ(tell(MsgType::REQUEST_TERMINATE_JOB, end(7)), Errc::success);
  hear(MsgType::MESSAGE_EPILOG_COMPLETE);
  EXPECT_EQ(controller_.count(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT), 1u);
}

TEST_F(EmulationTest, a_cancelled_job_is_gone_and_a_signalled_one_ends_with_the_signal) {
  EXPECT_EQ(tell(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "sleep 1d")), Errc::success);
  EXPECT_EQ(tell(MsgType::REQUEST_TERMINATE_JOB, end(7)), Errc::kill_job_already_complete);
  EXPECT_EQ(tell(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(8, "sleep 1d")), Errc::success);
  wire::CancelTasks order;
  order.step_id.job_id = JobId{8};
  order.signal = SIGCONT;
  EXPECT_EQ(tell(MsgType::REQUEST_SIGNAL_TASKS, order), Errc::success);
  order.signal = SIGTERM;
  EXPECT_EQ(tell(MsgType::REQUEST_SIGNAL_TASKS, order, 1000), Errc::user_id_missing);
  EXPECT_EQ(tell(MsgType::REQUEST_SIGNAL_TASKS, order), Errc::success);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  const auto report = controller_.last<wire::CompleteBatchScript>(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
  EXPECT_EQ(report.step_id.job_id.v, 8u);
  EXPECT_EQ(report.job_rc, static_cast<std::uint32_t>(SIGTERM));
}

TEST_F(EmulationTest, a_suspended_job_does_not_go_on) {
  EXPECT_EQ(tell(MsgType::REQUEST_BATCH_JOB_LAUNCH, launch(7, "sleep 2")), Errc::success);
  wire::SuspendInt order;
  order.step_id.job_id = JobId{7};
  EXPECT_EQ(tell(MsgType::REQUEST_SUSPEND_INT, order), Errc::success);
  pass(2500);
  EXPECT_EQ(controller_.count(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT), 0u);
  order.op = 1;
  EXPECT_EQ(tell(MsgType::REQUEST_SUSPEND_INT, order), Errc::success);
  hear(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT);
}

}  // namespace
}  // namespace flurm::noded
