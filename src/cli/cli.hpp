// cli/cli.hpp — the command line of `flurm`.
#pragma once

namespace flurm::cli {

/// Runs the command; the result is the exit status: 0 done, 1 failed, 2 wrong usage, 3 (status) not everything runs.
int run(int argc, char** argv);

}  // namespace flurm::cli
