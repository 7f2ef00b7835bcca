// ctld/translate/usage.cpp — see usage.hpp.
#include "ctld/translate/usage.hpp"

namespace flurm::ctld {
namespace {

constexpr std::uint64_t kSecondUs = 1'000'000;

/// What an array says of the TRES at `i`; those that a step's daemon did not fill are shorter.
std::uint64_t at(const std::vector<std::uint64_t>& amounts, std::size_t i) {
  return i < amounts.size() ? amounts[i] : kInfinite64;
}

}  // namespace

std::optional<model::StepUsage> step_usage(const std::optional<wire::JobAcctInfo>& info) {
  if (!info) return std::nullopt;
  model::StepUsage usage;
  usage.user_us = info->user_cpu_sec * kSecondUs + info->user_cpu_usec;
  usage.system_us = info->sys_cpu_sec * kSecondUs + info->sys_cpu_usec;
  usage.cpu_khz = info->act_cpufreq;
  usage.energy_j = info->consumed_energy;
  for (std::size_t i = 0; i < info->tres_ids.size(); ++i) {
    model::TresUsage tres;
    tres.id = info->tres_ids[i];
    tres.in = {.max = at(info->tres_usage_in_max, i),
               .max_node = at(info->tres_usage_in_max_nodeid, i),
               .max_task = at(info->tres_usage_in_max_taskid, i),
               .min = at(info->tres_usage_in_min, i),
               .min_node = at(info->tres_usage_in_min_nodeid, i),
               .min_task = at(info->tres_usage_in_min_taskid, i),
               .total = at(info->tres_usage_in_tot, i)};
    tres.out = {.max = at(info->tres_usage_out_max, i),
                .max_node = at(info->tres_usage_out_max_nodeid, i),
                .max_task = at(info->tres_usage_out_max_taskid, i),
                .min = at(info->tres_usage_out_min, i),
                .min_node = at(info->tres_usage_out_min_nodeid, i),
                .min_task = at(info->tres_usage_out_min_taskid, i),
                .total = at(info->tres_usage_out_tot, i)};
    usage.tres.push_back(tres);
  }
  return usage;
}

wire::JobAcctInfo accounting_info(const model::StepUsage& usage) {
  wire::JobAcctInfo info;
  info.user_cpu_sec = usage.user_us / kSecondUs;
  info.user_cpu_usec = static_cast<std::uint32_t>(usage.user_us % kSecondUs);
  info.sys_cpu_sec = usage.system_us / kSecondUs;
  info.sys_cpu_usec = static_cast<std::uint32_t>(usage.system_us % kSecondUs);
  info.act_cpufreq = usage.cpu_khz;
  info.consumed_energy = usage.energy_j;
  for (const model::TresUsage& tres : usage.tres) {
    info.tres_ids.push_back(tres.id);
    info.tres_usage_in_max.push_back(tres.in.max);
    info.tres_usage_in_max_nodeid.push_back(tres.in.max_node);
    info.tres_usage_in_max_taskid.push_back(tres.in.max_task);
    info.tres_usage_in_min.push_back(tres.in.min);
    info.tres_usage_in_min_nodeid.push_back(tres.in.min_node);
    info.tres_usage_in_min_taskid.push_back(tres.in.min_task);
    info.tres_usage_in_tot.push_back(tres.in.total);
    info.tres_usage_out_max.push_back(tres.out.max);
    info.tres_usage_out_max_nodeid.push_back(tres.out.max_node);
    info.tres_usage_out_max_taskid.push_back(tres.out.max_task);
    info.tres_usage_out_min.push_back(tres.out.min);
    info.tres_usage_out_min_nodeid.push_back(tres.out.min_node);
    info.tres_usage_out_min_taskid.push_back(tres.out.min_task);
    info.tres_usage_out_tot.push_back(tres.out.total);
  }
  return info;
}

}  // namespace flurm::ctld
