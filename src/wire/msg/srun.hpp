// wire/msg/srun.hpp — notices to a waiting srun or salloc.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// SRUN_TIMEOUT.
struct SrunTimeout {
  StepId step_id;
  TimeS timeout;
  bool operator==(const SrunTimeout&) const = default;
};
void fields(codec::Archive& ar, SrunTimeout& m);

/// SRUN_NODE_FAIL, SRUN_STEP_MISSING.
struct SrunNodeFail {
  StepId step_id;
  std::string nodelist;
  bool operator==(const SrunNodeFail&) const = default;
};
void fields(codec::Archive& ar, SrunNodeFail& m);

/// SRUN_USER_MSG.
struct SrunUser {
  StepId step_id;
  std::string msg;
  bool operator==(const SrunUser&) const = default;
};
void fields(codec::Archive& ar, SrunUser& m);

/// SRUN_NET_FORWARD: the connection that this came on leads, once answered, to where the message says.
struct NetForward {
  std::uint32_t job_id = 0, flags = 0;
  std::uint16_t port = 0;  // 0: target is a unix socket
  std::string target;
  bool operator==(const NetForward&) const = default;
};
void fields(codec::Archive& ar, NetForward& m);

/// RESPONSE_LAUNCH_TASKS.
struct LaunchTasksResponse {
  StepId step_id;
  std::uint32_t return_code = 0;
  std::string node_name;
  std::vector<std::uint32_t> local_pids, task_ids;
  bool operator==(const LaunchTasksResponse&) const = default;
};
void fields(codec::Archive& ar, LaunchTasksResponse& m);

/// MESSAGE_TASK_EXIT.
struct TaskExit {
  std::uint32_t return_code = 0;  // wait status
  std::vector<std::uint32_t> task_id_list;
  StepId step_id;
  bool operator==(const TaskExit&) const = default;
};
void fields(codec::Archive& ar, TaskExit& m);

}  // namespace flurm::wire
