// auth/hosts.hpp — names of the machines that connect to us, remembered.
#pragma once
#include <map>
#include <mutex>
#include <string>

namespace flurm::auth {

/// look_up() may block on the name service: call it from worker threads. All members may be called from any thread.
class Hosts {
 public:
  /// The name of the machine behind "127.0.0.1:40112" or "[::1]:40112", without the domain; the address itself when it
  /// has no name. Remembered for the life of the object, at most kNamesMax of them.
  std::string look_up(const std::string& peer);
  /// What look_up() found before; empty when it was not asked.
  std::string cached(const std::string& peer) const;
  void clear();

  static constexpr std::size_t kNamesMax = 100'000;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> names_;  // by address
};

}  // namespace flurm::auth
