// ctld/user_record.hpp — a job's user as the nodes need to know it.
#pragma once
#include "auth/users.hpp"
#include "ctld/translate/cred.hpp"

namespace flurm::ctld {

/// Asks the name service, which may block: on a worker. A user it does not know keeps the name from the submission.
UserRecord user_record(auth::Users& users, const model::Job& job);

}  // namespace flurm::ctld
