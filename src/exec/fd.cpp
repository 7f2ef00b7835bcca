// exec/fd.cpp — see fd.hpp.
#include "exec/fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace flurm::exec {

void Fd::reset() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

Result<std::string> read_file(const std::string& path, std::size_t size_max) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  std::string bytes;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t n = read(file.get(), buffer, sizeof buffer);
    if (n == 0) return bytes;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Errc::io, "{}: {}", path, std::strerror(errno));
    if (bytes.size() + static_cast<std::size_t>(n) > size_max) {
      return fail(Errc::corrupt, "{}: larger than {} bytes", path, size_max);
    }
    bytes.append(buffer, static_cast<std::size_t>(n));
  }
}

std::string read_small_file(const std::string& path) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[4096];
  const ssize_t n = file ? read(file.get(), buffer, sizeof buffer) : -1;
  return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

Result<void> replace_file(const std::string& path, std::string_view bytes, unsigned mode) {
  const std::string temporary = path + ".new";
  Fd file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file || !write_all(file.get(), bytes)) return fail(Errc::io, "{}: {}", temporary, std::strerror(errno));
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return fail(Errc::io, "rename {}: {}", temporary, std::strerror(errno));
  }
  return {};
}

Result<void> write_kernel_file(const std::string& path, std::string_view bytes) {
  Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  }
  return {};
}

}  // namespace flurm::exec
