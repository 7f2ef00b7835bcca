// wire/msg/gres.hpp — generic resources (GPUs and the like) of a job, a step and a prolog, per node.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/archive.hpp"
#include "wire/bits.hpp"

namespace flurm::wire {

/// Counts of the single devices of one node (shared devices), absent where there are none.
struct GresPerBit {
  std::optional<std::vector<std::uint64_t>> counts;
  bool operator==(const GresPerBit&) const = default;
};
void fields(codec::Archive& ar, GresPerBit& m);

/// One kind of resource (plugin_id is a hash of its name) of a job. The arrays over nodes have node_cnt entries.
struct GresJobState {
  std::uint32_t plugin_id = 0;
  std::uint16_t cpus_per_gres = 0, flags = 0;
  std::uint64_t gres_per_job = 0, gres_per_node = 0, gres_per_socket = 0, gres_per_task = 0;
  std::uint64_t mem_per_gres = 0;  // MiB
  std::uint16_t ntasks_per_gres = 0;
  std::uint64_t total_gres = 0;
  std::string type_name;
  std::uint32_t node_cnt = 0;
  std::optional<std::vector<std::uint64_t>> gres_cnt_node_alloc;
  std::optional<std::vector<Bits>> gres_bit_alloc;
  std::vector<GresPerBit> gres_per_bit_alloc;
  std::optional<std::vector<Bits>> gres_bit_step_alloc;
  std::optional<std::vector<std::uint64_t>> gres_cnt_step_alloc;
  std::vector<GresPerBit> gres_per_bit_step_alloc;
  bool operator==(const GresJobState&) const = default;
};
void fields(codec::Archive& ar, GresJobState& m);

/// The same of a step.
struct GresStepState {
  std::uint32_t plugin_id = 0;
  std::uint16_t cpus_per_gres = 0, flags = 0;
  std::uint64_t gres_per_step = 0, gres_per_node = 0, gres_per_socket = 0, gres_per_task = 0;
  std::uint64_t mem_per_gres = 0;  // MiB
  std::uint64_t total_gres = 0;
  std::string type_name;
  std::uint32_t node_cnt = 0;
  Bits node_in_use;
  std::optional<std::vector<std::uint64_t>> gres_cnt_node_alloc;
  std::optional<std::vector<Bits>> gres_bit_alloc;
  std::vector<GresPerBit> gres_per_bit_alloc;
  bool operator==(const GresStepState&) const = default;
};
void fields(codec::Archive& ar, GresStepState& m);

/// What the prolog and epilog are told.
struct GresPrep {
  std::uint32_t plugin_id = 0, node_cnt = 0;
  std::optional<std::vector<std::uint64_t>> gres_cnt_node_alloc;
  std::optional<std::vector<Bits>> gres_bit_alloc;
  bool operator==(const GresPrep&) const = default;
};
void fields(codec::Archive& ar, GresPrep& m);

/// One record of what a node has: devices that are alike, or one device of a shared kind.
struct GresNodeRecord {
  std::uint64_t count = 0;
  std::uint32_t cpu_cnt = 0, config_flags = 0, plugin_id = 0;
  std::string cpus, links, name, type_name, unique_id;
  bool operator==(const GresNodeRecord&) const = default;
};
void fields(codec::Archive& ar, GresNodeRecord& m);

/// NodeRegistrationStatus::gres_info.
struct GresNodeReport {
  std::vector<GresNodeRecord> records;
  bool operator==(const GresNodeReport&) const = default;
};
void fields(codec::Archive& ar, GresNodeReport& m);

/// A name's plugin_id: the sum of its bytes, shifted left by 0, 8, 16, 24 bits in turn.
std::uint32_t gres_plugin_id(std::string_view name);

}  // namespace flurm::wire
