// io/random.cpp — see random.hpp.
#include "io/random.hpp"

#include <sys/random.h>

#include <cerrno>

#include "base/result.hpp"

namespace flurm::io {

std::string random_bytes(std::size_t count) {
  FLURM_CHECK(count <= 256, "the kernel gives at most 256 at once");
  std::string out(count, '\0');
  ssize_t n;
  do {
    n = getrandom(out.data(), count, 0);
  } while (n < 0 && errno == EINTR);
  FLURM_CHECK(n == static_cast<ssize_t>(count), "no random bytes from the kernel");
  return out;
}

}  // namespace flurm::io
