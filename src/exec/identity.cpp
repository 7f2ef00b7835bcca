// exec/identity.cpp — see identity.hpp.
#include "exec/identity.hpp"

#include <grp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace flurm::exec {

Result<void> become(const Identity& identity) {
  if (geteuid() != 0) {
    if (geteuid() == identity.uid && getuid() == identity.uid) return {};
    return fail(Errc::eperm, "not root, cannot become uid {}", identity.uid);
  }
  const std::vector<gid_t> gids(identity.gids.begin(), identity.gids.end());
  if (setgroups(gids.size(), gids.data()) != 0) return fail(Errc::eperm, "setgroups: {}", std::strerror(errno));
  if (setresgid(identity.gid, identity.gid, identity.gid) != 0) {
    return fail(Errc::eperm, "setresgid {}: {}", identity.gid, std::strerror(errno));
  }
  if (setresuid(identity.uid, identity.uid, identity.uid) != 0) {
    return fail(Errc::eperm, "setresuid {}: {}", identity.uid, std::strerror(errno));
  }
  return {};
}

}  // namespace flurm::exec
