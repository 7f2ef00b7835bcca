// noded/node_world.hpp — for tests: a node service with real supervisors, and a controller that the test plays.
#pragma once
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/log.hpp"
#include "codec/unpack.hpp"
#include "exec/fd.hpp"
#include "fmt/format.h"
#include "gtest/gtest.h"
#include "io/timer.hpp"
#include "noded/node_service.hpp"
#include "noded/strays.hpp"
#include "wire/msg/job_complete.hpp"

namespace flurm::noded::test {

using wire::MsgType;
inline constexpr std::uint16_t kVersion = wire::v22_05;

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
  io::Task<Result<std::optional<JobRun>>> job_run(std::uint32_t job_id) override {
    if (silences > 0) {
      --silences;
      co_return fail(Errc::communications_connection);
    }
    const auto it = runs.find(job_id);
    if (it == runs.end()) co_return std::nullopt;
    co_return it->second;
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
  std::map<std::uint32_t, JobRun> runs;
  std::vector<MsgType> types;
  std::map<MsgType, std::vector<std::string>> bodies;
  Condition heard;
};

/// srun as far as messages go.
class FakeClients final : public ClientPort {
 public:
  explicit FakeClients(io::Loop& loop) : heard(loop) {}
  io::Task<Result<void>> tell(ClientAddress to, Outgoing message) override {
    told.push_back({to, message.type, message.body(to.version)});
    heard.notify();
    co_return Result<void>{};
  }
  struct Told {
    ClientAddress to;
    MsgType type{};
    std::string body;
  };
  std::vector<Told> told;
  Condition heard;
};

/// Other nodes, which take everything but the first `refusals`.
class FakeNodes final : public NodePort {
 public:
  io::Task<Result<std::uint32_t>> ask(std::string node_name, Outgoing message) override {
    asked.emplace_back(std::move(node_name), message.body(kVersion));
    if (refusals == 0) co_return 0;
    --refusals;
    co_return static_cast<std::uint32_t>(Errc::invalid_job_id);
  }
  int refusals = 0;
  std::vector<std::pair<std::string, std::string>> asked;
};

class FakeCredentials final : public CredentialPort {
 public:
  io::Task<Result<void>> verify(std::string, std::string signature) override {
    if (signature == "good") co_return Result<void>{};
    co_return fail(Errc::node_invalid_job_credential, "signature {}", signature);
  }
};

class NodeWorld : public testing::Test {
 protected:
  void SetUp() override {
    log_set_level(Level::fatal);
    char name[] = "/tmp/flurm_noded_XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    dir_ = name;
    ASSERT_EQ(chmod(name, 0777), 0);
    setup_.facts = {.node_name = "n1", .host_name = "host", .cluster_name = "test", .slurm_conf = dir_ + "/slurm.conf"};
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
      kill_strays(setup_.facts, id, uid_);
    }
    std::system(("rm -rf " + dir_).c_str());
  }

  /// A daemon: the first one, or one after a restart.
  void start() {
    node_ = new NodeContext(loop_, children_, setup_, controller_, clients_, nodes_, credentials_);
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

  /// Lets the loop run until it holds, ten seconds at most.
  template <class Condition>
  void until(Condition condition) {
    for (int i = 0; i < 1000 && !condition(); ++i) pass(10);
    EXPECT_TRUE(condition());
  }
  bool has_step(std::uint32_t job_id) {
    const NodeJobPtr job = node_->jobs.find(job_id);
    return job && job->steps.contains(kBatchStep) && job->steps.at(kBatchStep)->state().supervisor_pid != 0;
  }
  /// The script has ended, and the controller is being told.
  bool is_reporting(std::uint32_t job_id) {
    const NodeJobPtr job = node_->jobs.find(job_id);
    return job && job->reports == 1;
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
  FakeClients clients_{loop_};
  FakeNodes nodes_;
  FakeCredentials credentials_;
  NodeSetup setup_;
  // Not deleted: coroutines of a daemon that "was killed" still refer to it.
  NodeContext* node_ = nullptr;
  NodeService* service_ = nullptr;
};

}  // namespace flurm::noded::test
