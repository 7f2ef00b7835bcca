// noded/step_accounting.cpp — see step_accounting.hpp.
#include "noded/step_accounting.hpp"

#include <algorithm>
#include <iterator>

namespace flurm::noded {
namespace {

/// Ids of the TRES that every cluster has; jobacctinfo's arrays run over them.
constexpr std::uint32_t kTresIds[] = {1, 2, 3, 4, 5, 6, 7, 8};
constexpr std::size_t kTresCpu = 0, kTresMemory = 1, kTresVirtualMemory = 6, kTresCount = std::size(kTresIds);

std::uint64_t cpu_ms(const exec::StepUsage& usage) { return (usage.user_us + usage.system_us) / 1000; }

}  // namespace

wire::JobAcctInfo step_accounting(const exec::StepState& state) {
  const exec::StepUsage& usage = state.end ? state.end->usage : state.usage;
  wire::JobAcctInfo acct;
  acct.user_cpu_sec = usage.user_us / 1'000'000;
  acct.user_cpu_usec = static_cast<std::uint32_t>(usage.user_us % 1'000'000);
  acct.sys_cpu_sec = usage.system_us / 1'000'000;
  acct.sys_cpu_usec = static_cast<std::uint32_t>(usage.system_us % 1'000'000);
  acct.tres_ids.assign(std::begin(kTresIds), std::end(kTresIds));
  const std::vector<std::uint64_t> none(kTresCount, kInfinite64);
  acct.tres_usage_in_max = acct.tres_usage_in_min = acct.tres_usage_in_tot = none;
  acct.tres_usage_in_max_nodeid = acct.tres_usage_in_max_taskid = none;
  acct.tres_usage_in_min_nodeid = acct.tres_usage_in_min_taskid = none;
  acct.tres_usage_out_max = acct.tres_usage_out_min = acct.tres_usage_out_tot = none;
  acct.tres_usage_out_max_nodeid = acct.tres_usage_out_max_taskid = none;
  acct.tres_usage_out_min_nodeid = acct.tres_usage_out_min_taskid = none;

  const bool by_task = state.tasks.size() > 1 && std::ranges::all_of(state.tasks, [](const exec::TaskState& task) {
                         return task.usage.rss_max_bytes != 0;
                       });
  const std::uint64_t first_task = state.tasks.empty() ? 0 : state.tasks.front().global_id;
  const auto set = [&](std::size_t tres, std::uint64_t whole, auto of_task) {
    acct.tres_usage_in_tot[tres] = whole;
    acct.tres_usage_in_max[tres] = acct.tres_usage_in_min[tres] = whole;
    acct.tres_usage_in_max_nodeid[tres] = acct.tres_usage_in_min_nodeid[tres] = state.node_rank;
    acct.tres_usage_in_max_taskid[tres] = acct.tres_usage_in_min_taskid[tres] = first_task;
    if (!by_task) return;
    const auto least = std::ranges::min_element(state.tasks, {}, of_task),
               most = std::ranges::max_element(state.tasks, {}, of_task);
    acct.tres_usage_in_min[tres] = of_task(*least);
    acct.tres_usage_in_min_taskid[tres] = least->global_id;
    acct.tres_usage_in_max[tres] = of_task(*most);
    acct.tres_usage_in_max_taskid[tres] = most->global_id;
  };
  set(kTresCpu, cpu_ms(usage), [](const exec::TaskState& task) { return cpu_ms(task.usage); });
  std::uint64_t memory = usage.rss_max_bytes;
  if (by_task) {
    memory = 0;
    for (const exec::TaskState& task : state.tasks) memory += task.usage.rss_max_bytes;
  }
  set(kTresMemory, memory, [](const exec::TaskState& task) { return task.usage.rss_max_bytes; });
  set(kTresVirtualMemory, usage.virtual_max_bytes,
      [&](const exec::TaskState& task) { return std::max(task.usage.virtual_max_bytes, task.usage.rss_max_bytes); });
  return acct;
}

bool add_accounting(std::optional<wire::JobAcctInfo>& sum, const std::optional<wire::JobAcctInfo>& more) {
  if (!more) return true;
  if (!sum) {
    sum = more;
    return true;
  }
  using Numbers = std::vector<std::uint64_t>;
  using Info = wire::JobAcctInfo;
  const std::size_t count = sum->tres_ids.size();
  for (Numbers Info::*numbers :
       {&Info::tres_usage_in_max, &Info::tres_usage_in_max_nodeid, &Info::tres_usage_in_max_taskid,
        &Info::tres_usage_in_min, &Info::tres_usage_in_min_nodeid, &Info::tres_usage_in_min_taskid,
        &Info::tres_usage_in_tot, &Info::tres_usage_out_max, &Info::tres_usage_out_max_nodeid,
        &Info::tres_usage_out_max_taskid, &Info::tres_usage_out_min, &Info::tres_usage_out_min_nodeid,
        &Info::tres_usage_out_min_taskid, &Info::tres_usage_out_tot})
    if (((*sum).*numbers).size() != count || ((*more).*numbers).size() != count) return false;
  if (sum->tres_ids != more->tres_ids) return false;

  const auto add_time = [](std::uint64_t& sec, std::uint32_t& usec, std::uint64_t more_sec, std::uint32_t more_usec) {
    const std::uint64_t all = std::uint64_t{usec} + more_usec;
    sec += more_sec + all / 1'000'000;
    usec = static_cast<std::uint32_t>(all % 1'000'000);
  };
  add_time(sum->user_cpu_sec, sum->user_cpu_usec, more->user_cpu_sec, more->user_cpu_usec);
  add_time(sum->sys_cpu_sec, sum->sys_cpu_usec, more->sys_cpu_sec, more->sys_cpu_usec);
  sum->act_cpufreq = std::max(sum->act_cpufreq, more->act_cpufreq);
  if (sum->consumed_energy == kNoVal64)
    sum->consumed_energy = more->consumed_energy;
  else if (more->consumed_energy != kNoVal64)
    sum->consumed_energy += more->consumed_energy;
  // An extreme, the node and the task that have it; and totals. kInfinite64 is no number.
  const auto take = [&](Numbers Info::*value, Numbers Info::*node, Numbers Info::*task, bool most, std::size_t i) {
    const std::uint64_t theirs = ((*more).*value)[i], ours = ((*sum).*value)[i];
    if (theirs == kInfinite64 || (ours != kInfinite64 && (most ? theirs <= ours : theirs >= ours))) return;
    for (Numbers Info::*numbers : {value, node, task}) ((*sum).*numbers)[i] = ((*more).*numbers)[i];
  };
  const auto add = [&](Numbers Info::*total, std::size_t i) {
    std::uint64_t& ours = ((*sum).*total)[i];
    const std::uint64_t theirs = ((*more).*total)[i];
    if (theirs != kInfinite64) ours = ours == kInfinite64 ? theirs : ours + theirs;
  };
  for (std::size_t i = 0; i < count; ++i) {
    take(&Info::tres_usage_in_max, &Info::tres_usage_in_max_nodeid, &Info::tres_usage_in_max_taskid, true, i);
    take(&Info::tres_usage_in_min, &Info::tres_usage_in_min_nodeid, &Info::tres_usage_in_min_taskid, false, i);
    take(&Info::tres_usage_out_max, &Info::tres_usage_out_max_nodeid, &Info::tres_usage_out_max_taskid, true, i);
    take(&Info::tres_usage_out_min, &Info::tres_usage_out_min_nodeid, &Info::tres_usage_out_min_taskid, false, i);
    add(&Info::tres_usage_in_tot, i);
    add(&Info::tres_usage_out_tot, i);
  }
  return true;
}

std::vector<wire::TresRec> accounted_tres() {
  struct Name {
    std::string_view type, name;
  };
  constexpr Name kNames[] = {{"cpu", ""},     {"mem", ""},    {"energy", ""}, {"node", ""},
                             {"billing", ""}, {"fs", "disk"}, {"vmem", ""},   {"pages", ""}};
  static_assert(std::size(kNames) == kTresCount);
  std::vector<wire::TresRec> list;
  for (std::size_t i = 0; i < kTresCount; ++i) {
    wire::TresRec& tres = list.emplace_back();
    tres.id = kTresIds[i];
    tres.type = kNames[i].type;
    tres.name = kNames[i].name;
  }
  return list;
}

}  // namespace flurm::noded
