// io/successor.cpp — see successor.hpp.
#include "io/successor.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <set>

#include "base/log.hpp"
#include "fmt/format.h"

namespace flurm::io {
namespace {

constexpr const char* kVariable = "FLURM_LISTENING";

struct Sockets {
  std::vector<int> inherited;
  std::set<int> listening;
  std::vector<int> kept;  // duplicates
  bool keeps = false, took_over = false;
};

Sockets& sockets() {
  static Sockets all;
  return all;
}

bool listens(int fd) {
  int yes = 0;
  socklen_t size = sizeof yes;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes;
}

bool same_address(const sockaddr_storage& a, const sockaddr_storage& b) {
  if (a.ss_family != b.ss_family) return false;
  if (a.ss_family == AF_INET) {
    const auto &x = reinterpret_cast<const sockaddr_in&>(a), &y = reinterpret_cast<const sockaddr_in&>(b);
    return x.sin_port == y.sin_port && x.sin_addr.s_addr == y.sin_addr.s_addr;
  }
  const auto &x = reinterpret_cast<const sockaddr_in6&>(a), &y = reinterpret_cast<const sockaddr_in6&>(b);
  return x.sin6_port == y.sin6_port && std::memcmp(&x.sin6_addr, &y.sin6_addr, sizeof x.sin6_addr) == 0;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace

void take_inherited() {
  const char* value = std::getenv(kVariable);
  if (!value) return;
  const std::string list = value;
  unsetenv(kVariable);
  sockets().took_over = true;
  for (const char* at = list.data(); at < list.data() + list.size(); ++at) {
    int fd = -1;
    at = std::from_chars(at, list.data() + list.size(), fd).ptr;
    if (fd < 3 || !listens(fd)) continue;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    sockets().inherited.push_back(fd);
  }
}

bool has_inherited() { return sockets().took_over; }

void close_inherited() {
  for (const int fd : sockets().inherited) close(fd);
  sockets().inherited.clear();
}

int inherited_listener(const sockaddr_storage& address) {
  std::vector<int>& all = sockets().inherited;
  const auto found = std::ranges::find_if(all, [&](int fd) {
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    return getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0 && same_address(own, address);
  });
  if (found == all.end()) return -1;
  const int fd = *found;
  all.erase(found);
  return fd;
}

void note_listening(int fd) { sockets().listening.insert(fd); }
void forget_listening(int fd) { sockets().listening.erase(fd); }

void keep_listening() {
  Sockets& all = sockets();
  all.keeps = true;
  for (const int fd : all.listening)
    if (const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3); copy >= 0) all.kept.push_back(copy);
}

bool keeps_listening() { return sockets().keeps; }

Error run_successor(const Successor& successor) {
  std::string list;
  for (const int fd : sockets().kept) list += (list.empty() ? "" : ",") + std::to_string(fd);
  std::vector<std::string> environment;
  for (char** each = environ; *each; ++each) {
    const std::string_view name(*each, static_cast<std::size_t>(std::strchr(*each, '=') ? std::strchr(*each, '=') - *each : 0));
    const auto replaces = [&](const auto& variable) { return variable.first == name; };
    if (std::ranges::none_of(successor.environment, replaces)) environment.emplace_back(*each);
  }
  for (const auto& [name, value] : successor.environment) environment.push_back(name + "=" + value);
  environment.push_back(fmt::format("{}={}", kVariable, list));
  // Libraries open files without close-on-exec.
  close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  for (const int fd : sockets().kept) fcntl(fd, F_SETFD, 0);
  execve(successor.program.c_str(), pointers_to(successor.argv).data(), pointers_to(environment).data());
  const int error = errno;
  for (const int fd : sockets().kept) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return {Errc::io, fmt::format("cannot run {}: {}", successor.program, std::strerror(error))};
}

}  // namespace flurm::io
