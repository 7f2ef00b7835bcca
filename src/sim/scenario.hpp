// sim/scenario.hpp — one history: a cluster, its users, and what befalls them, all from a seed.
#pragma once
#include <cstdint>
#include <string>

namespace flurm::sim {

struct Outcome {
  std::string broken;  ///< what must not be; empty: all is well
  std::uint64_t fingerprint = 0, events = 0;
  std::uint64_t jobs = 0, reads = 0, elections = 0, faults = 0;
  double virtual_s = 0;
};

/// trace: what happens is printed as it happens. Once per (real) process.
Outcome run_scenario(std::uint64_t seed, bool trace);

}  // namespace flurm::sim
