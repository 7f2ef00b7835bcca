// flurmx11 — the display of one job's user on one node; flurmstepd starts it, as the user, for jobs with --x11.
#include <signal.h>
#include <unistd.h>

#include "x11/forwarder.hpp"

int main() {
  signal(SIGPIPE, SIG_IGN);
  _exit(flurm::x11::Forwarder(0).run());  // with no regard to clients' threads
}
