// io/detach.cpp — see detach.hpp.
#include "io/detach.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace flurm::io {

Result<void> detach() {
  const pid_t child = fork();
  if (child < 0) return fail(Errc::io, "cannot fork: {}", std::strerror(errno));
  if (child > 0) _exit(0);
  setsid();
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  return {};
}

}  // namespace flurm::io
