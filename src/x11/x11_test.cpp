// x11/x11_test.cpp — the key file, and connections through a client that this test plays.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "auth/private_munged.hpp"
#include "codec/pack.hpp"
#include "rpc/frames.hpp"
#include "wire/msg/return_code.hpp"
#include "wire/msg/srun.hpp"
#include "wire/versions.hpp"
#include "x11/tunnel.hpp"
#include "x11/xauthority.hpp"

namespace flurm::x11 {
namespace {

const std::string kCookie = "0123456789abcdef0123456789abcdef";

std::string scratch_directory() {
  char name[] = "/tmp/flurm-x11-XXXXXX";
  return mkdtemp(name);
}

TEST(Xauthority, a_file_of_its_own_is_the_users_alone_and_goes_away) {
  const std::string directory = scratch_directory();
  std::string path;
  {
    auto keys = Xauthority::open(directory);
    ASSERT_TRUE(keys);
    path = keys->path();
    if (access("/usr/bin/xauth", X_OK) == 0) {
      const auto added = keys->add(20, kCookie);
      ASSERT_TRUE(added) << added.error().text;
      EXPECT_GT(std::filesystem::file_size(path), 16u);
    }
    struct stat file {};
    ASSERT_EQ(stat(path.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0600u);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  std::filesystem::remove_all(directory);
}

TEST(Xauthority, a_key_is_no_command) {
  const std::string directory = scratch_directory();
  auto keys = Xauthority::open(directory);
  ASSERT_TRUE(keys);
  for (const std::string& cookie : {std::string(), std::string("12\nsource /etc/passwd"), std::string(2000, 'a')})
    EXPECT_EQ(keys->add(20, cookie).error().code, Errc::einval);
  std::filesystem::remove_all(directory);
}

/// Plays salloc: takes one connection, reads the request, answers `rc`, then says back all it hears.
class Client {
 public:
  Client(const auth::Munge& munge, std::uint32_t rc) : munge_(munge), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(listener_.get(), 1), 0);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, rc] { serve(rc); });
  }
  ~Client() { thread_.join(); }

  std::uint16_t port() const { return port_; }
  wire::NetForward request;  ///< after open_route()

 private:
  void serve(std::uint32_t rc) {
    const exec::Fd peer(accept(listener_.get(), nullptr, nullptr));
    std::string frame = read_bytes(peer.get(), 4);
    std::uint32_t length = 0;
    for (const char byte : frame) length = length << 8 | static_cast<unsigned char>(byte);
    auto message = rpc::open_frame(read_bytes(peer.get(), length), munge_, {});
    ASSERT_TRUE(message);
    ASSERT_TRUE(message->is<wire::NetForward>());
    request = message->as<wire::NetForward>();
    const auto answer = rpc::seal_frame(wire::reply_header(message->header, wire::MsgType::RESPONSE_SLURM_RC),
                                        codec::pack(wire::ReturnCode{rc}, message->version()), munge_, std::nullopt);
    ASSERT_TRUE(answer);
    ASSERT_TRUE(exec::write_all(peer.get(), *answer + "hello"));  // what follows the answer at once is not lost
    char buffer[1000];
    for (ssize_t n; (n = read(peer.get(), buffer, sizeof buffer)) > 0;)
      if (!exec::write_all(peer.get(), {buffer, static_cast<std::size_t>(n)})) break;
  }
  static std::string read_bytes(int fd, std::size_t size) {
    std::string bytes(size, '\0');
    EXPECT_EQ(recv(fd, bytes.data(), size, MSG_WAITALL), static_cast<ssize_t>(size));
    return bytes;
  }

  const auth::Munge& munge_;
  exec::Fd listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

Route route_to(const Client& client) {
  return {.job_id = 7,
          .client_host = "127.0.0.1",
          .client_port = client.port(),
          .version = wire::v22_05,
          .target = "/tmp/.X11-unix/X5",
          .target_port = 0};
}

TEST(Tunnel, both_sides_hear_all_that_the_other_says) {
  const auth::PrivateMunged munged;
  const auth::Munge munge(munged.socket());
  Client client(munge, 0);
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  exec::Fd program(ends[0]), display(ends[1]);
  auto route = open_route(route_to(client), munge);
  ASSERT_TRUE(route) << route.error().text;
  std::thread passing([&] { pass_on(display.get(), route->get()); });
  const std::string said(300'000, 'x');
  std::thread saying([&] {
    EXPECT_TRUE(exec::write_all(program.get(), said));
    shutdown(program.get(), SHUT_WR);
  });
  std::string heard;
  char buffer[5000];
  for (ssize_t n; (n = read(program.get(), buffer, sizeof buffer)) > 0;)
    heard.append(buffer, static_cast<std::size_t>(n));
  EXPECT_EQ(heard, "hello" + said);
  saying.join();
  passing.join();
  EXPECT_EQ(client.request, (wire::NetForward{.job_id = 7, .flags = 0, .port = 0, .target = "/tmp/.X11-unix/X5"}));
}

TEST(Tunnel, a_display_that_is_not_there) {
  const auth::PrivateMunged munged;
  const auth::Munge munge(munged.socket());
  Client client(munge, 2005);
  const auto route = open_route(route_to(client), munge);
  ASSERT_FALSE(route);
  EXPECT_EQ(route.error().code, static_cast<Errc>(2005));
}

TEST(Tunnel, a_client_that_is_gone) {
  const auth::Munge munge("/nowhere");
  EXPECT_EQ(open_route({.job_id = 1,
                        .client_host = "127.0.0.1",
                        .client_port = 1,
                        .version = wire::v22_05,
                        .target = {},
                        .target_port = 0},
                       munge)
                .error()
                .code,
            Errc::communications_connection);
}

}  // namespace
}  // namespace flurm::x11
