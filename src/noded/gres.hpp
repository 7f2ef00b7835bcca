// noded/gres.hpp — this node's generic resources: what it registers, and the devices behind them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "conf/node_gres.hpp"
#include "wire/msg/gres.hpp"

namespace flurm::noded {

/// A device file. Several may belong to one device (MultipleFiles).
struct GresDevice {
  std::uint32_t index = 0;   ///< of the device, its bit in the controller's masks
  std::uint32_t number = 0;  ///< as variables name it: what the file's name ends with, else counted on
  std::string path;
  bool is_block = false;
  std::uint32_t major = 0, minor = 0;
  std::string unique_id;  ///< as programs call it, where that is no number
  bool operator==(const GresDevice&) const = default;
};

/// All of one kind.
struct GresKind {
  std::string name;
  std::uint32_t flags = 0;  ///< conf::gres_flag, of any of its records
  std::vector<GresDevice> devices;
  std::vector<std::uint64_t> counts;  ///< by index: 1, or the shares of a device
  std::vector<std::string> cores;     ///< by index: near which; empty: all
};

struct NodeResources {
  std::vector<conf::NodeGres> records;
  std::vector<GresKind> kinds;  ///< in the order of GresTypes
  const GresKind* find(std::uint32_t plugin_id) const;
};

/// Looks at the device files. Errors: io (one does not exist). What is there but is no device cannot be given out; it
/// is named in `out`.
Result<NodeResources> look_at_devices(std::vector<conf::NodeGres> records, std::string_view gres_types,
                                      const std::string& file, std::vector<conf::Diagnostic>& out);

/// A line for each record, as `slurmd -G` prints them. cpus: of the node.
std::string describe(const NodeResources& resources, std::uint32_t cpus);

/// As slurmd tells the controller. cpus: of the node.
std::string packed_report(const NodeResources& resources, std::uint32_t cpus, std::uint16_t protocol);

}  // namespace flurm::noded
