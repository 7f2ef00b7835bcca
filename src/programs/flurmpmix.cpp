// flurmpmix — the PMIx server of one step's tasks on one node; flurmstepd starts it, as the user, for srun --mpi=pmix.
#include <signal.h>

#include "pmix/server.hpp"

int main() {
  signal(SIGPIPE, SIG_IGN);
  return flurm::pmix::Server(0).run();
}
