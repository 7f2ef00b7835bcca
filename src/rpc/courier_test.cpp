// rpc/courier_test.cpp — persistent connections are used where they are kept, given up where they are not, and a
// broken one costs no call.
#include "rpc/courier.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "auth/private_munged.hpp"
#include "io/process.hpp"
#include "io/run_task.hpp"
#include "io/timer.hpp"
#include "rpc/server.hpp"
#include "wire/msg/daemon_control.hpp"

namespace flurm::rpc {
namespace {

using wire::MsgType;

class CourierTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    io::ignore_sigpipe();
    daemon = new auth::PrivateMunged;
  }
  static void TearDownTestSuite() { delete daemon; }

  template <class Body>
  void run(Body body) {
    io::run_task(loop, std::move(body));
  }

  /// Answers with the options of a shutdown request; counts how the requests came.
  io::Task<Reply> answer(Request request) {
    ++(request.persistent ? persistent : plain);
    co_return Reply::rc(request.as<wire::Shutdown>().options, request.version());
  }
  void start(std::uint16_t port = 0) {
    ServerOptions options;
    options.host = "127.0.0.1";
    options.port = port;
    auto made =
        Server::listen(loop, munge, std::move(options), [this](Request request) { return answer(std::move(request)); });
    ASSERT_TRUE(made) << made.error().text;
    server = std::move(*made);
  }
  void stop() {
    server.reset();
    run([this] { return io::sleep(loop, 1); });
  }

  io::Task<void> one(int number, int& right, int& left, io::Event done) {
    CallOptions options;
    options.timeout_ms = timeout_ms;
    options.restrict_uid = getuid();
    auto calling = courier.call(to, MsgType::REQUEST_SHUTDOWN,
                                codec::pack(wire::Shutdown{static_cast<std::uint16_t>(number)}, wire::v24_05),
                                wire::v24_05, std::move(options));
    const Result<Response> response = co_await calling;
    if (response && response->as<wire::ReturnCode>().return_code == static_cast<std::uint32_t>(number)) ++right;
    if (--left == 0) done.set({});
  }
  io::Task<void> many(int count, int& right) {
    int left = count;
    io::Event done(loop);
    for (int number = 0; number < count; ++number) io::spawn(one(number, right, left, done));
    auto waiting = done.wait(io::Deadline::in_ms(10'000));
    (void)co_await waiting;
  }
  /// How many of `count` calls made at once got their own answer.
  int right_of(int count) {
    int right = 0;
    run([&] { return many(count, right); });
    return right;
  }

  static inline auth::PrivateMunged* daemon = nullptr;
  io::Loop loop;
  auth::Munge munge{daemon->socket()};
  Client client{loop, munge};
  Courier courier{client};
  std::unique_ptr<Server> server;
  Address to{"127.0.0.1", 0};
  int persistent = 0, plain = 0;
  std::uint64_t timeout_ms = 5000;
};

TEST_F(CourierTest, calls_share_few_connections) {
  start();
  to.port = server->port();
  EXPECT_EQ(right_of(1), 1);
  EXPECT_EQ(right_of(100), 100);
  EXPECT_EQ(persistent, 101);
  EXPECT_EQ(plain, 0);
  EXPECT_EQ(server->stats().accepted, 2u);
  stop();
}

TEST_F(CourierTest, a_restarted_peer_is_called_without_loss) {
  start();
  to.port = server->port();
  EXPECT_EQ(right_of(10), 10);
  stop();
  start(to.port);
  EXPECT_EQ(right_of(10), 10);
  stop();
  EXPECT_EQ(right_of(3), 0);  // nobody is there
}

/// A peer that takes one request per connection and closes on anything it does not know, as Slurm's old daemons do.
TEST_F(CourierTest, a_peer_without_persistent_connections_is_asked_once) {
  start();
  auto refusing = io::Listener::tcp(loop, "127.0.0.1", 0, [](io::Stream stream) { stream.close(); });
  ASSERT_TRUE(refusing);
  to.port = (*refusing)->port();
  EXPECT_EQ(right_of(1), 0);
  const Address silent = to;
  refusing->reset();
  stop();
  start(silent.port);  // known to be plain for now: the next call opens nothing
  EXPECT_EQ(right_of(5), 5);
  EXPECT_EQ(plain, 5);
  EXPECT_EQ(persistent, 0);
  stop();
}

/// Slurm's controller tries a credential it cannot check for longer than the call may take.
TEST_F(CourierTest, a_peer_that_is_silent_to_the_first_frame_costs_one_call) {
  std::vector<io::Stream> held;
  auto silent = io::Listener::tcp(loop, "127.0.0.1", 0, [&](io::Stream stream) { held.push_back(std::move(stream)); });
  ASSERT_TRUE(silent);
  to.port = (*silent)->port();
  timeout_ms = 300;
  EXPECT_EQ(right_of(1), 0);
  held.clear();
  silent->reset();
  timeout_ms = 5000;
  start(to.port);
  EXPECT_EQ(right_of(5), 5);
  EXPECT_EQ(plain, 5);
  EXPECT_EQ(persistent, 0);
  stop();
}

}  // namespace
}  // namespace flurm::rpc
