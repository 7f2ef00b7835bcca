// io/stream_test.cpp — sockets: exact reads, deadlines, closing under a waiter, back-pressure.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "io/run_task.hpp"
#include "io/stream.hpp"
#include "io/timer.hpp"

namespace flurm::io {
namespace {

/// Runs `body` as a coroutine and the loop until it ends.
template <class Body>
void run(Loop& loop, Body body) {
  run_task(loop, [&] { return body(loop); });
}

Task<void> echo(Stream stream) {
  std::vector<char> buffer(64 * 1024);
  while (true) {
    auto reading = stream.read_some(buffer, Deadline::in_ms(5000));
    Result<std::size_t> n = co_await reading;
    if (!n || *n == 0) co_return;
    auto writing = stream.write_all(std::string(buffer.data(), *n), Deadline::in_ms(5000));
    Result<void> written = co_await writing;
    if (!written) co_return;
  }
}

struct Echo {
  explicit Echo(Loop& loop)
      : listener(*Listener::tcp(loop, "127.0.0.1", 0, [](Stream stream) { spawn(echo(std::move(stream))); })) {}
  std::unique_ptr<Listener> listener;
};

Task<void> round_trips(Loop& loop, std::uint16_t port, std::string big) {
  auto connecting = connect_tcp(loop, "localhost", port, Deadline::in_ms(2000));
  Result<Stream> stream = co_await connecting;
  EXPECT_TRUE(stream) << stream.error().text;
  if (!stream) co_return;
  EXPECT_EQ(stream->peer(), "127.0.0.1:" + std::to_string(port));
  EXPECT_EQ(stream->peer_host(), "127.0.0.1");
  // Small pieces first, then more than any socket buffer holds; the reader runs beside the writer.
  std::string back(5, ' ');
  std::vector<std::string> pieces{"he", "", "llo"};
  auto writing = stream->write_pieces(std::move(pieces), Deadline::in_ms(1000));
  Result<void> written = co_await writing;
  EXPECT_TRUE(written);
  auto reading = stream->read_exactly(back, Deadline::in_ms(1000));
  Result<void> read = co_await reading;
  EXPECT_TRUE(read);
  EXPECT_EQ(back, "hello");

  auto send = [](Stream& to, std::string data) -> Task<void> {
    auto sending = to.write_all(std::move(data), Deadline::in_ms(5000));
    Result<void> sent = co_await sending;
    EXPECT_TRUE(sent);
  };
  spawn(send(*stream, big));
  back.assign(big.size(), ' ');
  auto reading_big = stream->read_exactly(back, Deadline::in_ms(5000));
  Result<void> read_big = co_await reading_big;
  EXPECT_TRUE(read_big) << read_big.error().text;
  EXPECT_EQ(back, big);
}

TEST(Stream, round_trips) {
  Loop loop;
  Echo server(loop);
  std::string big(8 << 20, 'x');
  for (std::size_t i = 0; i < big.size(); i += 97) big[i] = static_cast<char>(i);
  run(loop, [&](Loop& l) { return round_trips(l, server.listener->port(), big); });
}

Task<void> expect_errors(Loop& loop, std::uint16_t port) {
  auto connecting = connect_tcp(loop, "127.0.0.1", port, Deadline::in_ms(2000));
  Result<Stream> stream = co_await connecting;
  EXPECT_TRUE(stream);
  char byte[1];
  auto reading = stream->read_exactly(byte, Deadline::in_ms(10));
  Result<void> read = co_await reading;
  EXPECT_EQ(read.error().code, Errc::timed_out);

  // close() from elsewhere ends a wait, but not from inside close().
  Timer closer(loop, [&] { stream->close(); });
  closer.start(5);
  auto reading_again = stream->read_exactly(byte, Deadline::never());
  read = co_await reading_again;
  EXPECT_EQ(read.error().code, Errc::closed);
  auto after = stream->read_some(byte, Deadline::never());
  Result<std::size_t> n = co_await after;
  EXPECT_EQ(n.error().code, Errc::closed);
  auto writing = stream->write_all("x", Deadline::never());
  read = co_await writing;
  EXPECT_EQ(read.error().code, Errc::closed);

  auto refused = connect_tcp(loop, "127.0.0.1", 1, Deadline::in_ms(2000));
  Result<Stream> none = co_await refused;
  EXPECT_EQ(none.error().code, Errc::communications_connection);
  auto unknown = connect_tcp(loop, "no-such-host.invalid", 1, Deadline::in_ms(10'000));
  none = co_await unknown;
  EXPECT_EQ(none.error().code, Errc::communications_connection);
}

TEST(Stream, deadlines_and_close) {
  Loop loop;
  Echo server(loop);
  run(loop, [&](Loop& l) { return expect_errors(l, server.listener->port()); });
}

// A peer that never reads: the write must time out, and closing must free what libuv still holds.
Task<void> write_to_the_deaf(Loop& loop) {
  int pair[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  Result<Stream> stream = adopt_socket(loop, pair[0]);
  EXPECT_TRUE(stream);
  auto writing = stream->write_all(std::string(64 << 20, 'x'), Deadline::in_ms(20));
  Result<void> written = co_await writing;
  EXPECT_EQ(written.error().code, Errc::timed_out);
  ::close(pair[1]);
}

TEST(Stream, write_deadline) {
  Loop loop;
  run(loop, [](Loop& l) { return write_to_the_deaf(l); });
}

Task<void> unix_round_trip(Loop& loop, std::string path) {
  auto connecting = connect_unix(loop, path, Deadline::in_ms(2000));
  Result<Stream> stream = co_await connecting;
  EXPECT_TRUE(stream) << stream.error().text;
  if (!stream) co_return;
  EXPECT_EQ(stream->peer_credentials()->uid, getuid());
  EXPECT_EQ(stream->peer_credentials()->pid, getpid());
  auto writing = stream->write_all("abc", Deadline::in_ms(1000));
  Result<void> written = co_await writing;
  EXPECT_TRUE(written);
  char back[3];
  auto reading = stream->read_exactly(back, Deadline::in_ms(1000));
  Result<void> read = co_await reading;
  EXPECT_TRUE(read);
  EXPECT_EQ(std::string_view(back, 3), "abc");
}

TEST(Listener, unix_path_replaces_only_a_dead_socket) {
  auto directory = std::filesystem::temp_directory_path() / ("flurm-io-" + std::to_string(getpid()));
  std::filesystem::create_directories(directory);
  std::string path = directory / "sock";
  Loop loop;
  auto serve = [](Stream stream) { spawn(echo(std::move(stream))); };
  {
    auto first = Listener::unix_path(loop, path, 0600, serve);
    ASSERT_TRUE(first) << first.error().text;
    auto second = Listener::unix_path(loop, path, 0600, serve);
    EXPECT_FALSE(second);
    run(loop, [&](Loop& l) { return unix_round_trip(l, path); });
  }
  // A file as a killed process leaves it.
  int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(dead);
  ASSERT_TRUE(std::filesystem::exists(path));
  auto again = Listener::unix_path(loop, path, 0600, serve);
  EXPECT_TRUE(again) << again.error().text;
  again->reset();
  std::filesystem::remove_all(directory);
}

// Paused, a listener leaves connections to the kernel; resumed, it serves them.
TEST(Listener, pause_is_back_pressure) {
  Loop loop;
  int accepted = 0;
  std::vector<Stream> held;
  auto made = Listener::tcp(loop, "127.0.0.1", 0, [&](Stream stream) {
    ++accepted;
    held.push_back(std::move(stream));
  });
  ASSERT_TRUE(made);
  auto listener = std::move(*made);
  listener->pause();
  auto connect_three = [](Loop& l, std::uint16_t port, std::vector<Stream>& out) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      auto connecting = connect_tcp(l, "127.0.0.1", port, Deadline::in_ms(1000));
      Result<Stream> stream = co_await connecting;
      EXPECT_TRUE(stream);
      out.push_back(std::move(*stream));
    }
    auto nap = sleep(l, 5);
    co_await nap;
  };
  std::vector<Stream> clients;
  run(loop, [&](Loop& l) { return connect_three(l, listener->port(), clients); });
  EXPECT_EQ(accepted, 0);
  listener->resume();
  run(loop, [](Loop& l) { return sleep(l, 20); });
  EXPECT_EQ(accepted, 3);
}

TEST(Listener, refuses_a_taken_port) {
  Loop loop;
  auto ignore = [](Stream) {};
  auto first = Listener::tcp(loop, "", 0, ignore);
  ASSERT_TRUE(first) << first.error().text;
  auto second = Listener::tcp(loop, "", (*first)->port(), ignore);
  EXPECT_FALSE(second);
  EXPECT_FALSE(Listener::tcp(loop, "not-numeric", 0, ignore));
}

}  // namespace
}  // namespace flurm::io
