// cluster/test_world.hpp — for this room's tests: free ports, members on one loop, and waiting on it.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/link.hpp"
#include "io/run_task.hpp"
#include "io/timer.hpp"

namespace flurm::cluster {

/// Below the kernel's range for outgoing connections, and that of `flurm local`; never one twice in a process.
inline std::uint16_t free_port() {
  constexpr std::uint16_t kFirst = 10'000, kCount = 2'000;
  static auto next = static_cast<unsigned>(getpid()) * 64;  // tests of other processes begin elsewhere
  for (;;) {
    const auto port = static_cast<std::uint16_t>(kFirst + next++ % kCount);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const bool free = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    if (free) return port;
  }
}

/// Runs the loop until `condition` holds; false when it does not within `patience_ms`.
template <class Condition>
bool wait_for(io::Loop& loop, Condition condition, std::uint64_t patience_ms = 10'000) {
  const auto deadline = io::Deadline::in_ms(patience_ms);
  while (!condition() && deadline.left_ms() > 0) io::run_task(loop, [&] { return io::sleep(loop, 2); });
  return condition();
}

template <class T, class Out>
io::Task<void> keep(io::Task<T> task, Out& out) {
  out = co_await task;
}

/// The value of a task that is run to its end.
template <class T>
T result_of(io::Loop& loop, io::Task<T> task) {
  std::optional<T> out;
  io::run_task(loop, [&] { return keep(std::move(task), out); });
  return std::move(*out);
}

inline std::vector<Member> local_members(std::size_t count) {
  std::vector<Member> out;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = "ctl" + std::to_string(i + 1);
    out.push_back({member_id(name), name, "127.0.0.1", free_port()});
  }
  return out;
}

inline LinkOptions link_options(const std::vector<Member>& members, std::size_t self) {
  return {.cluster_name = "test",
          .self = members[self].id,
          .members = members,
          .secret = "a secret of some length",
          .version = "1." + std::to_string(self),
          .listen_host = "127.0.0.1"};
}

}  // namespace flurm::cluster
