// ctld/translate/job_info.cpp — see info.hpp.
#include <algorithm>

#include "acct/preemption.hpp"
#include "base/hostlist.hpp"
#include "ctld/translate/info.hpp"
#include "ctld/translate/tres.hpp"
#include "model/dependency.hpp"
#include "wire/versions.hpp"

namespace flurm::ctld {
namespace {

using model::Job;
using model::JobRequest;

std::string node_names(const state::ClusterState& state, const std::vector<model::NodeId>& ids) {
  std::vector<std::string> names;
  for (model::NodeId id : ids)
    if (const model::Node* node = state.node(id)) names.push_back(node->config.name);
  return compress_hosts_sorted(names);
}

/// The one it runs in, or the first it may run in. Null: it is gone.
const model::Partition* partition_of(const state::ClusterState& state, const Job& job) {
  return state.partition(std::string_view(job.partition).substr(0, job.partition.find(',')));
}

std::uint32_t time_limit_of(const state::ClusterState& state, const Job& job) {
  const model::Partition* partition = partition_of(state, job);
  return partition ? model::time_limit_in(job, *partition) : job.time_limit;
}

/// The job's own answer where it gave one, else what its partition's OverSubscribe says.
std::uint16_t shown_shared(const state::ClusterState& state, const Job& job) {
  constexpr std::uint16_t kExclusive = 0, kOk = 1, kUser = 2;
  if (job.request->shared != kNoVal16) return job.request->shared;
  if (job.request->core_spec != kNoVal16) return kExclusive;
  const model::Partition* partition = partition_of(state, job);
  if (!partition) return kNoVal16;
  if (partition->flags & model::partition_flag::exclusive_user) return kUser;
  if (partition->max_share & model::kShareForce && (partition->max_share & ~model::kShareForce) > 1) return kOk;
  return partition->max_share == 0 ? kExclusive : kNoVal16;
}

/// How many nodes a waiting job will need at least, by its tasks and the largest node of its partition.
std::uint32_t expected_nodes(const state::ClusterState& state, const Job& job) {
  const JobRequest& r = *job.request;
  std::uint32_t max_cpus = 1;
  const model::Partition* partition =
      state.partition(std::string_view(job.partition).substr(0, job.partition.find(',')));
  if (partition)
    for (model::NodeId id : partition->nodes) max_cpus = std::max<std::uint32_t>(max_cpus, state.node(id)->config.cpus);
  const std::uint32_t tasks = r.num_tasks == kNoVal32 ? 0 : r.num_tasks;
  const std::uint32_t per_task = r.cpus_per_task == kNoVal16 ? 1 : r.cpus_per_task;
  std::uint32_t nodes = 0;
  const std::uint32_t per_node = std::max(max_cpus / per_task, 1u);
  if (r.ntasks_per_node && r.ntasks_per_node != kNoVal16) {
    nodes = tasks / r.ntasks_per_node;
  } else if (per_task > 1) {  // Slurm counts one more where tasks do not fill the last node, and be it the first
    return std::max(tasks / per_node, r.min_nodes) + (tasks % per_node ? 1 : 0);
  } else {
    nodes = (tasks + per_node - 1) / per_node;
  }
  return std::max(nodes, r.min_nodes);
}

/// What a job gets that asks for all memory of its nodes, as far as it is known before it has them, MiB.
/// Source: slurm 22.05 src/slurmctld/job_mgr.c _mem_per_node_part().
std::uint64_t memory_of_a_node(const state::ClusterState& state, const Job& job) {
  const model::Partition* partition = partition_of(state, job);
  if (!partition || partition->nodes.empty()) return 0;
  const model::NodeConfig& node = state.node(partition->nodes.front())->config;
  return node.real_memory - std::min(node.mem_spec_limit, node.real_memory);
}

/// Where memory comes with devices, the default that the job would have without them is shown.
std::uint64_t shown_memory(const state::ClusterState& state, const Job& job) {
  const JobRequest& r = *job.request;
  if (r.mem_per_tres.empty() || r.bitflags & model::job_bit::memory_set) return r.pn_min_memory;
  const model::Partition* partition = partition_of(state, job);
  return partition && partition->def_mem_per_cpu ? partition->def_mem_per_cpu : state.settings.def_mem_per_cpu;
}

wire::MultiCoreData multi_core(const JobRequest& r) {
  wire::MultiCoreData m;
  m.boards_per_node = r.boards_per_node;
  m.sockets_per_board = r.sockets_per_board;
  m.sockets_per_node = r.sockets_per_node;
  m.cores_per_socket = r.cores_per_socket;
  m.threads_per_core = r.threads_per_core;
  m.ntasks_per_board = r.ntasks_per_board;
  m.ntasks_per_socket = r.ntasks_per_socket == kNoVal16 ? kInfinite16 : r.ntasks_per_socket;
  m.ntasks_per_core = r.ntasks_per_core == kNoVal16 ? kInfinite16 : r.ntasks_per_core;
  m.plane_size = r.plane_size == kNoVal16 ? 0 : r.plane_size;
  return m;
}

/// "12-14,17"
std::string component_set(const model::HetPart& het) {
  std::string out;
  for (std::size_t i = 0; i < het.components.size();) {
    const std::uint32_t first = het.components[i].v;
    std::uint32_t last = first;
    while (++i < het.components.size() && het.components[i].v == last + 1) ++last;
    out += fmt::format("{}{}", out.empty() ? "" : ",", first);
    if (last != first) out += fmt::format("-{}", last);
  }
  return out;
}

/// When a job that has started may be preempted; 0: never.
TimeS preemptable_time(const state::ClusterState& state, const Job& job) {
  const model::PreemptRule& rule = state.settings.preempt;
  const model::Partition* partition = partition_of(state, job);
  if (job.state.pending() || !job.start_time || rule.mode == model::preempt_mode::off || !partition) return {};
  if (acct::preempt_mode_of(rule, *state.books, job, *partition) == model::preempt_mode::off) return {};
  return acct::preemptable_from(rule, *state.books, job, *partition);
}

void set_times(const state::ClusterState& state, wire::JobInfo& info, const Job& job) {
  info.submit_time = job.submit_time;
  info.eligible_time = job.eligible_time;
  info.accrue_time = job.accrue_time;
  info.start_time = job.start_time;
  info.end_time = job.end_time;
  if (job.state.pending()) {
    if (!info.start_time && job.request->begin_time > job.submit_time) info.start_time = job.request->begin_time;
    if (info.start_time && info.time_limit != kNoVal32 && info.time_limit != kInfinite32)
      info.end_time = info.start_time + std::int64_t{info.time_limit} * 60;
  }
  if (job.state.has(model::job_flag::requeue)) info.end_time = {};  // the end is that of a run it forgets
  info.suspend_time = job.suspend_time;
  info.pre_sus_time = TimeS{job.ran_before_suspend_s};
  info.resize_time = job.resize_time;
  info.last_sched_eval = job.last_sched_eval;
  info.preempt_time = job.preempt_time;
  info.preemptable_time = preemptable_time(state, job);
  info.deadline = job.request->deadline;
}

void set_size(const state::ClusterState& state, wire::JobInfo& info, const Job& job) {
  const JobRequest& r = *job.request;
  if (job.allocation && !job.state.pending()) {
    info.num_cpus = job.allocation->total_cpus();
    info.num_nodes = job.state.completing() ? static_cast<std::uint32_t>(job.completing_nodes.size())
                                            : static_cast<std::uint32_t>(job.allocation->shares.size());
  } else {
    info.num_cpus = r.min_cpus;
    info.max_cpus = r.max_cpus == kNoVal32 ? 0 : r.max_cpus;
    info.num_nodes = expected_nodes(state, job);
    info.max_nodes = r.max_nodes;
  }
  info.num_tasks = r.num_tasks;
  if (r.num_tasks == kNoVal32) {
    if (job.allocation) {
      info.num_tasks = static_cast<std::uint32_t>(job.allocation->shares.size());
    } else if (job.state.pending()) {
      info.num_tasks = r.min_nodes;  // unknown for a job that ended without any nodes
    }
  }
  info.ntasks_per_node = r.ntasks_per_node;
  info.ntasks_per_tres = r.ntasks_per_tres;
  info.cpus_per_task = r.cpus_per_task == kNoVal16 ? 1 : r.cpus_per_task;
  info.pn_min_cpus = r.pn_min_cpus;
  info.pn_min_memory = shown_memory(state, job);
  info.pn_min_tmp_disk = r.pn_min_tmp_disk;
  info.contiguous = r.contiguous;
  info.core_spec = r.core_spec == kNoVal16 ? kNoVal16 : r.core_spec;
  info.shared = shown_shared(state, job);
  info.mc_ptr = multi_core(r);
}

void set_place(const state::ClusterState& state, wire::JobInfo& info, const Job& job) {
  const JobRequest& r = *job.request;
  if (job.state.completing()) {
    info.nodes = node_names(state, job.completing_nodes);
    info.node_inx = node_bits(state, job.completing_nodes);
  } else if (job.allocation) {
    info.nodes = job.allocation->nodes;
    std::vector<model::NodeId> ids;
    for (const model::NodeShare& share : job.allocation->shares) ids.push_back(share.node);
    info.node_inx = node_bits(state, ids);
  }
  info.sched_nodes = job.sched_nodes;
  info.batch_host = job.batch_host;
  info.failed_node = job.failed_node;
  info.req_nodes = r.req_nodes;
  info.exc_nodes = r.exc_nodes;
  if (!r.req_nodes.empty()) info.req_node_inx = node_bits(state, r.req_nodes);
  if (!r.exc_nodes.empty()) info.exc_node_inx = node_bits(state, r.exc_nodes);
}

void set_texts(const state::ClusterState& state, wire::JobInfo& info, const Job& job) {
  const JobRequest& r = *job.request;
  info.account = r.account;
  info.admin_comment = r.admin_comment;
  info.network = r.network;
  info.comment = r.comment;
  info.extra = r.extra;
  info.container = r.container;
  info.batch_features = r.batch_features;
  info.burst_buffer = r.burst_buffer;
  info.system_comment = r.system_comment;
  info.qos = r.qos;
  info.licenses = r.licenses;
  info.state_desc = job.state_desc;
  info.resv_name = job.shown_reservation();
  info.mcs_label = r.mcs_label;
  info.name = r.name;
  info.user_name = r.user_name;
  info.wckey = r.wckey;
  info.alloc_node = r.alloc_node;
  info.features = job.preferred && !job.state.pending() ? r.prefer : r.features;
  if (job.state.pending()) info.prefer = r.prefer;
  info.cluster_features = r.cluster_features;
  info.work_dir = r.work_dir;
  info.dependency = model::dependencies_text(job.dependencies);
  info.command = r.command;
  info.submit_line = r.submit_line;
  info.std_err = r.std_err;
  info.std_in = r.std_in;
  info.std_out = r.std_out;
  info.cpus_per_tres = r.cpus_per_tres;
  info.mem_per_tres = r.mem_per_tres;
  info.tres_bind = r.tres_bind;
  info.tres_freq = r.tres_freq;
  info.tres_per_job = r.tres_per_job;
  info.tres_per_node = r.tres_per_node;
  info.tres_per_socket = r.tres_per_socket;
  info.tres_per_task = r.tres_per_task;
  info.mail_type = r.mail_type;
  info.mail_user = r.mail_user.empty() ? r.user_name : r.mail_user;
  info.tres_req_str = requested_tres(job, state.settings, *state.books, memory_of_a_node(state, job));
  if (!job.state.pending()) info.tres_alloc_str = allocated_tres(job, state.settings, *state.books);
}

/// "gpu:tesla:2,net:4" of all nodes, and with `detail` what each has.
void set_gres(wire::JobInfo& info, const Job& job, bool detail) {
  std::vector<model::GresCount> total;
  bool some = false;
  for (const model::NodeShare& share : job.allocation->shares) {
    std::string& here = info.gres_detail_str.emplace_back();
    for (const model::GresShare& gres : share.gres) {
      some = true;
      here += (here.empty() ? "" : ",") + model::gres_share_text(gres);
      const auto same = std::ranges::find_if(
          total, [&](const model::GresCount& sum) { return sum.name == gres.name && sum.type == gres.type; });
      if (same == total.end())
        total.push_back({gres.name, gres.type, gres.count});
      else
        same->count += gres.count;
    }
  }
  if (!some || !detail) info.gres_detail_str.clear();
  for (const model::GresCount& sum : total)
    info.gres_total += fmt::format("{}{}{}{}:{}", info.gres_total.empty() ? "" : ",", sum.name,
                                   sum.type.empty() ? "" : ":", sum.type, sum.count);
}

}  // namespace

wire::Bits node_bits(const state::ClusterState& state, const std::vector<model::NodeId>& nodes) {
  wire::Bits bits(state.next_node_id);
  for (model::NodeId id : nodes)
    if (id < state.next_node_id) bits.set(id);
  return bits;
}

wire::Bits node_bits(const state::ClusterState& state, const std::string& hostlist) {
  std::vector<model::NodeId> ids;
  if (const auto hosts = expand_hosts(hostlist))
    for (const std::string& host : *hosts)
      if (const model::Node* node = state.node(host)) ids.push_back(node->id);
  return node_bits(state, ids);
}

const model::Partition* leading_partition(const state::ClusterState& state, const Job& job) {
  const model::Partition* best = nullptr;
  for (std::string_view rest = job.partition; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const model::Partition* one = state.partition(rest.substr(0, comma));
    if (one && (!best || one->priority_tier > best->priority_tier)) best = one;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return best;
}

wire::JobInfo job_info(const state::ClusterState& state, const Job& job, bool detail,
                       const model::PriorityScale* scale) {
  const JobRequest& r = *job.request;
  wire::JobInfo info;
  info.step_id.job_id = job.id;
  if (job.array) {
    info.array_job_id = job.array->array_job;
    info.array_task_id = job.array->task;
    // The throttle is shown while tasks wait; clients append it to the task list themselves.
    const model::Job* head = state.job(job.array->array_job);
    if (head && head->array && head->array->task == kNoVal32) info.array_max_tasks = head->array->max_running;
    if (job.array->task == kNoVal32) info.array_task_str = job.array->pending.hex_mask();
  }
  if (job.het) {
    info.het_job_id = job.het->leader();
    info.het_job_offset = job.het->offset;
    info.het_job_id_set = component_set(*job.het);
  }
  const bool starts_over = job.state.has(model::job_flag::requeue);  // once its nodes have cleaned up: counted now
  info.user_id = r.user_id;
  info.group_id = r.group_id;
  info.profile = r.profile;
  info.job_state = job.state.number();
  info.batch_flag = r.batch ? static_cast<std::uint16_t>(1 + job.launch_failures) : 0;
  info.state_reason = static_cast<std::uint32_t>(job.reason);
  info.reboot = r.reboot ? 1 : 0;
  info.restart_cnt = static_cast<std::uint16_t>(job.restart_count + (starts_over ? 1 : 0));
  info.delay_boot = r.delay_boot;
  info.alloc_sid = r.alloc_sid;
  info.time_limit = time_limit_of(state, job);
  info.time_min = r.time_min;
  info.nice = r.nice;
  const model::Partition* partition = leading_partition(state, job);
  info.priority = partition ? model::priority_of(scale, job, *partition) : job.priority;
  info.site_factor = r.site_factor;
  info.cluster = state.settings.cluster_name;
  info.partition = job.partition;
  info.exit_code = job.exit_code;
  info.derived_ec = job.derived_exit_code;
  info.requeue = job.requeue_allowed;
  info.cpu_freq_min = r.cpu_freq_min;
  info.cpu_freq_max = r.cpu_freq_max;
  info.cpu_freq_gov = r.cpu_freq_gov;
  info.req_switch = r.req_switch;
  info.wait4switch = r.wait4switch;
  info.bitflags = r.bitflags;
  if (job.cron) {
    info.cronspec = job.cron->spec;
    if (job.cron->comes_back) info.bitflags |= model::job_bit::cron_job;
  }
  const bool planned = job.state.pending() && job.start_time;  // backfill alone tells when a job will start
  if (job.started_by == model::StartedBy::backfill || planned) info.bitflags |= model::job_bit::backfill_sched;
  info.segment_size = r.segment_size;
  info.billable_tres = static_cast<double>(job.allocation ? job.allocation->total_cpus() : r.min_cpus);
  info.start_protocol_ver = job.start_time ? wire::v22_05 : 0;
  set_times(state, info, job);
  set_size(state, info, job);
  set_place(state, info, job);
  set_texts(state, info, job);
  if (job.allocation && !job.state.pending()) set_gres(info, job, detail);
  if (detail) {
    info.show_flags = 2;
    if (job.allocation && !job.state.pending()) info.job_resrcs = job_resources(state, job);
  }
  return info;
}

}  // namespace flurm::ctld
