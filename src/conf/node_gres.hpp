// conf/node_gres.hpp — what generic resources one node has: gres.conf as far as the node's Gres of slurm.conf allows
// it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "conf/diagnostic.hpp"
#include "conf/other_conf.hpp"

namespace flurm::conf {

/// Bits of NodeGres::flags (slurm 22.05 src/common/gres.h GRES_CONF_*).
namespace gres_flag {
inline constexpr std::uint32_t several_files = 1 << 0, has_file = 1 << 1, has_type = 1 << 2, count_only = 1 << 3,
                               env_nvml = 1 << 5, env_rsmi = 1 << 6, env_opencl = 1 << 7, env_default = 1 << 8,
                               shared = 1 << 9, one_sharing = 1 << 10, env_oneapi = 1 << 11,
                               env_all = env_nvml | env_rsmi | env_opencl | env_oneapi;
}

/// One record: devices of one kind that are alike.
struct NodeGres {
  std::string name, type;
  std::uint64_t count = 0;  ///< devices, or what one device of a shared kind is divided into; 0: the node has none
  std::uint32_t flags = 0;
  std::string cores;  ///< abstract core numbers; empty: all
  std::string links;
  std::vector<std::string> files;  ///< one for each device, but for several_files
  std::string unique_id;           ///< what programs call the device, where a number is not enough (MIG)
  bool operator==(const NodeGres&) const = default;
};

/// One count of a node's Gres: "gpu:tesla:2".
struct GresCount {
  std::string name, type;
  std::uint64_t count = 0;
  bool operator==(const GresCount&) const = default;
};

/// A count with an optional K, M, G, T or P, powers of 1024. Errors: einval.
Result<std::uint64_t> parse_gres_count(std::string_view text);

/// A node's Gres= as text. What is out of form is left out, as Slurm does. A part in parentheses is ignored.
std::vector<GresCount> parse_node_gres(std::string_view text);

/// The records of `node`, whose Gres= is `configured`, for each of the kinds in `gres_types` (GresTypes): in the order
/// in which their devices are numbered. Shared kinds (mps, shard) get a record before that of each gpu. What the two
/// files do not agree on goes to `out`, as warnings. `found`: the GPUs that AutoDetect found; null: nobody looked.
/// Source: slurm 22.05 src/common/gres.c gres_g_node_config_load(), plugins/gres/common/gres_c_s.c
/// gres_c_s_init_share_devices().
std::vector<NodeGres> node_gres(const GresConf& conf, std::string_view gres_types, std::string_view node,
                                std::string_view configured, const std::string& file, std::vector<Diagnostic>& out,
                                const std::vector<NodeGres>* found = nullptr);

}  // namespace flurm::conf
