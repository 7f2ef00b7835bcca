// x11/xauthority.cpp — see xauthority.hpp.
#include "x11/xauthority.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "exec/fd.hpp"
#include "exec/spawn.hpp"
#include "fmt/format.h"

namespace flurm::x11 {
namespace {

constexpr const char* kXauth = "/usr/bin/xauth";
constexpr std::size_t kCookieMax = 1024, kSaidMax = 1024;

/// Runs xauth with one command on its standard input: a key in its arguments would be for everybody to see.
Result<void> run_xauth(const std::string& file, const std::string& command) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(Errc::io, "pipe: {}", std::strerror(errno));
  exec::Fd read_end(ends[0]), write_end(ends[1]);
  if (!exec::write_all(write_end.get(), command + "\n")) return fail(Errc::io, "pipe: {}", std::strerror(errno));
  write_end.reset();
  FLURM_TRY(exec::StartedScript xauth, exec::start_script({.program = kXauth,
                                                           .argv = {"xauth", "-q", "-f", file, "source", "-"},
                                                           .env = {"PATH=/usr/bin:/bin"},
                                                           .stdin_fd = read_end.get()}));
  int status = 0;
  while (waitpid(xauth.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) return {};
  return fail(Errc::io, "{}: status {}: {}", kXauth, status, exec::script_output(xauth.output, kSaidMax));
}

}  // namespace

Result<Xauthority> Xauthority::open(const std::string& directory) {
  umask(0077);
  if (directory.empty()) {
    const passwd* const user = getpwuid(getuid());
    if (!user || !user->pw_dir || *user->pw_dir == '\0') return fail(Errc::io, "user {} has no home", getuid());
    return Xauthority(fmt::format("{}/.Xauthority", user->pw_dir), false);
  }
  std::string path = directory + "/.Xauthority-XXXXXX";
  exec::Fd file(mkostemp(path.data(), O_CLOEXEC));
  if (!file) return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  return Xauthority(std::move(path), true);
}

Xauthority::Xauthority(Xauthority&& other) noexcept
    : path_(std::exchange(other.path_, {})), own_(other.own_), display_(std::exchange(other.display_, {})) {}

Xauthority::~Xauthority() {
  if (path_.empty()) return;
  if (own_)
    unlink(path_.c_str());
  else if (!display_.empty())
    (void)run_xauth(path_, "remove " + display_);  // without us the key opens nothing
}

Result<void> Xauthority::add(std::uint16_t display, const std::string& cookie) {
  // It becomes part of a command.
  if (cookie.empty() || cookie.size() > kCookieMax ||
      cookie.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
    return fail(Errc::einval, "the key to the display is not of hexadecimal digits");
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) != 0) return fail(Errc::io, "gethostname: {}", std::strerror(errno));
  display_ = fmt::format("{}/unix:{}", host, display);
  return run_xauth(path_, fmt::format("add {} MIT-MAGIC-COOKIE-1 {}", display_, cookie));
}

}  // namespace flurm::x11
