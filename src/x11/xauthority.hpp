// x11/xauthority.hpp — the file with the keys to displays (Xauthority(5)), and our key in it.
#pragma once
#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace flurm::x11 {

class Xauthority {
 public:
  /// directory: where the job gets a file of its own; empty: ~/.Xauthority of the user who we are.
  /// Errors: io.
  static Result<Xauthority> open(const std::string& directory);
  Xauthority(Xauthority&& other) noexcept;
  Xauthority& operator=(Xauthority&&) = delete;
  /// Takes the key out again; removes the file that is the job's own.
  ~Xauthority();

  /// Has xauth(1) put in the key to the display of this machine. cookie: hexadecimal digits. Errors: io, einval.
  Result<void> add(std::uint16_t display, const std::string& cookie);
  const std::string& path() const { return path_; }

 private:
  Xauthority(std::string path, bool own) : path_(std::move(path)), own_(own) {}

  std::string path_;
  bool own_;
  std::string display_;  ///< "host/unix:20"; empty: no key added
};

}  // namespace flurm::x11
