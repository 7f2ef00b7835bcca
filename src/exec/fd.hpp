// exec/fd.hpp — ownership of a file descriptor, and whole-file helpers.
#pragma once
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace flurm::exec {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

/// The whole file, refused above `size_max` bytes. Errors: io, corrupt (too large).
Result<std::string> read_file(const std::string& path, std::size_t size_max);
/// The first bytes of a small kernel file (/proc, /sys); empty where it cannot be read.
std::string read_small_file(const std::string& path);
/// Replaces `path` through a temporary file beside it and a rename; not synced. Errors: io.
Result<void> replace_file(const std::string& path, std::string_view bytes, unsigned mode);
/// Writes to an existing kernel file in one call. Errors: io.
Result<void> write_kernel_file(const std::string& path, std::string_view bytes);
/// Writes all of `bytes`; false when the other side is gone or the disk is full.
bool write_all(int fd, std::string_view bytes);

}  // namespace flurm::exec
