// state/format.cpp — which formats this build knows. The only file that says so.
#include "state/format.hpp"

#ifndef FLURM_STATE_FORMAT
#define FLURM_STATE_FORMAT 7
#endif

namespace flurm::state {

const std::uint16_t kFormat = FLURM_STATE_FORMAT;

std::span<const Feature> features() {
  static constexpr Feature kFeatures[] = {{3, "drain"},           {4, "reservations"},
                                          {4, "salloc and srun"}, {4, "heterogeneous jobs"},
                                          {4, "triggers"},        {5, "accounting"},
                                          {6, "preemption"},
                                          {6, "remote licenses"},
                                          {7, "missing steps"},   {7, "which scheduler started a job"},
                                          {7, "resizing of running jobs"}};
  return kFeatures;
}

}  // namespace flurm::state
