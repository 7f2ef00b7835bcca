// http/server_test.cpp — requests reach the loop, answers come back, and slow or ended handlers cost no thread.
#include "http/server.hpp"

#include <gtest/gtest.h>
#include <httplib.h>

#include <thread>

#include "io/timer.hpp"

namespace flurm::http {
namespace {

class HttpTest : public testing::Test {
 protected:
  io::Task<Response> handle(Request request) {
    seen = request;
    if (request.path == "/slow") {
      auto waiting = io::sleep(loop, 2000);
      co_await waiting;
    }
    if (request.path == "/missing") co_return Response{404, "text/plain", "no such thing\n"};
    co_return Response{.body = "{\"n\":" + request.query["n"] + "}"};
  }
  /// Runs `ask` on a thread of its own while the loop turns.
  void client(std::function<void(httplib::Client&)> ask) {
    Options options{.host = "127.0.0.1", .body_bytes_max = 1000, .answer_ms = 300};
    auto made = Server::listen(loop, options, [this](Request request) { return handle(std::move(request)); });
    ASSERT_TRUE(made) << made.error().text;
    server = std::move(*made);
    std::thread thread([&] {
      httplib::Client http("127.0.0.1", server->port());
      ask(http);
      loop.stop();
    });
    loop.run();
    thread.join();
    server.reset();
  }
  io::Loop loop;
  std::unique_ptr<Server> server;
  Request seen;
};

TEST_F(HttpTest, a_request_arrives_whole_and_is_answered) {
  client([](httplib::Client& http) {
    const auto got = http.Post("/a%20b?n=7", {{"X-Test", "yes"}}, "text", "text/plain");
    ASSERT_TRUE(got);
    EXPECT_EQ(got->status, 200);
    EXPECT_EQ(got->body, "{\"n\":7}");
    EXPECT_EQ(got->get_header_value("Content-Type"), "application/json");
    EXPECT_EQ(http.Get("/missing")->status, 404);
  });
  EXPECT_EQ(seen.path, "/missing");
  EXPECT_EQ(seen.peer, "127.0.0.1");
}

TEST_F(HttpTest, headers_and_body_are_passed_on) {
  client([](httplib::Client& http) { http.Post("/x?n=1", {{"X-Test", "yes"}}, "text", "text/plain"); });
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.headers["x-test"], "yes");
  EXPECT_EQ(seen.body, "text");
}

TEST_F(HttpTest, a_body_over_the_bound_is_refused) {
  client(
      [](httplib::Client& http) { EXPECT_EQ(http.Post("/x?n=1", std::string(1001, 'x'), "text/plain")->status, 413); });
  EXPECT_EQ(seen.path, "");
}

TEST_F(HttpTest, a_slow_handler_costs_its_own_client_a_504) {
  client([](httplib::Client& http) {
    EXPECT_EQ(http.Get("/slow")->status, 504);
    EXPECT_EQ(http.Get("/x?n=2")->status, 200);
  });
}

TEST_F(HttpTest, what_nobody_began_with_can_be_asked_elsewhere) {
  auto made = Server::listen(loop, {.host = "127.0.0.1", .answer_ms = 50},
                             [this](Request request) { return handle(std::move(request)); });
  ASSERT_TRUE(made) << made.error().text;
  httplib::Client http("127.0.0.1", (*made)->port());
  EXPECT_EQ(http.Post("/x?n=1", "text", "text/plain")->status, 421);  // nobody turns the loop
  loop.post([this] { loop.stop(); });
  loop.run();
  EXPECT_EQ(seen.path, "") << "and nothing came of it later";
}

TEST_F(HttpTest, a_taken_port_is_told) {
  client([this](httplib::Client&) {
    const auto second = Server::listen(loop, {.host = "127.0.0.1", .port = server->port()}, {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::io);
  });
}

}  // namespace
}  // namespace flurm::http
