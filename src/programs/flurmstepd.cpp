// programs/flurmstepd.cpp — the supervisor of one job step. Started by flurmnd with a socket as standard input, over
// which the launch request comes; it then stays until flurmnd says that the controller knows of the step's end.
#include "stepd/supervisor.hpp"

int main() { return flurm::stepd::run_supervisor(nullptr); }
