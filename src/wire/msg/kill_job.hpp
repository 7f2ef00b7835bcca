// wire/msg/kill_job.hpp — end a job on its nodes and clean up behind it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/cred.hpp"
#include "wire/msg/gres.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// REQUEST_TERMINATE_JOB, REQUEST_KILL_TIMELIMIT, REQUEST_ABORT_JOB, REQUEST_KILL_PREEMPTED.
struct KillJob {
  std::optional<Cred> cred;
  std::string details;
  std::uint32_t derived_ec = 0;  // wait status
  std::uint32_t exit_code = 0;   // wait status
  std::vector<GresPrep> job_gres_prep;
  StepId step_id;
  JobId het_job_id;
  std::uint32_t job_state = 0, job_uid = 0, job_gid = 0;
  std::string nodes;
  std::vector<std::string> spank_job_env;
  TimeS start_time, time;
  std::string work_dir;
  bool operator==(const KillJob&) const = default;
};
void fields(codec::Archive& ar, KillJob& m);

/// REQUEST_SIGNAL_TASKS, REQUEST_TERMINATE_TASKS. flags: KillFlag.
struct CancelTasks {
  StepId step_id;
  std::uint16_t flags = 0, signal = 0;
  bool operator==(const CancelTasks&) const = default;
};
void fields(codec::Archive& ar, CancelTasks& m);

/// MESSAGE_EPILOG_COMPLETE.
struct EpilogComplete {
  StepId step_id;
  std::uint32_t return_code = 0;
  std::string node_name;
  bool operator==(const EpilogComplete&) const = default;
};
void fields(codec::Archive& ar, EpilogComplete& m);

/// REQUEST_SUSPEND_INT. op: 0 suspend, 1 resume.
struct SuspendInt {
  std::uint8_t indf_susp = 0;
  std::uint16_t job_core_spec = kNoVal16;
  StepId step_id;
  std::uint16_t op = 0;
  bool operator==(const SuspendInt&) const = default;
};
void fields(codec::Archive& ar, SuspendInt& m);

}  // namespace flurm::wire
