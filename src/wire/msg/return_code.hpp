// wire/msg/return_code.hpp — the plain answers.
#pragma once
#include <cstdint>
#include <string>

#include "codec/archive.hpp"

namespace flurm::wire {

/// RESPONSE_SLURM_RC, RESPONSE_JOB_READY (then a set of JobReadyBit).
struct ReturnCode {
  std::uint32_t return_code = 0;
  bool operator==(const ReturnCode&) const = default;
};
void fields(codec::Archive& ar, ReturnCode& m);

/// RESPONSE_SLURM_RC_MSG: a code and a text for the user.
struct ReturnCode2 {
  std::uint32_t return_code = 0;
  std::string err_msg;
  bool operator==(const ReturnCode2&) const = default;
};
void fields(codec::Archive& ar, ReturnCode2& m);

/// What RESPONSE_JOB_READY says.
enum JobReadyBit : std::uint32_t { ready_node_state = 1, ready_job_state = 2, ready_prolog_state = 4 };

}  // namespace flurm::wire
