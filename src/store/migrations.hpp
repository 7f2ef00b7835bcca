// store/migrations.hpp — bringing a database to this program's schema.
#pragma once
#include "store/session.hpp"

namespace flurm::store {

/// Makes what is missing, one transaction per version. Refuses a schema newer than it knows.
void migrate(Session& session);

}  // namespace flurm::store
