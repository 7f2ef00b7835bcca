// model/gres.hpp — generic resources: what a node has of them, what of it is held, and how they are written.
//
// A kind ("gpu") of a node is a pool. Where the node named device files for it, the pool's devices have numbers, from 0
// on, and are told apart in masks, bit 0 of the first word being device 0. A shared kind (mps, shard) divides the
// devices of gpu: its pool has as many devices, each with so many shares, and what is held of it lies on one device.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace flurm::codec {
class Archive;
}

namespace flurm::model {

/// Bits of GresRecord::flags that matter here (slurm 22.05 src/common/gres.h GRES_CONF_*).
namespace gres_flag {
inline constexpr std::uint32_t has_file = 1 << 1, one_sharing = 1 << 10;
}

/// What a node's daemon reports: one record for devices that are alike, in the order of their numbers.
struct GresRecord {
  std::string name, type;
  std::uint64_t count = 0;  // of devices, or for a shared kind of shares on its one device
  std::uint32_t flags = 0;
  std::string cores, links;  // "0-3,8": near which cores; "-1,4": links to each device. Empty: not told
  bool operator==(const GresRecord&) const = default;
};
void fields(codec::Archive& ar, GresRecord& record);

/// What one node gives to a job or a step of one kind and type.
struct GresShare {
  std::string name, type;
  std::uint64_t count = 0;
  std::uint32_t device_count = 0;      // that the node has; 0: they are not told apart
  std::vector<std::uint64_t> devices;  // mask of those that are given
  bool operator==(const GresShare&) const = default;
};
void fields(codec::Archive& ar, GresShare& share);

/// Devices of a pool that are alike.
struct GresGroup {
  std::string type;
  std::uint32_t first = 0, devices = 0;
  std::uint64_t count = 0;           // devices, or shares of the one device
  std::vector<std::uint64_t> cores;  // mask of the cores near them; empty: all
};

struct GresType {
  std::string name;
  std::uint64_t count = 0;
};

struct GresPool {
  std::string name;
  bool shared = false, one_sharing = false;
  std::uint64_t count = 0;              // to be given out
  std::uint32_t devices = 0;            // that are told apart
  bool told_apart = false;              // by type or by cores, too: the numbers of those in use are shown
  std::vector<GresGroup> groups;        // of devices
  std::vector<GresType> types;          // as slurm.conf names them; empty: it names none
  std::vector<std::vector<int>> links;  // between any two devices; empty: not told

  bool has_type(std::string_view type) const;
};

/// mps and shard divide the devices of gpu.
bool is_shared_gres(std::string_view name);

/// One count of a comma list like "gpu:tesla:2,mps:100".
struct GresCount {
  std::string name, type;
  std::uint64_t count = 0;
};

/// A node's Gres= as text; what is out of form is left out, and what is in parentheses ignored.
std::vector<GresCount> parse_node_gres(std::string_view text);

/// A job's wish as clients send it: "gres:gpu:tesla:2,gres:mps:100". Parts that are about other resources and counts of
/// 0 are left out. `kinds`: GresTypes. Errors: invalid_gres (out of form, or no such kind).
Result<std::vector<GresCount>> parse_gres_wish(std::string_view text, std::string_view kinds);

/// The pools of a node, one for each of `kinds` in order. `configured`: its Gres=; `reported`: what its daemon did,
/// empty while unknown; `cores`: how many it has.
std::vector<GresPool> gres_pools(std::string_view kinds, std::string_view configured,
                                 std::span<const GresRecord> reported, std::uint32_t cores);

/// What the daemon reported less of than is configured, in Slurm's words; empty when nothing is missing.
/// Source: slurm 22.05 src/common/gres.c _node_config_validate().
std::string gres_shortfall(std::string_view kinds, std::string_view configured, std::span<const GresRecord> reported);

/// What is held of a pool.
struct GresUse {
  std::uint64_t count = 0;
  std::vector<std::uint64_t> on_device;  // of each: 1, or for a shared kind its shares
  std::vector<std::uint64_t> of_type;    // like GresPool::types
};
/// No more is held than there is, in all and of each device.
bool within(const GresUse& use, const GresPool& pool);
/// Adds `share`, which is of the pool's kind.
void add_gres_use(GresUse& use, const GresPool& pool, const GresShare& share);

/// "gpu:tesla:4(S:0-1)" for scontrol show node.
std::string gres_text(std::span<const GresPool> pools, std::uint32_t sockets, std::uint32_t cores_per_socket);
/// "gpu:tesla:1(IDX:0)", of the pool's use.
std::string gres_used_text(const GresPool& pool, const GresUse& use);
/// "gpu:tesla:2(IDX:0-1)" or "craynetwork(CNT:2)".
std::string gres_share_text(const GresShare& share);

// Masks of devices.
inline bool has_device(std::span<const std::uint64_t> mask, std::uint32_t device) {
  return device / 64 < mask.size() && (mask[device / 64] >> (device % 64) & 1);
}
void set_device(std::vector<std::uint64_t>& mask, std::uint32_t device);
std::uint32_t device_count(std::span<const std::uint64_t> mask);
/// "0-1,3"; "" for none.
std::string device_list(std::span<const std::uint64_t> mask);

}  // namespace flurm::model
