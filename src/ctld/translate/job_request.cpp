// ctld/translate/job_request.cpp — see job_request.hpp.
#include "ctld/translate/job_request.hpp"

#include <algorithm>

namespace flurm::ctld {
namespace {

constexpr std::uint32_t kNiceOffset = 0x80000000;  // slurm 22.05 src/common/slurm_protocol_defs.h NICE_OFFSET
constexpr std::uint32_t kDistCyclic = 1;           // slurm 22.05 slurm/slurm.h SLURM_DIST_CYCLIC

std::string text(const std::optional<std::string>& value) { return value.value_or(""); }

template <class T>
T or_default(T value, T unset, T fallback) {
  return value == unset ? fallback : value;
}
std::uint16_t or16(std::uint16_t value, std::uint16_t fallback) { return or_default(value, kNoVal16, fallback); }
std::uint32_t or32(std::uint32_t value, std::uint32_t fallback) { return or_default(value, kNoVal32, fallback); }

std::string command_line(const std::vector<std::string>& argv) {
  std::string out;
  for (const std::string& arg : argv) {
    if (!out.empty()) out += ' ';
    out += arg;
  }
  return out;
}

Result<void> check(const wire::JobDesc& desc) {
  if (desc.min_cpus == kNoVal32 && desc.min_nodes == kNoVal32 && !desc.req_nodes)
    return fail(Errc::job_missing_size_specification);
  if (desc.user_id == kNoVal32) return fail(Errc::user_id_missing);
  if (desc.group_id == kNoVal32) return fail(Errc::group_id_missing);
  return {};
}

}  // namespace

Result<model::JobRequest> job_request(const wire::JobDesc& desc, const model::Settings& settings,
                                      const model::Partition* partition) {
  if (auto checked = check(desc); !checked) return std::unexpected(checked.error());
  model::JobRequest r;
  r.user_id = desc.user_id;
  r.group_id = desc.group_id;
  r.alloc_node = text(desc.alloc_node);
  r.alloc_sid = desc.alloc_sid;
  r.resp_host = text(desc.resp_host);
  r.alloc_resp_port = desc.alloc_resp_port;
  r.other_port = desc.other_port;
  r.name = text(desc.name);
  r.account = text(desc.account);
  r.qos = text(desc.qos);
  r.wckey = text(desc.wckey);
  r.partition = text(desc.partition);
  r.reservation = text(desc.reservation);
  r.comment = text(desc.comment);
  r.admin_comment = text(desc.admin_comment);
  r.extra = text(desc.extra);
  r.mcs_label = text(desc.mcs_label);
  r.burst_buffer = text(desc.burst_buffer);
  r.container = text(desc.container);
  r.network = text(desc.network);
  r.acctg_freq = text(desc.acctg_freq);
  r.cluster_features = text(desc.cluster_features);
  r.submit_line = text(desc.submit_line);
  r.work_dir = text(desc.work_dir);
  r.std_in = text(desc.std_in);
  r.std_out = text(desc.std_out);
  r.std_err = text(desc.std_err);
  r.command = command_line(desc.argv);
  r.open_mode = desc.open_mode;
  r.begin_time = desc.begin_time;
  r.deadline = desc.deadline;
  r.time_limit = desc.time_limit;
  r.time_min = or32(desc.time_min, 0);
  r.priority = desc.priority;
  r.nice = or32(desc.nice, kNiceOffset);
  r.site_factor = or32(desc.site_factor, kNiceOffset);
  r.delay_boot = or32(desc.delay_boot, 0);
  r.dependency = text(desc.dependency);

  r.min_nodes = or32(desc.min_nodes, 1);
  r.max_nodes = or32(desc.max_nodes, 0);
  r.min_cpus = or32(desc.min_cpus, r.min_nodes);
  r.max_cpus = desc.max_cpus;
  r.num_tasks = desc.num_tasks;
  r.overcommit = desc.overcommit != kNoVal8 && desc.overcommit;
  r.cpus_per_task = desc.cpus_per_task == kNoVal16 ? kNoVal16 : std::max<std::uint16_t>(desc.cpus_per_task, 1);
  const std::uint16_t per_task = r.cpus_per_task == kNoVal16 ? 1 : r.cpus_per_task;
  r.ntasks_per_node = or16(desc.ntasks_per_node, 0);
  r.ntasks_per_tres = or16(desc.ntasks_per_tres, 0);
  r.ntasks_per_board = desc.ntasks_per_board;
  r.ntasks_per_socket = desc.ntasks_per_socket;
  r.ntasks_per_core = desc.ntasks_per_core;
  r.boards_per_node = desc.boards_per_node;
  r.sockets_per_board = desc.sockets_per_board;
  r.sockets_per_node = desc.sockets_per_node;
  r.cores_per_socket = desc.cores_per_socket;
  r.threads_per_core = desc.threads_per_core;
  r.plane_size = desc.plane_size;
  r.pn_min_cpus = desc.pn_min_cpus == kNoVal16 || desc.pn_min_cpus == 0 ? 1 : desc.pn_min_cpus;
  if (r.ntasks_per_node && !r.overcommit && r.num_tasks > 1 && r.num_tasks != kNoVal32)
    r.pn_min_cpus = std::max<std::uint16_t>(r.pn_min_cpus, static_cast<std::uint16_t>(per_task * r.ntasks_per_node));
  r.pn_min_cpus = std::max(r.pn_min_cpus, per_task);
  r.core_spec = desc.core_spec;
  // what jobs of scrontabs and of backfill are, others cannot make themselves
  r.bitflags = desc.bitflags & ~(model::job_bit::cron_job | model::job_bit::backfill_sched);
  if (desc.pn_min_memory == kNoVal64 && desc.mem_per_tres && !desc.mem_per_tres->empty()) {
    r.pn_min_memory = 0;  // it comes with the devices
  } else if (desc.pn_min_memory == kNoVal64) {
    r.pn_min_memory = partition && partition->def_mem_per_cpu ? partition->def_mem_per_cpu : settings.def_mem_per_cpu;
  } else {
    r.pn_min_memory = desc.pn_min_memory;
    r.bitflags |= model::job_bit::memory_set;
  }
  if (r.pn_min_memory == model::kMemoryPerCpu) r.pn_min_memory = 0;  // --mem-per-cpu=0 is --mem=0
  r.pn_min_tmp_disk = or32(desc.pn_min_tmp_disk, 0);
  r.task_dist = or32(desc.task_dist, kDistCyclic);

  r.req_nodes = text(desc.req_nodes);
  r.exc_nodes = text(desc.exc_nodes);
  r.features = text(desc.features);
  r.prefer = text(desc.prefer);
  r.batch_features = text(desc.batch_features);
  r.licenses = text(desc.licenses);
  r.contiguous = or16(desc.contiguous, 0);
  r.shared = desc.shared;
  r.req_switch = or32(desc.req_switch, 0);
  r.wait4switch = or32(desc.wait4switch, 0);
  r.requeue = desc.requeue == kNoVal16 ? settings.job_requeue : std::min<std::uint16_t>(desc.requeue, 1);
  r.reboot = or16(desc.reboot, 0) ? 1 : 0;
  if (r.reboot) r.shared = 0;  // nobody else's job may be there
  r.kill_on_node_fail = or16(desc.kill_on_node_fail, 1);
  r.wait_all_nodes = or16(desc.wait_all_nodes, 0);
  r.profile = desc.profile;
  r.cpu_freq_min = desc.cpu_freq_min;
  r.cpu_freq_max = desc.cpu_freq_max;
  r.cpu_freq_gov = desc.cpu_freq_gov;
  r.cpu_bind = text(desc.cpu_bind);
  r.mem_bind = text(desc.mem_bind);
  r.cpu_bind_type = desc.cpu_bind_type;
  r.mem_bind_type = desc.mem_bind_type;
  r.warn_flags = desc.warn_flags;
  r.warn_signal = desc.warn_signal;
  r.warn_time = desc.warn_time;
  r.mail_type = or16(desc.mail_type, 0);
  r.mail_user = text(desc.mail_user);
  r.x11 = desc.x11;
  r.cpus_per_tres = text(desc.cpus_per_tres);
  r.mem_per_tres = text(desc.mem_per_tres);
  r.tres_bind = text(desc.tres_bind);
  r.tres_freq = text(desc.tres_freq);
  r.tres_per_job = text(desc.tres_per_job);
  r.tres_per_node = text(desc.tres_per_node);
  r.tres_per_socket = text(desc.tres_per_socket);
  r.tres_per_task = text(desc.tres_per_task);
  r.segment_size = or16(desc.segment_size, 0);
  return r;
}

model::JobPayload job_payload(wire::JobDesc& desc) {
  model::JobPayload payload;
  if (desc.script) payload.script = std::move(*desc.script);
  payload.argv = std::move(desc.argv);
  payload.environment = std::move(desc.environment);
  payload.spank_environment = std::move(desc.spank_job_env);
  payload.x11_cookie = std::move(desc.x11_magic_cookie).value_or("");
  payload.x11_target = std::move(desc.x11_target).value_or("");
  payload.x11_target_port = desc.x11_target_port;
  return payload;
}

}  // namespace flurm::ctld
