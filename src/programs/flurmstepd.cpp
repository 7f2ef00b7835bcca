// programs/flurmstepd.cpp — the supervisor of one job step. Started by flurmnd with a socket as standard input, over
// which the launch request comes; it then stays until flurmnd says that the controller knows of the step's end.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "stepd/supervisor.hpp"

int main() {
  using namespace flurm;
  exec::Fd daemon(fcntl(0, F_DUPFD_CLOEXEC, 3));
  exec::Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!daemon || !null || dup2(null.get(), 0) < 0) return 1;
  if (!stepd::die_with_daemon(daemon.get())) return 1;
  auto launch = stepd::read_launch(daemon.get());
  if (!launch) {
    std::fprintf(stderr, "flurmstepd: %s\n", launch.error().text.c_str());
    return 1;
  }
  return stepd::Supervisor(std::move(*launch), std::move(daemon)).run();
}
