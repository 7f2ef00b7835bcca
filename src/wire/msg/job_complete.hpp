// wire/msg/job_complete.hpp — reports of what ended: batch script, step, prolog.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "codec/archive.hpp"
#include "wire/msg/jobacct.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// REQUEST_COMPLETE_BATCH_SCRIPT.
struct CompleteBatchScript {
  std::optional<JobAcctInfo> jobacct;
  StepId step_id;
  std::uint32_t job_rc = 0;    // wait status
  std::uint32_t slurm_rc = 0;  // error number
  std::uint32_t user_id = 0;
  std::string node_name;
  bool operator==(const CompleteBatchScript&) const = default;
};
void fields(codec::Archive& ar, CompleteBatchScript& m);

/// REQUEST_STEP_COMPLETE, for the nodes of ranks range_first to range_last.
struct StepComplete {
  StepId step_id;
  std::uint32_t range_first = 0, range_last = 0;
  std::uint32_t step_rc = 0;  // wait status
  std::optional<JobAcctInfo> jobacct;
  bool send_to_stepmgr = false;
  bool operator==(const StepComplete&) const = default;
};
void fields(codec::Archive& ar, StepComplete& m);

/// REQUEST_COMPLETE_PROLOG.
struct CompleteProlog {
  StepId step_id;
  std::string node_name;
  std::uint32_t prolog_rc = 0;
  bool operator==(const CompleteProlog&) const = default;
};
void fields(codec::Archive& ar, CompleteProlog& m);

}  // namespace flurm::wire
