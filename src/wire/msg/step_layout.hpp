// wire/msg/step_layout.hpp — which tasks of a step run where.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/msg/jobacct.hpp"

namespace flurm::wire {

/// tids: the global task ids on each node.
struct StepLayout {
  std::string front_end, node_list;
  std::uint32_t node_cnt = 0;
  std::uint16_t start_protocol_ver = 0;
  std::uint32_t task_cnt = 0, task_dist = 0;
  std::vector<std::vector<std::uint32_t>> tids;
  std::vector<std::uint16_t> cpt_compact_array;
  std::vector<std::uint32_t> cpt_compact_reps;
  std::string network_alias;
  bool operator==(const StepLayout&) const = default;
};
void fields(codec::Archive& ar, StepLayout& m);
/// u16 1 or 0, then the layout.
void step_layout(codec::Archive& ar, std::optional<StepLayout>& m);

/// RESPONSE_STEP_LAYOUT.
struct StepLayoutResponse {
  std::optional<StepLayout> step_layout;
  bool operator==(const StepLayoutResponse&) const = default;
};
void fields(codec::Archive& ar, StepLayoutResponse& m);

/// RESPONSE_JOB_STEP_PIDS.
struct JobStepPids {
  std::string node_name;
  std::vector<std::uint32_t> pid;
  bool operator==(const JobStepPids&) const = default;
};
void fields(codec::Archive& ar, JobStepPids& m);

/// RESPONSE_JOB_STEP_STAT: what the tasks of one node used so far.
struct JobStepStat {
  std::uint32_t return_code = 0;
  std::uint32_t num_tasks = 0;
  std::optional<JobAcctInfo> jobacct;
  JobStepPids step_pids;
  bool operator==(const JobStepStat&) const = default;
};
void fields(codec::Archive& ar, JobStepStat& m);

/// REQUEST_FORWARD_DATA: bytes for a socket of a step's supervisor, by whose name `address` is.
struct ForwardData {
  std::string address, data;
  bool operator==(const ForwardData&) const = default;
};
void fields(codec::Archive& ar, ForwardData& m);

}  // namespace flurm::wire
