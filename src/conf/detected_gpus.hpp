// conf/detected_gpus.hpp — AutoDetect: the GPUs that were found on a node, laid over those that its files name.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "conf/diagnostic.hpp"
#include "conf/node_gres.hpp"

namespace flurm::conf {

/// How GPUs of `node` are looked for: "nvml", "off", …; empty: nothing is said.
std::string autodetect_of(const GresConf& conf, std::string_view node);

/// A configured GPU takes what was found with its File, else any whose type holds the configured type: cores, links and
/// file are then those that were found. One whose Cores or Links say otherwise is left out, as is one without a File
/// that nothing found belongs to, and what has a count of 0. What was found and is not configured is not used. `records` hold other kinds, too.
/// Source: slurm 22.05 plugins/gres/gpu/gres_gpu.c _merge_system_gres_conf().
std::vector<NodeGres> with_detected_gpus(std::vector<NodeGres> records, std::vector<NodeGres> found,
                                         const Report& report);

}  // namespace flurm::conf
