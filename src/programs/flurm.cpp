// programs/flurm.cpp — the administrator's tool.
#include "cli/cli.hpp"

int main(int argc, char** argv) { return flurm::cli::run(argc, argv); }
