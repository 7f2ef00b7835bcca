// ctld/translate/step.cpp — see step.hpp.
#include "ctld/translate/step.hpp"

#include <algorithm>

#include "base/hostlist.hpp"
#include "conf/lines.hpp"
#include "ctld/translate/info.hpp"
#include "ctld/translate/tres.hpp"

namespace flurm::ctld {
namespace {

using model::Job;
using model::Step;

/// How tasks are bound unless srun says: as the job asked, or as its nodes, its partition or the cluster have it.
/// Source: slurm 22.05 src/slurmctld/step_mgr.c _set_def_cpu_bind().
std::uint32_t default_cpu_bind(const state::ClusterState& state, const conf::Config& config, const Job& job) {
  constexpr std::uint32_t kVerbose = 0x1, kBindTo = 0x2 | 0x4 | 0x8 | 0x10;  // slurm 22.05 slurm/slurm.h CPU_BIND_*
  const std::uint16_t asked = job.request->cpu_bind_type;
  if (asked != kNoVal16 && asked & kBindTo) return asked;
  const std::uint32_t verbose = asked & kVerbose;
  std::uint32_t of_nodes = 0;
  bool same = true;
  for (const model::NodeShare& share : job.allocation->shares) {
    const std::uint32_t bind = state.node(share.node)->config.cpu_bind;
    if (bind == 0) continue;
    same = same && (of_nodes == 0 || of_nodes == bind);
    of_nodes = bind;
  }
  if (same && of_nodes != 0) return verbose | of_nodes;
  const model::Partition* partition = state.partition(job.partition);
  if (partition && partition->cpu_bind != 0) return verbose | partition->cpu_bind;
  return verbose | config.task_plugin_param;
}

}  // namespace

namespace {

/// A comma list without the parts that `drop` says.
template <class F>
std::string without(std::string_view list, F drop) {
  std::string out;
  for (std::string_view part : conf::split_list(list)) {
    if (drop(part)) continue;
    if (!out.empty()) out += ',';
    out += part;
  }
  return out;
}

/// srun always counts CPUs in these; only generic resources matter. A step that asks for none has those that its job
/// asked for; --gres=none has none. Source: slurm 22.05 src/slurmctld/step_mgr.c _copy_job_tres_to_step().
void set_tres(const wire::JobStepCreateRequest& m, const model::JobRequest& of_job, model::StepRequest& r) {
  const bool none = conf::same_word(m.tres_per_node, "NONE");
  bool own = none;
  for (const std::string* text : {&m.tres_per_step, &m.tres_per_node, &m.tres_per_socket, &m.tres_per_task})
    own = own || text->find("gres") != text->npos;
  const auto kept = [&](const std::string& text) {
    return without(text,
                   [&](std::string_view part) { return (none && part.starts_with("gres")) || part.ends_with(":0"); });
  };
  r.tres_per_step = own ? kept(m.tres_per_step) : of_job.tres_per_job;
  r.tres_per_node = none ? "" : own ? kept(m.tres_per_node) : of_job.tres_per_node;
  r.tres_per_socket = own ? kept(m.tres_per_socket) : of_job.tres_per_socket;
  r.tres_per_task = own ? kept(m.tres_per_task) : of_job.tres_per_task;
  r.ntasks_per_tres = m.ntasks_per_tres == kNoVal16 ? std::uint16_t{0} : m.ntasks_per_tres;
  if (r.ntasks_per_tres != 0 && !own && m.num_tasks != kNoVal32)
    r.tres_per_step = fmt::format("gres:gpu:{}", m.num_tasks / r.ntasks_per_tres);
}

}  // namespace

std::uint32_t slot_of(const wire::StepId& id) {
  const bool possible = id.step_het_comp < model::kStepComponentsMax && id.step_id <= model::kStepNumberMax;
  return possible ? model::step_slot(id.step_id, id.step_het_comp) : id.step_id;
}

wire::StepId step_id(JobId job, std::uint32_t slot) {
  wire::StepId id;
  id.job_id = job;
  id.step_id = model::number_of_slot(slot);
  id.step_het_comp = model::component_of_slot(slot);
  return id;
}

const Step* named_step(const state::ClusterState& state, JobId job, const wire::StepId& id) {
  const Step* found = state.step(job, slot_of(id));
  if (!found && id.step_het_comp == kNoVal32 && id.step_id <= model::kStepNumberMax)
    found = state.step(job, model::step_slot(id.step_id, 0));
  return found;
}

model::StepRequest step_request(const wire::JobStepCreateRequest& m, const Job& job) {
  const model::JobRequest& of_job = *job.request;
  model::StepRequest r;
  r.user_id = m.user_id;
  r.name = m.name.empty() ? of_job.name : m.name;
  r.network = m.network.empty() ? of_job.network : m.network;
  r.container = m.container;
  r.submit_line = m.submit_line;
  r.features = m.features;
  r.node_list = m.node_list;
  r.exc_nodes = m.exc_nodes;
  r.min_nodes = m.min_nodes;
  r.max_nodes = m.max_nodes;
  r.cpu_count = m.cpu_count;
  r.num_tasks = m.num_tasks;
  r.pn_min_memory = m.pn_min_memory;
  r.time_limit = m.time_limit == kNoVal32 || m.time_limit == 0 ? kInfinite32 : m.time_limit;
  r.threads_per_core = m.threads_per_core;
  r.relative = m.relative;
  r.plane_size = m.plane_size;
  r.resv_port_cnt = m.resv_port_cnt;
  r.task_dist = m.task_dist;
  r.flags = m.flags;
  const bool no_freq = m.cpu_freq_min == kNoVal32 && m.cpu_freq_max == kNoVal32 && m.cpu_freq_gov == kNoVal32;
  r.cpu_freq_min = no_freq ? of_job.cpu_freq_min : m.cpu_freq_min;
  r.cpu_freq_max = no_freq ? of_job.cpu_freq_max : m.cpu_freq_max;
  r.cpu_freq_gov = no_freq ? of_job.cpu_freq_gov : m.cpu_freq_gov;
  r.cpus_per_tres = m.cpus_per_tres;
  r.mem_per_tres = m.mem_per_tres;
  r.tres_bind = m.tres_bind;
  r.tres_freq = m.tres_freq;
  set_tres(m, of_job, r);
  r.host = m.host;
  r.port = m.port;
  r.srun_pid = m.srun_pid;
  return r;
}

std::string step_nodes(const state::ClusterState& state, const model::StepPlacement& placement) {
  std::vector<std::string> names;
  for (const model::StepShare& share : placement.shares) names.push_back(state.node(share.node)->config.name);
  return compress_hosts_sorted(names);
}

std::uint16_t oldest_version(const state::ClusterState& state, const model::StepPlacement& placement,
                             std::uint16_t version) {
  for (const model::StepShare& share : placement.shares)
    if (const std::uint16_t theirs = state.node(share.node)->protocol_version) version = std::min(version, theirs);
  return version;
}

wire::StepLayout step_layout(const Step& step) {
  wire::StepLayout layout;
  layout.node_list = step.nodes;
  layout.node_cnt = static_cast<std::uint32_t>(step.placement->shares.size());
  layout.start_protocol_ver = step.protocol_version;
  layout.task_cnt = step.placement->num_tasks;
  layout.task_dist = step.reserved() ? 0 : step.request->task_dist;
  for (const model::StepShare& share : step.placement->shares) layout.tids.push_back(share.tasks);
  if (step.placement->cpus_per_task > 0) {
    layout.cpt_compact_array.push_back(step.placement->cpus_per_task);
    layout.cpt_compact_reps.push_back(layout.node_cnt);
  }
  return layout;
}

wire::StepLayout whole_layout(const state::ClusterState& state, const Step& step) {
  if (step.component() == kNoVal32) return step_layout(step);
  wire::StepLayout whole;
  state.for_steps_of(step.job, [&](const auto& each) {
    if (each->number() != step.number()) return;
    wire::StepLayout part = step_layout(*each);
    if (whole.node_cnt == 0) {
      whole = std::move(part);
      return;
    }
    whole.node_list += "," + part.node_list;
    whole.node_cnt += part.node_cnt;
    for (std::vector<std::uint32_t>& tasks : part.tids) {  // tasks are counted through the components
      for (std::uint32_t& task : tasks) task += whole.task_cnt;
      whole.tids.push_back(std::move(tasks));
    }
    whole.task_cnt += part.task_cnt;
    whole.cpt_compact_array.insert(whole.cpt_compact_array.end(), part.cpt_compact_array.begin(),
                                   part.cpt_compact_array.end());
    whole.cpt_compact_reps.insert(whole.cpt_compact_reps.end(), part.cpt_compact_reps.begin(),
                                  part.cpt_compact_reps.end());
  });
  return whole;
}

wire::StepLayout batch_layout(const Job& job) {
  wire::StepLayout layout;
  layout.node_list = job.batch_host;
  layout.node_cnt = layout.task_cnt = 1;
  layout.tids = {{0}};
  return layout;
}

wire::JobStepCreateResponse step_created(const state::ClusterState& state, const conf::Config& config, const Job& job,
                                         const Step& step) {
  wire::JobStepCreateResponse m;
  m.def_cpu_bind_type = default_cpu_bind(state, config, job);
  m.resv_ports = step.resv_ports;
  m.step_id = step_id(job.id, step.slot);
  m.step_layout = step_layout(step);
  m.state = static_cast<std::uint32_t>(model::JobBase::running);
  m.use_protocol_ver = step.protocol_version;
  return m;
}

wire::JobStepInfo step_info(const state::ClusterState& state, const Job& job, const Step& step, TimeS now) {
  const model::StepRequest& r = *step.request;
  const bool interactive = step.slot == kInteractiveStep;
  wire::JobStepInfo info;
  info.step_id = step_id(job.id, step.running() ? step.slot : kPendingStep);
  if (job.array) {
    info.array_job_id = job.array->array_job;
    info.array_task_id = job.array->task;
  }
  info.user_id = job.request->user_id;
  info.srun_host = r.host;
  info.srun_pid = r.srun_pid;
  info.submit_line = r.submit_line;
  info.cluster = state.settings.cluster_name;
  info.partition = job.partition;
  info.start_protocol_ver = step.protocol_version;
  if (!step.running()) {
    info.num_cpus = info.num_tasks = r.num_tasks;
    info.task_dist = model::task_dist::unknown;
    info.state = static_cast<std::uint32_t>(model::JobBase::pending);
    info.run_time = TimeS{now - TimeS{}};
    info.nodes = job.allocation ? job.allocation->nodes : "";
    info.node_inx = node_bits(state, info.nodes);
    return info;
  }
  info.num_cpus = interactive ? 0 : step.placement->cpu_count;
  info.num_tasks = step.placement->num_tasks;
  info.task_dist = interactive ? 0 : r.task_dist;
  info.cpu_freq_min = interactive ? 0 : r.cpu_freq_min;
  info.cpu_freq_max = interactive ? 0 : r.cpu_freq_max;
  info.cpu_freq_gov = interactive ? 0 : r.cpu_freq_gov;
  info.time_limit = step.time_limit;
  info.state = static_cast<std::uint32_t>(step.state == Step::State::timed_out ? model::JobBase::timeout
                                                                               : model::JobBase::running);
  info.start_time = step.start_time;
  info.run_time =
      TimeS{job.state.suspended() ? step.ran_before_suspend_s
                                  : step.ran_before_suspend_s + (now - std::max(step.start_time, job.suspend_time))};
  info.container = interactive ? job.request->container : r.container;
  info.name = interactive ? "interactive" : r.name;
  info.network = interactive ? "" : r.network;
  info.resv_ports = step.resv_ports;
  info.nodes = step.nodes;
  info.node_inx = node_bits(state, step.nodes);
  info.tres_fmt_alloc_str = interactive ? "" : allocated_tres(step, state.settings);
  info.cpus_per_tres = r.cpus_per_tres;
  info.mem_per_tres = r.mem_per_tres;
  info.tres_bind = r.tres_bind;
  info.tres_freq = r.tres_freq;
  info.tres_per_step = r.tres_per_step;
  info.tres_per_node = r.tres_per_node;
  info.tres_per_socket = r.tres_per_socket;
  info.tres_per_task = r.tres_per_task;
  info.job_name = job.request->name;
  info.cwd = job.request->work_dir;
  return info;
}

}  // namespace flurm::ctld
