// noded/step_accounting.cpp — see step_accounting.hpp.
#include "noded/step_accounting.hpp"

#include <algorithm>
#include <iterator>

namespace flurm::noded {
namespace {

/// Ids of the TRES that every cluster has; jobacctinfo's arrays run over them.
constexpr std::uint32_t kTresIds[] = {1, 2, 3, 4, 5, 6, 7, 8};
constexpr std::size_t kTresCpu = 0, kTresMemory = 1, kTresEnergy = 2, kTresDisk = 5, kTresVirtualMemory = 6,
                      kTresPages = 7, kTresCount = std::size(kTresIds);

std::uint64_t cpu_ms(const exec::StepUsage& usage) { return (usage.user_us + usage.system_us) / 1000; }

using Numbers = std::vector<std::uint64_t>;
/// The half of Slurm's arrays that is about what comes in, or about what goes out.
struct Side {
  Numbers wire::JobAcctInfo::*max, wire::JobAcctInfo::*max_node, wire::JobAcctInfo::*max_task, wire::JobAcctInfo::*min,
      wire::JobAcctInfo::*min_node, wire::JobAcctInfo::*min_task, wire::JobAcctInfo::*total;
};
using Info = wire::JobAcctInfo;
constexpr Side kIn{&Info::tres_usage_in_max, &Info::tres_usage_in_max_nodeid, &Info::tres_usage_in_max_taskid,
                   &Info::tres_usage_in_min, &Info::tres_usage_in_min_nodeid, &Info::tres_usage_in_min_taskid,
                   &Info::tres_usage_in_tot};
constexpr Side kOut{&Info::tres_usage_out_max, &Info::tres_usage_out_max_nodeid, &Info::tres_usage_out_max_taskid,
                    &Info::tres_usage_out_min, &Info::tres_usage_out_min_nodeid, &Info::tres_usage_out_min_taskid,
                    &Info::tres_usage_out_tot};

}  // namespace

wire::JobAcctInfo step_accounting(const exec::StepState& state) {
  const exec::StepUsage& usage = state.end ? state.end->usage : state.usage;
  wire::JobAcctInfo acct;
  acct.user_cpu_sec = usage.user_us / 1'000'000;
  acct.user_cpu_usec = static_cast<std::uint32_t>(usage.user_us % 1'000'000);
  acct.sys_cpu_sec = usage.system_us / 1'000'000;
  acct.sys_cpu_usec = static_cast<std::uint32_t>(usage.system_us % 1'000'000);
  acct.tres_ids.assign(std::begin(kTresIds), std::end(kTresIds));
  for (const Side& side : {kIn, kOut}) {
    for (Numbers Info::*numbers :
         {side.max, side.max_node, side.max_task, side.min, side.min_node, side.min_task, side.total})
      (acct.*numbers).assign(kTresCount, kInfinite64);
  }

  const bool by_task = state.tasks.size() > 1 && std::ranges::all_of(state.tasks, [](const exec::TaskState& task) {
                         return task.usage.rss_max_bytes != 0;
                       });
  const std::uint64_t first_task = state.tasks.empty() ? 0 : state.tasks.front().global_id;
  const auto set_whole = [&](const Side& side, std::size_t tres, std::uint64_t whole) {
    (acct.*side.total)[tres] = (acct.*side.max)[tres] = (acct.*side.min)[tres] = whole;
    (acct.*side.max_node)[tres] = (acct.*side.min_node)[tres] = state.node_rank;
    (acct.*side.max_task)[tres] = (acct.*side.min_task)[tres] = first_task;
  };
  const auto set_extremes = [&](const Side& side, std::size_t tres, auto of_task) {
    const auto least = std::ranges::min_element(state.tasks, {}, of_task),
               most = std::ranges::max_element(state.tasks, {}, of_task);
    (acct.*side.min)[tres] = of_task(*least);
    (acct.*side.min_task)[tres] = least->global_id;
    (acct.*side.max)[tres] = of_task(*most);
    (acct.*side.max_task)[tres] = most->global_id;
  };
  const auto set = [&](std::size_t tres, std::uint64_t whole, auto of_task) {
    set_whole(kIn, tres, whole);
    if (by_task) set_extremes(kIn, tres, of_task);
  };
  // What only tasks have: the step's is the sum of theirs.
  const auto set_sum = [&](const Side& side, std::size_t tres, auto of_task) {
    std::uint64_t sum = 0;
    for (const exec::TaskState& task : state.tasks) sum += of_task(task);
    set_whole(side, tres, sum);
    if (!state.tasks.empty()) set_extremes(side, tres, of_task);
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
  set_sum(kIn, kTresDisk, [](const exec::TaskState& task) { return task.usage.read_bytes; });
  set_sum(kOut, kTresDisk, [](const exec::TaskState& task) { return task.usage.written_bytes; });
  set_sum(kIn, kTresPages, [](const exec::TaskState& task) { return task.usage.major_faults; });
  // Nothing measures it: a node's is 0, and no task's.
  for (const Side& side : {kIn, kOut}) {
    set_whole(side, kTresEnergy, 0);
    (acct.*side.max_task)[kTresEnergy] = (acct.*side.min_task)[kTresEnergy] = kInfinite64;
  }
  for (const exec::TaskState& task : state.tasks) acct.act_cpufreq += task.usage.cpu_frequency;
  return acct;
}

bool add_accounting(std::optional<wire::JobAcctInfo>& sum, const std::optional<wire::JobAcctInfo>& more) {
  if (!more) return true;
  if (!sum) {
    sum = more;
    return true;
  }
  const std::size_t count = sum->tres_ids.size();
  for (const Side& side : {kIn, kOut}) {
    for (Numbers Info::*numbers :
         {side.max, side.max_node, side.max_task, side.min, side.min_node, side.min_task, side.total})
      if (((*sum).*numbers).size() != count || ((*more).*numbers).size() != count) return false;
  }
  if (sum->tres_ids != more->tres_ids) return false;

  const auto add_time = [](std::uint64_t& sec, std::uint32_t& usec, std::uint64_t more_sec, std::uint32_t more_usec) {
    const std::uint64_t all = std::uint64_t{usec} + more_usec;
    sec += more_sec + all / 1'000'000;
    usec = static_cast<std::uint32_t>(all % 1'000'000);
  };
  add_time(sum->user_cpu_sec, sum->user_cpu_usec, more->user_cpu_sec, more->user_cpu_usec);
  add_time(sum->sys_cpu_sec, sum->sys_cpu_usec, more->sys_cpu_sec, more->sys_cpu_usec);
  sum->act_cpufreq += more->act_cpufreq;  // divided by their number when all have told
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
    for (const Side& side : {kIn, kOut}) {
      take(side.max, side.max_node, side.max_task, true, i);
      take(side.min, side.min_node, side.min_task, false, i);
      add(side.total, i);
    }
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
