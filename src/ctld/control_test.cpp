// ctld/control_test.cpp — only root and SlurmUser are heard, each request once, and refusals say why.
#include "ctld/control.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "auth/private_munged.hpp"
#include "auth/request_credential.hpp"
#include "io/run_task.hpp"

namespace flurm::ctld {
namespace {

class ControlTest : public testing::Test {
 protected:
  ControlTest() { serve(control); }
  void serve(Control& which) {
    which.on("/api/echo", [this](std::uint32_t uid, Arguments arguments) -> io::Task<http::Response> {
      ++carried_out;
      co_return control_done(arguments.text("say"), {{"uid", std::to_string(uid)}});
    });
  }
  http::Request signed_request(std::string body) {
    http::Request request{
        .method = "POST", .path = "/api/echo", .query = {}, .headers = {}, .body = std::move(body), .peer = {}};
    request.headers["authorization"] = *auth::sign_request(munge, {request.method, request.path, request.body});
    return request;
  }
  http::Response ask(http::Request request, Control& whom) {
    http::Response response;
    io::run_task(loop, [&]() -> io::Task<void> {
      auto answering = whom.answer(std::move(request));
      response = co_await answering;
    });
    return response;
  }
  http::Response ask(http::Request request) { return ask(std::move(request), control); }

  auth::PrivateMunged daemon;
  auth::Munge munge{daemon.socket()};
  io::Loop loop;
  Control control{loop, munge, getuid()};
  int carried_out = 0;
};

TEST_F(ControlTest, the_right_user_is_heard_once) {
  const http::Request request = signed_request(R"({"say": "hello \"you\"", "n": 3})");
  const http::Response heard = ask(request);
  EXPECT_EQ(heard.status, 200);
  EXPECT_EQ(heard.body, fmt::format("{{\"message\":\"hello \\\"you\\\"\",\"uid\":\"{}\"}}\n", getuid()));
  const http::Response again = ask(request);
  EXPECT_EQ(again.status, 401);
  EXPECT_EQ(again.body, "{\"error\":\"replayed credential\"}\n");
  EXPECT_EQ(carried_out, 1);
}

TEST_F(ControlTest, who_shows_nothing_or_the_wrong_thing_is_refused) {
  http::Request bare = signed_request("");
  bare.headers.clear();
  EXPECT_EQ(ask(bare).status, 401);
  http::Request changed = signed_request(R"({"say": "a"})");
  changed.body = R"({"say": "b"})";
  EXPECT_EQ(ask(changed).status, 401);
  EXPECT_EQ(carried_out, 0);
}

TEST_F(ControlTest, another_user_is_refused) {
  // Root may do everything, so root asks as somebody else.
  const bool root = getuid() == 0;
  ASSERT_TRUE(!root || seteuid(65534) == 0);
  Control others(loop, munge, geteuid() + 1);
  serve(others);
  const http::Request request = signed_request("");
  ASSERT_TRUE(!root || seteuid(0) == 0);
  EXPECT_EQ(ask(request, others).status, 403);
  EXPECT_EQ(carried_out, 0);
}

TEST_F(ControlTest, what_cannot_be_read_is_refused) {
  for (const char* body : {"[1]", "{\"a\":", "{\"a\": [1]}", "{\"a\": null}"})
    EXPECT_EQ(ask(signed_request(body)).status, 400) << body;
  http::Request request = signed_request("");
  request.method = "GET";
  EXPECT_EQ(ask(request).status, 405);
  request.path = "/api/other";
  EXPECT_EQ(ask(request).status, 404);
  EXPECT_EQ(carried_out, 0);
}

TEST(ArgumentsTest, numbers_are_bounded) {
  const auto arguments =
      Arguments::parse(R"({"port": 9101, "text": "12", "minus": -1, "much": 99999999999999999999, "yes": true})");
  ASSERT_TRUE(arguments);
  EXPECT_EQ(*arguments->number("port", 65535), 9101u);
  EXPECT_EQ(*arguments->number("text", 12), 12u);
  EXPECT_FALSE(arguments->number("text", 11));
  EXPECT_FALSE(arguments->number("minus", 10));
  EXPECT_FALSE(arguments->number("much", ~std::uint64_t{0}));
  EXPECT_FALSE(arguments->number("missing", 10));
  EXPECT_TRUE(arguments->flag("yes"));
  EXPECT_FALSE(arguments->flag("port"));
}

}  // namespace
}  // namespace flurm::ctld
