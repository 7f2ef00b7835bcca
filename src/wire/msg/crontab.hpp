// wire/msg/crontab.hpp — scrontab.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/msg/job_desc.hpp"

namespace flurm::wire {

/// REQUEST_CRONTAB.
struct CrontabRequest {
  std::uint32_t uid = 0;
  bool operator==(const CrontabRequest&) const = default;
};
void fields(codec::Archive& ar, CrontabRequest& m);

/// RESPONSE_CRONTAB.
struct CrontabResponse {
  std::string crontab, disabled_lines;
  bool operator==(const CrontabResponse&) const = default;
};
void fields(codec::Archive& ar, CrontabResponse& m);

/// REQUEST_UPDATE_CRONTAB.
struct CrontabUpdateRequest {
  std::string crontab;
  JobDescList jobs;
  std::uint32_t uid = 0, gid = 0;
  bool operator==(const CrontabUpdateRequest&) const = default;
};
void fields(codec::Archive& ar, CrontabUpdateRequest& m);

/// RESPONSE_UPDATE_CRONTAB.
struct CrontabUpdateResponse {
  std::string err_msg, job_submit_user_msg, failed_lines;
  std::vector<std::uint32_t> jobids;
  std::uint32_t return_code = 0;
  bool operator==(const CrontabUpdateResponse&) const = default;
};
void fields(codec::Archive& ar, CrontabUpdateResponse& m);

}  // namespace flurm::wire
