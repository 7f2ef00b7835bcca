// spank/items.cpp — spank_get_item: what plugins may ask about the step. (slurm 22.05 common/plugstack.c)
#include <algorithm>
#include <cstdarg>
#include <cstring>

#include "spank/api.hpp"
#include "spank/stack.hpp"

using namespace flurm::spank;

namespace {

bool is_version(Item item) { return item >= Item::slurm_version && item <= Item::slurm_version_micro; }

Code availability(const Handle& handle, Item item) {
  if (is_version(item)) return kSuccess;
  switch (handle.stack->context()) {
    case Context::remote:
      return handle.job ? kSuccess : kNotAvail;
    case Context::job_script:
      return item == Item::job_uid || item == Item::job_gid || item == Item::job_id ? kSuccess : kNotAvail;
    default:
      return kNotAvail;
  }
}

/// Pointers into a list of texts, with a null behind them. One list of each kind is given out at a time.
struct Pointers {
  std::vector<char*> list;
  char** take(const std::vector<std::string>& texts) {
    list.clear();
    for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
    list.push_back(nullptr);
    return list.data();
  }
};

Code task_item(const Handle& handle, Item item, va_list values) {
  const Task* task = handle.task >= 0 ? &handle.job->tasks[static_cast<std::size_t>(handle.task)] : nullptr;
  switch (item) {
    case Item::task_id:
      *va_arg(values, int*) = task ? static_cast<int>(task->local_id) : -1;
      return task ? kSuccess : kNotTask;
    case Item::task_global_id:
      if (task) *va_arg(values, std::uint32_t*) = task->global_id;
      return task ? kSuccess : kNotTask;
    case Item::task_exit_status:
      if (!task || !task->wait_status) return kNotTask;
      *va_arg(values, int*) = *task->wait_status;
      return kSuccess;
    default:
      *va_arg(values, pid_t*) = task ? task->pid : 0;
      return task ? kSuccess : kNotTask;
  }
}

/// From one name of a task to another.
Code task_name(const Handle& handle, Item item, va_list values) {
  constexpr std::uint32_t kNone = ~std::uint32_t{0};
  const std::uint32_t from = va_arg(values, std::uint32_t);
  std::uint32_t* const to = va_arg(values, std::uint32_t*);
  *to = kNone;
  const bool by_pid = item == Item::job_pid_to_global_id || item == Item::job_pid_to_local_id;
  const bool running =
      handle.phase == Phase::task_post_fork || handle.phase == Phase::task_exit || handle.phase == Phase::exit;
  if (by_pid && !running) return kNotExecd;
  if (item == Item::job_global_to_local_id && from >= handle.job->facts.task_count) return kBadArg;
  const auto& tasks = handle.job->tasks;
  const auto task = std::ranges::find_if(tasks, [&](const Task& each) {
    if (by_pid) return each.pid == static_cast<pid_t>(from);
    return (item == Item::job_local_to_global_id ? each.local_id : each.global_id) == from;
  });
  if (task == tasks.end()) return kNoExist;
  const bool to_global = item == Item::job_pid_to_global_id || item == Item::job_local_to_global_id;
  *to = to_global ? task->global_id : task->local_id;
  return kSuccess;
}

Code step_item(Handle& handle, Item item, va_list values) {
  static Pointers arguments, environment;
  Job& job = *handle.job;
  const auto u32 = [&](std::uint32_t value) { *va_arg(values, std::uint32_t*) = value; };
  const auto u64 = [&](std::uint64_t value) { *va_arg(values, std::uint64_t*) = value; };
  const auto text = [&](std::string& value) { *va_arg(values, char**) = value.data(); };
  switch (item) {
    case Item::job_uid:
      *va_arg(values, uid_t*) = job.uid;
      break;
    case Item::job_gid:
      *va_arg(values, gid_t*) = job.gid;
      break;
    case Item::job_supplementary_gids:
      *va_arg(values, gid_t**) = job.gids.data();
      *va_arg(values, int*) = static_cast<int>(job.gids.size());
      break;
    case Item::job_id:
      u32(job.job_id);
      break;
    case Item::job_stepid:
      u32(job.step_id);
      break;
    case Item::job_array_id:
      u32(job.facts.array_job_id);
      break;
    case Item::job_array_task_id:
      u32(job.facts.array_task_id);
      break;
    case Item::job_nnodes:
      u32(job.node_count);
      break;
    case Item::job_nodeid:
      u32(job.node_rank);
      break;
    case Item::job_local_task_count:
      u32(static_cast<std::uint32_t>(job.tasks.size()));
      break;
    case Item::job_total_task_count:
      u32(job.facts.task_count);
      break;
    case Item::job_ncpus:
      *va_arg(values, std::uint16_t*) = job.facts.cpus;
      break;
    case Item::step_cpus_per_task:
      u32(job.facts.cpus_per_task);
      break;
    case Item::job_argv:
      *va_arg(values, int*) = static_cast<int>(job.facts.argv.size());
      *va_arg(values, char***) = arguments.take(job.facts.argv);
      break;
    case Item::job_env:
      *va_arg(values, char***) = job.env ? environment.take(job.env->entries()) : nullptr;
      break;
    case Item::job_alloc_cores:
      text(job.facts.job_cores);
      break;
    case Item::step_alloc_cores:
      text(job.facts.step_cores);
      break;
    case Item::job_alloc_mem:
      u64(job.facts.job_memory_mib);
      break;
    case Item::step_alloc_mem:
      u64(job.facts.step_memory_mib);
      break;
    case Item::slurm_restart_count:
      u32(job.restart_count);
      break;
    case Item::task_id:
    case Item::task_global_id:
    case Item::task_exit_status:
    case Item::task_pid:
      return task_item(handle, item, values);
    case Item::job_pid_to_global_id:
    case Item::job_pid_to_local_id:
    case Item::job_local_to_global_id:
    case Item::job_global_to_local_id:
      return task_name(handle, item, values);
    default:
      return kBadArg;
  }
  return kSuccess;
}

}  // namespace

extern "C" int spank_get_item(Handle* handle, int number, ...) {
  if (!handle || handle->magic != Handle::kMagic) return kBadArg;
  const auto item = static_cast<Item>(number);
  if (const Code code = availability(*handle, item); code != kSuccess) return code;
  va_list values;
  va_start(values, number);
  Code code = kSuccess;
  if (is_version(item))
    *va_arg(values, const char**) =
        handle->plugin->version[static_cast<std::size_t>(number - static_cast<int>(Item::slurm_version))].c_str();
  else
    code = step_item(*handle, item, values);
  va_end(values);
  return code;
}
