// model/step.cpp — the field lists of steps, and the sums over the steps of a job.
#include "model/step.hpp"

#include <algorithm>

#include "codec/archive.hpp"

namespace flurm::model {
namespace {

bool overlap(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
    if (a[i] & b[i]) return true;
  return false;
}

bool within(const std::vector<std::uint64_t>& inner, const std::vector<std::uint64_t>& outer) {
  for (std::size_t i = 0; i < inner.size(); ++i)
    if (inner[i] & ~(i < outer.size() ? outer[i] : 0)) return false;
  return true;
}

}  // namespace

void add_use(StepUses& uses, const Step& step) {
  if (!step.running() || !step.placement || step.reserved()) return;
  for (const StepShare& share : step.placement->shares) {
    StepUse& use = uses[share.node];
    use.busy = true;
    if (step.counts_memory()) use.memory_mib += share.memory_mib;
    if (!step.counts_cpus()) continue;
    use.cpus += share.cpus;
    if (use.cores.size() < share.cores.size()) use.cores.resize(share.cores.size());
    for (std::size_t i = 0; i < share.cores.size(); ++i) use.cores[i] |= share.cores[i];
    use.gres.insert(use.gres.end(), share.gres.begin(), share.gres.end());
  }
}

namespace {

/// What is wanted is the job's, and of no other step when it is to be kept from those.
bool gres_fits(const NodeShare& given, const StepUse& use, const StepShare& wanted, bool apart) {
  return std::ranges::all_of(wanted.gres, [&](const GresShare& mine) {
    const auto of_kind = [&](const GresShare& share) { return share.name == mine.name && share.type == mine.type; };
    const auto of_job = std::ranges::find_if(given.gres, of_kind);
    if (of_job == given.gres.end() || !within(mine.devices, of_job->devices)) return false;
    std::uint64_t count = mine.count;
    for (const GresShare& held : use.gres) {
      if (!apart || !of_kind(held)) continue;
      count += held.count;
      if (!is_shared_gres(mine.name) && overlap(held.devices, mine.devices)) return false;
    }
    return count <= of_job->count;
  });
}

}  // namespace

bool fits(const Allocation& allocation, const StepUses& uses, const StepRequest& request,
          const StepPlacement& placement, bool memory_counts) {
  static const StepUse kNone;
  for (const StepShare& share : placement.shares) {
    const auto given = std::ranges::find(allocation.shares, share.node, &NodeShare::node);
    if (given == allocation.shares.end() || !within(share.cores, given->cores)) return false;
    const auto found = uses.find(share.node);
    const StepUse& use = found == uses.end() ? kNone : found->second;
    const bool overcommit = request.flags & step_flag::overcommit;
    if (placement.counts_cpus && !overcommit && use.cpus + share.cpus > given->cpus) return false;
    if (!gres_fits(*given, use, share, placement.counts_cpus)) return false;
    // Steps that take whole nodes do not mind the cores of those that take no CPUs.
    const bool any_core = overcommit || request.flags & step_flag::whole;
    if (placement.counts_cpus && !any_core && overlap(use.cores, share.cores)) return false;
    if (placement.counts_memory && memory_counts && use.memory_mib + share.memory_mib > given->memory_mib) return false;
  }
  return true;
}

void fields(codec::Archive& ar, StepRequest& r) {
  ar("user_id", r.user_id);
  ar("name", r.name);
  ar("network", r.network);
  ar("container", r.container);
  ar("submit_line", r.submit_line);
  ar("features", r.features);
  ar("node_list", r.node_list);
  ar("exc_nodes", r.exc_nodes);
  ar("min_nodes", r.min_nodes);
  ar("max_nodes", r.max_nodes);
  ar("cpu_count", r.cpu_count);
  ar("num_tasks", r.num_tasks);
  ar("pn_min_memory", r.pn_min_memory);
  ar("time_limit", r.time_limit);
  ar("threads_per_core", r.threads_per_core);
  ar("relative", r.relative);
  ar("plane_size", r.plane_size);
  ar("resv_port_cnt", r.resv_port_cnt);
  ar("task_dist", r.task_dist);
  ar("flags", r.flags);
  ar("cpu_freq_min", r.cpu_freq_min);
  ar("cpu_freq_max", r.cpu_freq_max);
  ar("cpu_freq_gov", r.cpu_freq_gov);
  ar("cpus_per_tres", r.cpus_per_tres);
  ar("mem_per_tres", r.mem_per_tres);
  ar("tres_bind", r.tres_bind);
  ar("tres_freq", r.tres_freq);
  ar("tres_per_step", r.tres_per_step);
  ar("tres_per_node", r.tres_per_node);
  ar("tres_per_socket", r.tres_per_socket);
  ar("tres_per_task", r.tres_per_task);
  ar("ntasks_per_tres", r.ntasks_per_tres);
  ar("host", r.host);
  ar("port", r.port);
  ar("srun_pid", r.srun_pid);
}

void fields(codec::Archive& ar, StepShare& s) {
  ar("node", s.node);
  ar("cpus", s.cpus);
  ar("memory_mib", s.memory_mib);
  ar("cores", s.cores);
  ar("tasks", s.tasks);
  ar("gres", s.gres);
}

void fields(codec::Archive& ar, StepPlacement& p) {
  ar("shares", p.shares);
  ar("num_tasks", p.num_tasks);
  ar("cpus_per_task", p.cpus_per_task);
  ar("cpu_count", p.cpu_count);
  ar("counts_cpus", p.counts_cpus);
  ar("counts_memory", p.counts_memory);
}

void fields(codec::Archive& ar, Step& s) {
  ar("job", s.job);
  ar("slot", s.slot);
  ar("state", s.state);
  StepRequest request;
  StepPlacement placement;
  if (!ar.fills()) {
    request = *s.request;
    if (s.placement) placement = *s.placement;
  }
  ar("request", request);
  ar("placement", placement);
  if (ar.fills()) {
    s.request = std::make_shared<const StepRequest>(std::move(request));
    s.placement = std::make_shared<const StepPlacement>(std::move(placement));
  }
  ar("nodes", s.nodes);
  ar("resv_ports", s.resv_ports);
  ar("protocol_version", s.protocol_version);
  ar("time_limit", s.time_limit);
  ar("start_time", s.start_time);
  ar("suspended_s", s.suspended_s);
  ar("ran_before_suspend_s", s.ran_before_suspend_s);
  ar("exit_code", s.exit_code);
  ar("ended", s.ended);
  ar("killed_by", s.killed_by);
  usage_field(ar, s.usage);
}

}  // namespace flurm::model
