// ctld/user_record.cpp — see user_record.hpp.
#include "ctld/user_record.hpp"

namespace flurm::ctld {

UserRecord user_record(auth::Users& users, const model::Job& job) {
  UserRecord record;
  record.name = job.request->user_name;
  const auto user = users.by_uid(job.request->user_id);
  if (!user) return record;
  record = {.name = user->name, .gecos = user->gecos, .home = user->home, .shell = user->shell, .gids = {}};
  if (const auto gids = users.groups_of(*user)) record.gids.assign(gids->begin(), gids->end());
  return record;
}

}  // namespace flurm::ctld
