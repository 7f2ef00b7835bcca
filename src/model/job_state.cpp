// model/job_state.cpp — names of job states (slurm 22.05 src/common/slurm_protocol_defs.c job_state_string).
#include "model/job_state.hpp"

#include <array>
#include <string>

namespace flurm::model {
namespace {

struct Names {
  std::string_view name, compact;
};
constexpr std::array<Names, 12> kBaseNames = {{{"PENDING", "PD"},
                                               {"RUNNING", "R"},
                                               {"SUSPENDED", "S"},
                                               {"COMPLETED", "CD"},
                                               {"CANCELLED", "CA"},
                                               {"FAILED", "F"},
                                               {"TIMEOUT", "TO"},
                                               {"NODE_FAIL", "NF"},
                                               {"PREEMPTED", "PR"},
                                               {"BOOT_FAIL", "BF"},
                                               {"DEADLINE", "DL"},
                                               {"OUT_OF_MEMORY", "OOM"}}};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

}  // namespace

std::string_view job_state_name(JobState state) {
  if (state.has(job_flag::completing)) return "COMPLETING";
  if (state.has(job_flag::configuring)) return "CONFIGURING";
  const auto base = static_cast<std::size_t>(state.base);
  return base < kBaseNames.size() ? kBaseNames[base].name : "?";
}

std::optional<JobBase> job_base_from_name(std::string_view name) {
  const std::string wanted = upper(name);
  for (std::size_t i = 0; i < kBaseNames.size(); ++i)
    if (wanted == kBaseNames[i].name || wanted == kBaseNames[i].compact) return static_cast<JobBase>(i);
  return std::nullopt;
}

}  // namespace flurm::model
