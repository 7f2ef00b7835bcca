// exec/identity_lookup.cpp — users and their groups from the name service.
#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <cstring>

#include "exec/identity.hpp"

namespace flurm::exec {

Result<Identity> look_up_identity(std::uint32_t uid, std::uint32_t gid) {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  int error = 0;
  while ((error = getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found)) == ERANGE) {
    if (buffer.size() >= 1024 * 1024) break;
    buffer.resize(buffer.size() * 2);
  }
  if (found == nullptr) {
    return fail(Errc::node_uid_not_found, "uid {}: {}", uid, error ? std::strerror(error) : "no such user");
  }
  Identity identity{.uid = uid, .gid = gid, .gids = {}, .name = entry.pw_name};
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  while (getgrouplist(entry.pw_name, gid, groups.data(), &count) < 0) {
    if (count <= static_cast<int>(groups.size())) count = static_cast<int>(groups.size()) * 2;
    groups.resize(static_cast<std::size_t>(count));
  }
  identity.gids.assign(groups.begin(), groups.begin() + count);
  return identity;
}

}  // namespace flurm::exec
