// exec/as_user.hpp — files opened with a user's rights, in a daemon that is root and has threads.
#pragma once
#include <sys/types.h>

#include <vector>

#include "exec/identity.hpp"

namespace flurm::exec {

/// While it lives, what this thread does to files is judged as the user's doing; other threads are not concerned. Only
/// for worker threads, and for short. Where we are not root, ready() says whether we are that user anyway.
class AsUser {
 public:
  explicit AsUser(const Identity& user);
  ~AsUser();
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;
  bool ready() const { return ready_; }

 private:
  bool changed_ = false, ready_ = false;
  std::vector<gid_t> groups_;  ///< before
};

}  // namespace flurm::exec
