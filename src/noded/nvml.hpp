// noded/nvml.hpp — the GPUs of this machine, as NVIDIA's driver tells them.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "conf/node_gres.hpp"

namespace flurm::noded {

/// Of a set of the system's CPUs (by number) the cores as Slurm counts them, "0-3,8"; empty: all, or none known.
using CoresOf = std::function<std::string(const std::vector<bool>& system_cpus)>;

/// One record for each GPU, or for each of the instances that it is divided into (MIG), in the driver's order. The
/// driver's library is opened for this alone, and closed again: nothing of it is needed where nobody asks.
/// Errors: io (no such library, or it refuses).
Result<std::vector<conf::NodeGres>> find_nvidia_gpus(const CoresOf& cores_of);

}  // namespace flurm::noded
