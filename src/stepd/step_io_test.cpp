// stepd/step_io_test.cpp — streams between pipes, which stand for tasks, and sockets, which stand for srun.
#include "stepd/step_io.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace flurm::stepd {
namespace {

using namespace std::string_literals;
using exec::Fd;

constexpr std::size_t kInitBytes = 4 + 2 + 4 + 4 + 4 + 4 + 4;  // with the key "key"

std::pair<Fd, Fd> make_pipe() {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

class StepIoTest : public testing::Test {
 protected:
  Fd add_output(IoType type, std::uint32_t task) {
    auto [read, write] = make_pipe();
    io_.add_output(type, task, task, std::move(read), -1);
    return std::move(write);
  }
  Fd add_client(bool late = false) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    io_.add_client(Fd(ends[0]), 0x2600, 0, "key", late);
    return Fd(ends[1]);
  }
  /// Lets it work until nothing happens any more.
  void pump() {
    for (int quiet = 0; quiet < 2;) {
      std::vector<pollfd> waits;
      io_.add_waits(waits);
      quiet = poll(waits.data(), waits.size(), 5) == 0 ? quiet + 1 : 0;
      io_.handle(waits);
    }
  }
  static std::string take(const Fd& fd) {
    std::string all;
    char buffer[65536];
    for (ssize_t n; (n = read(fd.get(), buffer, sizeof buffer)) > 0;) all.append(buffer, static_cast<std::size_t>(n));
    return all;
  }
  /// Bytes of output in what a client got, without headers; `ends` counts the ends of streams.
  static std::string payload(std::string_view got, int& ends) {
    std::string text;
    while (got.size() >= kIoHeaderBytes) {
      const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(got[i])); };
      const std::size_t length = byte(8) << 8 | byte(9);
      if (length == 0) ++ends;
      text += got.substr(kIoHeaderBytes, length);
      got.remove_prefix(kIoHeaderBytes + length);
    }
    return text;
  }
  bool drained() {
    bool again = false;
    return io_.drained(again);
  }

  StepIo io_{true};
};

TEST_F(StepIoTest, output_and_its_end) {
  Fd out = add_output(IoType::stdout_data, 0), err = add_output(IoType::stderr_data, 0);
  Fd client = add_client();
  ASSERT_TRUE(exec::write_all(out.get(), "one\ntwo"));
  pump();
  const std::string first = take(client);
  EXPECT_EQ(first.substr(kInitBytes), "\0\1\0\0\0\0\0\0\0\4one\n"s);
  EXPECT_TRUE(io_.write_line("slurmstepd: said"));
  out.reset();
  err.reset();
  pump();
  int ends = 0;
  EXPECT_EQ(payload(take(client), ends), "slurmstepd: said\ntwo");
  EXPECT_EQ(ends, 1) << "a line of ours may follow the last of the task";
  EXPECT_TRUE(io_.write_line("slurmstepd: last"));
  io_.end_lines();
  pump();
  EXPECT_FALSE(drained()) << "the client has not read it";
  EXPECT_EQ(payload(take(client), ends), "slurmstepd: last\n");
  EXPECT_EQ(ends, 2);
  EXPECT_TRUE(drained());
}

TEST_F(StepIoTest, a_client_that_does_not_read_stops_the_task) {
  Fd out = add_output(IoType::stdout_data, 0);
  Fd client = add_client();
  const std::string line = std::string(1000, 'x') + "\n";
  std::size_t written = 0;
  for (std::size_t before = 1; written != before && written < 64u << 20;) {
    before = written;
    for (ssize_t n; (n = write(out.get(), line.data(), line.size())) > 0;) written += static_cast<std::size_t>(n);
    pump();
  }
  EXPECT_LT(written, 4u << 20) << "it is bounded";
  std::string got;
  for (std::size_t before = 1; got.size() != before;) {
    before = got.size();
    got += take(client);
    pump();
  }
  out.reset();
  pump();
  got += take(client);
  int ends = 0;
  EXPECT_EQ(payload(std::string_view(got).substr(kInitBytes), ends).size(), written) << "and nothing is lost";
  EXPECT_EQ(ends, 1);
}

TEST_F(StepIoTest, who_comes_late_gets_the_last_of_it) {
  Fd out = add_output(IoType::stdout_data, 0);
  ASSERT_TRUE(exec::write_all(out.get(), "early\n"));
  pump();
  Fd client = add_client(true);
  ASSERT_TRUE(exec::write_all(out.get(), "late\n"));
  pump();
  int ends = 0;
  EXPECT_EQ(payload(take(client).substr(kInitBytes), ends), "early\nlate\n");
}

TEST_F(StepIoTest, a_client_that_is_gone_holds_nobody_up) {
  Fd out = add_output(IoType::stdout_data, 0);
  Fd gone = add_client(), stays = add_client();
  gone.reset();
  ASSERT_TRUE(exec::write_all(out.get(), "text\n"));
  out.reset();
  pump();
  int ends = 0;
  EXPECT_EQ(payload(take(stays).substr(kInitBytes), ends), "text\n");
  EXPECT_TRUE(drained());
}

TEST_F(StepIoTest, input_for_one_and_for_all) {
  auto [first_in, first] = make_pipe();
  auto [second_in, second] = make_pipe();
  io_.add_input(4, std::move(first));
  io_.add_input(9, std::move(second));
  Fd client = add_client();
  std::string frames;
  append_io_frame(frames, IoType::stdin_one, 9, 1, "nine ");
  append_io_frame(frames, IoType::stdin_all, 0, 0, "all");
  append_io_frame(frames, IoType::stdin_one, 77, 0, "nobody");
  append_io_frame(frames, IoType::stdin_one, 4, 0, "");
  append_io_frame(frames, IoType::connection_test, 0, 0, "");
  ASSERT_TRUE(exec::write_all(client.get(), frames));
  pump();
  char buffer[64];
  EXPECT_EQ(read(first_in.get(), buffer, sizeof buffer), 3);
  EXPECT_EQ(read(first_in.get(), buffer, sizeof buffer), 0) << "its end";
  EXPECT_EQ(read(second_in.get(), buffer, sizeof buffer), 8);
  EXPECT_EQ(read(second_in.get(), buffer, sizeof buffer), -1) << "it goes on";
  EXPECT_EQ(take(client).substr(kInitBytes), "\0\4\0\0\0\0\0\0\0\0"s);
}

TEST_F(StepIoTest, labelled_lines_go_into_a_file) {
  char name[] = "/tmp/flurm_io_XXXXXX";
  Fd file(mkstemp(name));
  const std::size_t number = io_.add_file(std::move(file), 2, 10);
  auto [read, write] = make_pipe();
  io_.add_output(IoType::stdout_data, 7, 0, std::move(read), static_cast<int>(number));
  ASSERT_TRUE(exec::write_all(write.get(), "one\ntw"));
  pump();
  EXPECT_EQ(exec::read_file(name, 100).value_or("?"), "17: one\n");
  ASSERT_TRUE(exec::write_all(write.get(), "o"));
  write.reset();
  pump();
  EXPECT_EQ(exec::read_file(name, 100).value_or("?"), "17: one\n17: two\n");
  unlink(name);
}

}  // namespace
}  // namespace flurm::stepd
