// programs/flurmstepd.cpp — the supervisor of one job step. Started by flurmnd with a socket as standard input, over
// which the launch request comes; it then stays until flurmnd says that the controller knows of the step's end.
#include <unistd.h>

#include <cstdio>

#include "stepd/supervisor.hpp"

int main() {
  using namespace flurm;
  exec::Fd daemon(dup(0));  // the task gets a standard input of its own
  auto launch = stepd::read_launch(0);
  if (!launch) {
    std::fprintf(stderr, "flurmstepd: %s\n", launch.error().text.c_str());
    return 1;
  }
  return stepd::Supervisor(std::move(*launch), std::move(daemon)).run();
}
