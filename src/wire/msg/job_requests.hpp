// wire/msg/job_requests.hpp — requests about jobs that carry little more than an id.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// REQUEST_BUILD_INFO, REQUEST_RESERVATION_INFO: everything changed after this time.
struct LastUpdate {
  TimeS last_update;
  bool operator==(const LastUpdate&) const = default;
};
void fields(codec::Archive& ar, LastUpdate& m);

/// REQUEST_JOB_INFO. Without job_ids: all jobs.
struct JobInfoRequest {
  TimeS last_update;
  std::uint16_t show_flags = 0;
  std::optional<std::vector<JobId>> job_ids;
  bool operator==(const JobInfoRequest&) const = default;
};
void fields(codec::Archive& ar, JobInfoRequest& m);

/// REQUEST_JOB_INFO_SINGLE, REQUEST_BATCH_SCRIPT, REQUEST_JOB_READY, REQUEST_RESOURCE_LAYOUT.
struct JobReady {
  StepId step_id;
  std::uint16_t show_flags = 0;
  bool operator==(const JobReady&) const = default;
};
void fields(codec::Archive& ar, JobReady& m);

/// REQUEST_JOB_USER_INFO.
struct JobUser {
  std::uint32_t user_id = 0;
  std::uint16_t show_flags = 0;
  bool operator==(const JobUser&) const = default;
};
void fields(codec::Archive& ar, JobUser& m);

/// REQUEST_JOB_ALLOCATION_INFO, REQUEST_JOB_END_TIME, REQUEST_HET_JOB_ALLOC_INFO.
struct JobAllocInfo {
  StepId step_id;
  std::string req_cluster;
  bool operator==(const JobAllocInfo&) const = default;
};
void fields(codec::Archive& ar, JobAllocInfo& m);

/// REQUEST_NODE_INFO, REQUEST_PARTITION_INFO.
struct NodeInfoRequest {
  TimeS last_update;
  std::uint16_t show_flags = 0;
  bool operator==(const NodeInfoRequest&) const = default;
};
void fields(codec::Archive& ar, NodeInfoRequest& m);

/// REQUEST_NODE_INFO_SINGLE.
struct NodeInfoSingle {
  std::string node_name;
  std::uint16_t show_flags = 0;
  bool operator==(const NodeInfoSingle&) const = default;
};
void fields(codec::Archive& ar, NodeInfoSingle& m);

/// RESPONSE_BATCH_SCRIPT.
struct JobScript {
  std::string script;
  bool operator==(const JobScript&) const = default;
};
void fields(codec::Archive& ar, JobScript& m);

/// show_flags of the requests above.
enum ShowFlag : std::uint16_t {
  show_all = 0x01,
  show_detail = 0x02,
  show_mixed = 0x08,
  show_local = 0x10,
  show_sibling = 0x20,
  show_federation = 0x40,
  show_future = 0x80
};

}  // namespace flurm::wire
