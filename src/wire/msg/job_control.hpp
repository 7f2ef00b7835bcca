// wire/msg/job_control.hpp — signals, cancellation, requeue, suspension of jobs, and the answers of array jobs.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// REQUEST_KILL_JOB, REQUEST_CANCEL_JOB_STEP, SRUN_STEP_SIGNAL. sjob_id is the text the user gave.
struct JobStepKill {
  StepId step_id;
  std::string sjob_id, sibling;
  std::uint16_t signal = 0, flags = 0;
  bool operator==(const JobStepKill&) const = default;
};
void fields(codec::Archive& ar, JobStepKill& m);

/// REQUEST_KILL_JOBS (23.11+).
struct KillJobs {
  std::string account, admin_comment;
  std::uint16_t flags = 0;
  std::string job_name;
  std::vector<std::string> jobs_array;
  std::string partition, qos, reservation;
  std::uint16_t signal = kNoVal16;
  std::uint32_t state = 0, user_id = kNoVal32;
  std::string user_name, wckey, nodelist;
  bool operator==(const KillJobs&) const = default;
};
void fields(codec::Archive& ar, KillJobs& m);

struct KillJobsResponseJob {
  std::uint32_t error_code = 0;
  std::string error_msg;
  SelectedStep id;
  JobId real_job_id;
  std::string sibling_name;
  bool operator==(const KillJobsResponseJob&) const = default;
};
void fields(codec::Archive& ar, KillJobsResponseJob& m);

/// RESPONSE_KILL_JOBS (23.11+).
struct KillJobsResponse {
  std::vector<KillJobsResponseJob> job_responses;
  bool operator==(const KillJobsResponse&) const = default;
};
void fields(codec::Archive& ar, KillJobsResponse& m);

struct JobArrayResponseTask {
  std::uint32_t error_code = 0;
  std::string job_array_id, err_msg;
  bool operator==(const JobArrayResponseTask&) const = default;
};
void fields(codec::Archive& ar, JobArrayResponseTask& m);

/// RESPONSE_JOB_ARRAY_ERRORS: what became of each part of an array.
struct JobArrayResponse {
  std::vector<JobArrayResponseTask> tasks;
  bool operator==(const JobArrayResponse&) const = default;
};
void fields(codec::Archive& ar, JobArrayResponse& m);

/// REQUEST_JOB_REQUEUE.
struct JobRequeue {
  StepId step_id;
  std::string job_id_str;
  std::uint32_t flags = 0;
  bool operator==(const JobRequeue&) const = default;
};
void fields(codec::Archive& ar, JobRequeue& m);

/// REQUEST_SUSPEND, SRUN_REQUEST_SUSPEND. op: 0 suspend, 1 resume.
struct Suspend {
  StepId step_id;
  std::uint16_t op = 0;
  std::string job_id_str;
  bool operator==(const Suspend&) const = default;
};
void fields(codec::Archive& ar, Suspend& m);

/// REQUEST_TOP_JOB.
struct TopJob {
  std::uint16_t op = 0;
  JobId job_id{kNoVal32};
  std::string job_id_str;
  bool operator==(const TopJob&) const = default;
};
void fields(codec::Archive& ar, TopJob& m);

/// REQUEST_JOB_NOTIFY.
struct JobNotify {
  StepId step_id;
  std::string message;
  bool operator==(const JobNotify&) const = default;
};
void fields(codec::Archive& ar, JobNotify& m);

/// REQUEST_COMPLETE_JOB_ALLOCATION.
struct CompleteJobAllocation {
  StepId step_id;
  std::uint32_t job_rc = 0;  // wait status
  bool operator==(const CompleteJobAllocation&) const = default;
};
void fields(codec::Archive& ar, CompleteJobAllocation& m);

/// flags of JobStepKill and KillJobs (slurm/slurm.h KILL_*).
enum KillFlag : std::uint16_t {
  kill_job_batch = 0x01,
  kill_array_task = 0x02,
  kill_steps_only = 0x04,
  kill_full_job = 0x08,
  kill_fed_requeue = 0x10,
  kill_hurry = 0x20,
  kill_oom = 0x40,
  kill_no_sibs = 0x80,
  kill_job_resv = 0x100,
  kill_no_sig_fail = 0x400,
  kill_jobs_verbose = 0x800,
  kill_cron = 0x1000,
  kill_fail_job = 0x2000
};

}  // namespace flurm::wire
