// exec/as_user.cpp — see as_user.hpp.
#include "exec/as_user.hpp"

#include <grp.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace flurm::exec {
namespace {

/// The system call: the C library's would change the groups of all threads.
bool set_thread_groups(const std::vector<gid_t>& groups) {
  return syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

constexpr uid_t kNoChange = static_cast<uid_t>(-1);

}  // namespace

AsUser::AsUser(const Identity& user) {
  if (geteuid() != 0) {
    ready_ = user.uid == geteuid();
    return;
  }
  groups_.resize(static_cast<std::size_t>(getgroups(0, nullptr)));
  if (getgroups(static_cast<int>(groups_.size()), groups_.data()) < 0) return;
  if (!set_thread_groups(std::vector<gid_t>(user.gids.begin(), user.gids.end()))) return;
  changed_ = true;
  setfsgid(user.gid);
  setfsuid(user.uid);  // takes away root's power over files as well
  // Neither call says whether it worked; asked for no change, they tell what is.
  ready_ = static_cast<gid_t>(setfsgid(kNoChange)) == user.gid && static_cast<uid_t>(setfsuid(kNoChange)) == user.uid;
}

AsUser::~AsUser() {
  if (!changed_) return;
  setfsuid(0);
  setfsgid(getegid());
  (void)set_thread_groups(groups_);
}

}  // namespace flurm::exec
