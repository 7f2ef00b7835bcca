// acct/limit_reason.cpp — see limit_reason.hpp. Numbers: slurm 22.05 slurm/slurm.h enum job_state_reason; names:
// src/common/slurm_protocol_defs.c job_reason_string().
#include "acct/limit_reason.hpp"

#include "acct/tres.hpp"

namespace flurm::acct {
namespace {

enum Column { cpu, mem, energy, node, billing, burst_buffer, gres, license, unknown, columns };

constexpr std::uint16_t kNumbers[][columns] = {
    {57, 61, 93, 62, 183, 110, 99, 105, 78},       {58, 85, 94, 90, 184, 111, 100, 106, 79},
    {59, 86, 95, 91, 185, 112, 101, 107, 80},      {66, 87, 96, 68, 186, 113, 102, 108, 81},
    {84, 88, 97, 82, 187, 114, 103, 82, 82},       {67, 89, 98, 92, 188, 115, 104, 109, 83},
    {40, 44, 132, 45, 189, 159, 144, 152, 116},    {41, 125, 133, 140, 190, 160, 145, 153, 117},
    {42, 126, 134, 141, 191, 161, 146, 154, 118},  {48, 128, 135, 50, 192, 162, 147, 155, 119},
    {124, 129, 136, 120, 193, 163, 148, 120, 120}, {169, 174, 170, 172, 196, 168, 171, 173, 175},
    {52, 130, 137, 54, 194, 164, 149, 156, 121},   {49, 127, 138, 142, 195, 165, 150, 157, 122},
    {56, 131, 139, 143, 197, 166, 151, 158, 123}};

/// How the name of such a limit is put together, and for which resources "Limit" ends it.
struct Words {
  const char *before, *after;
  bool limit_cpu, limit_mem, limit_node;
};
constexpr Words kWords[] = {{"AssocGrp", "", true, true, true},
                            {"AssocGrp", "Minutes", true, false, false},
                            {"AssocGrp", "RunMinutes", true, false, false},
                            {"AssocMax", "PerJob", true, false, true},
                            {"AssocMax", "PerNode", false, false, false},
                            {"AssocMax", "MinutesPerJob", true, false, false},
                            {"QOSGrp", "", true, true, true},
                            {"QOSGrp", "Minutes", true, false, false},
                            {"QOSGrp", "RunMinutes", true, false, false},
                            {"QOSMax", "PerJob", true, false, true},
                            {"QOSMax", "PerNode", false, false, false},
                            {"Max", "PerAccount", false, false, false},
                            {"QOSMax", "PerUser", true, false, true},
                            {"QOSMax", "MinutesPerJob", true, false, false},
                            {"QOSMin", "", false, false, false}};
constexpr std::size_t kLimits = std::size(kWords);
static_assert(std::size(kNumbers) == kLimits);

constexpr const char* kResource[] = {"Cpu", "Memory", "Energy", "Node", "Billing", "BB", "GRES", "License", "Unknown"};

Column column_of(std::uint32_t id, std::string_view type) {
  switch (id) {
    case tres_cpu:
      return cpu;
    case tres_mem:
      return mem;
    case tres_energy:
      return energy;
    case tres_node:
      return node;
    case tres_billing:
      return billing;
    default:
      if (type == "bb") return burst_buffer;
      if (type == "gres") return gres;
      if (type == "license") return license;
      return unknown;
  }
}

std::string name_of(TresLimit limit, Column column) {
  const Words& words = kWords[static_cast<std::size_t>(limit)];
  if (limit == TresLimit::qos_min_job && column == cpu) return "QOSMinCpuNotSatisfied";
  std::string resource = kResource[column];
  const bool grp_mins = limit == TresLimit::assoc_grp_mins || limit == TresLimit::assoc_grp_run_mins ||
                        limit == TresLimit::qos_grp_mins || limit == TresLimit::qos_grp_run_mins;
  if (column == cpu && grp_mins) resource = "CPU";
  if (column == mem && (limit < TresLimit::qos_grp || limit == TresLimit::qos_grp)) resource = "Mem";
  const bool ends =
      (column == cpu && words.limit_cpu) || (column == mem && words.limit_mem) || (column == node && words.limit_node);
  return words.before + resource + words.after + (ends ? "Limit" : "");
}

}  // namespace

std::uint32_t limit_reason(TresLimit limit, std::uint32_t tres_id, std::string_view type) {
  return kNumbers[static_cast<std::size_t>(limit)][column_of(tres_id, type)];
}

std::string limit_reason_name(std::uint32_t reason) {
  switch (reason) {
    case reason_qos_grp_jobs:
      return "QOSGrpJobsLimit";
    case reason_qos_grp_submit:
      return "QOSGrpSubmitJobsLimit";
    case reason_qos_grp_wall:
      return "QOSGrpWallLimit";
    case reason_qos_max_wall:
      return "QOSMaxWallDurationPerJobLimit";
    case reason_qos_max_jobs_user:
      return "QOSMaxJobsPerUserLimit";
    case reason_qos_max_submit_user:
      return "QOSMaxSubmitJobPerUserLimit";
    case reason_assoc_grp_jobs:
      return "AssocGrpJobsLimit";
    case reason_assoc_grp_submit:
      return "AssocGrpSubmitJobsLimit";
    case reason_assoc_grp_wall:
      return "AssocGrpWallLimit";
    case reason_assoc_max_jobs:
      return "AssocMaxJobsLimit";
    case reason_assoc_max_wall:
      return "AssocMaxWallDurationPerJobLimit";
    case reason_assoc_max_submit:
      return "AssocMaxSubmitJobLimit";
    case reason_qos_max_jobs_account:
      return "MaxJobsPerAccount";
    case reason_qos_max_submit_account:
      return "MaxSubmitJobsPerAccount";
    default:
      break;
  }
  for (std::size_t limit = 0; limit < kLimits; ++limit)
    for (std::size_t column = 0; column < columns; ++column)
      if (kNumbers[limit][column] == reason) {
        // Some have no number of their own but that of unknown resources.
        const bool shared = column != unknown && kNumbers[limit][unknown] == reason;
        return name_of(static_cast<TresLimit>(limit), shared ? unknown : static_cast<Column>(column));
      }
  return {};
}

}  // namespace flurm::acct
