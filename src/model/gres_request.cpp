// model/gres_request.cpp — see gres_request.hpp.
#include "model/gres_request.hpp"

#include <algorithm>

#include "model/gres.hpp"
#include "model/partition.hpp"

namespace flurm::model {
namespace {

bool given(std::uint16_t value) { return value != kNoVal16 && value != 0; }

GresWish& wish_of(std::vector<GresWish>& wishes, const GresCount& count) {
  const auto found = std::ranges::find_if(
      wishes, [&](const GresWish& wish) { return wish.name == count.name && wish.type == count.type; });
  if (found != wishes.end()) return *found;
  wishes.push_back({.name = count.name, .type = count.type});
  return wishes.back();
}

bool counts(const GresWish& wish) { return wish.per_job || wish.per_node || wish.per_socket || wish.per_task; }

/// A wish of a kind without a type, beside others with one, can only say what goes with each device.
Result<void> spread_general(std::vector<GresWish>& wishes) {
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    const GresWish general = wishes[i];
    if (!general.type.empty()) continue;
    bool typed = false;
    for (const GresWish& other : wishes) typed = typed || (other.name == general.name && !other.type.empty());
    if (!typed) continue;
    if (counts(general)) return fail(Errc::invalid_gres_type, "{} with and without a type", general.name);
    for (GresWish& other : wishes)
      if (other.name == general.name && !other.type.empty()) {
        if (other.cpus_each == 0) other.cpus_each = general.cpus_each;
        if (other.memory_each_mib == 0) other.memory_each_mib = general.memory_each_mib;
      }
    wishes.erase(wishes.begin() + static_cast<std::ptrdiff_t>(i--));
  }
  return {};
}

Result<void> refuse(const GresWish& wish, std::string_view why) {
  return fail(Errc::invalid_gres, "{}: {}", wish.name, why);
}

/// Counts for the job, its nodes, sockets and tasks must be multiples of each other, and of the numbers of those.
Result<void> settle(const GresWish& w, JobRequest& r) {
  const std::uint64_t job = w.per_job, node = w.per_node, socket = w.per_socket, task = w.per_task;
  if (job && (node > job || task > job || socket > job)) return refuse(w, "more for a part than for the job");
  if (node && (task > node || socket > node)) return refuse(w, "more for a part than for the node");
  if (socket && !given(r.sockets_per_node)) return refuse(w, "--sockets-per-node is needed");
  if (job && node) {
    const std::uint64_t nodes = job / node;
    if (job % node || nodes < r.min_nodes || (r.max_nodes && nodes > r.max_nodes)) return refuse(w, "number of nodes");
    r.min_nodes = r.max_nodes = static_cast<std::uint32_t>(nodes);
  }
  if (node && socket && (node % socket || node / socket != r.sockets_per_node)) return refuse(w, "number of sockets");
  if (w.tasks_each && r.num_tasks != kNoVal32 && r.num_tasks % w.tasks_each)
    return refuse(w, "tasks are no multiple of --ntasks-per-gpu");
  if (task) {
    if (!job && r.num_tasks == kNoVal32) return refuse(w, "number of tasks is not known");
    if (job) {
      if (job % task) return refuse(w, "no multiple for tasks");
      if (r.num_tasks == kNoVal32)
        r.num_tasks = static_cast<std::uint32_t>(job / task);
      else if (r.num_tasks != job / task)
        return refuse(w, "number of tasks");
    }
    if (node) {
      if (node % task) return refuse(w, "no multiple for tasks");
      if (!given(r.ntasks_per_node))
        r.ntasks_per_node = static_cast<std::uint16_t>(node / task);
      else if (r.ntasks_per_node != node / task)
        return refuse(w, "number of tasks on a node");
    }
    if (socket) {
      if (socket % task) return refuse(w, "no multiple for tasks");
      if (!given(r.ntasks_per_socket) || r.ntasks_per_socket == kInfinite16)
        r.ntasks_per_socket = static_cast<std::uint16_t>(socket / task);
      else if (r.ntasks_per_socket != socket / task)
        return refuse(w, "number of tasks on a socket");
    }
    if (w.cpus_each) {
      const std::uint64_t cpus = w.cpus_each * task;
      if (!given(r.cpus_per_task))
        r.cpus_per_task = static_cast<std::uint16_t>(std::min<std::uint64_t>(cpus, 0xfff0));
      else if (r.cpus_per_task != cpus)
        return refuse(w, "number of CPUs of a task");
    }
  }
  const std::uint64_t all = job ? job : task && r.num_tasks != kNoVal32 ? task * r.num_tasks : 0;
  if (all) {
    if (all < r.min_nodes) return refuse(w, "fewer than nodes");
    const auto most = static_cast<std::uint32_t>(std::min<std::uint64_t>(all, kNoVal32 - 1));
    if (r.max_nodes > most) r.max_nodes = most;
  }
  return {};
}

/// --ntasks-per-gpu: the number of tasks follows from that of the gpus, or the other way round.
Result<void> settle_tasks_each(JobRequest& r, std::vector<GresWish>& wishes) {
  if (!given(r.ntasks_per_tres)) return {};
  std::uint64_t gpus = 0;
  for (const GresWish& wish : wishes)
    if (wish.name == "gpu")
      gpus += wish.per_job ? wish.per_job : wish.per_node ? wish.per_node * r.min_nodes : wish.per_task;
  if (gpus != 0) {
    r.num_tasks = static_cast<std::uint32_t>(gpus * r.ntasks_per_tres);
  } else if (r.num_tasks != kNoVal32 && r.num_tasks != 0) {
    gpus = r.num_tasks / r.ntasks_per_tres;
    if (gpus == 0) return fail(Errc::invalid_gres, "--ntasks-per-gpu is more than all tasks");
    r.tres_per_job = r.tres_per_job.empty() ? "" : r.tres_per_job + ",";
    r.tres_per_job += "gres:gpu:" + std::to_string(gpus);
    wish_of(wishes, {.name = "gpu", .type = {}, .count = 0}).per_job = gpus;
  } else {
    return fail(Errc::invalid_gres, "--ntasks-per-gpu without gpus or tasks");
  }
  return {};
}

}  // namespace

Result<std::vector<GresWish>> gres_wishes(const GresWords& words, std::string_view kinds) {
  std::vector<GresWish> wishes;
  const auto read = [&](std::string_view text, auto set) -> Result<void> {
    if (text.empty()) return {};
    FLURM_TRY(const std::vector<GresCount> each, parse_gres_wish(text, kinds));
    for (const GresCount& count : each) set(wish_of(wishes, count), count.count);
    return {};
  };
  FLURM_TRY_VOID(read(words.per_job, [](GresWish& w, std::uint64_t n) { w.per_job = n; }));
  FLURM_TRY_VOID(read(words.per_node, [](GresWish& w, std::uint64_t n) { w.per_node = n; }));
  FLURM_TRY_VOID(read(words.per_socket, [](GresWish& w, std::uint64_t n) { w.per_socket = n; }));
  FLURM_TRY_VOID(read(words.per_task, [](GresWish& w, std::uint64_t n) { w.per_task = n; }));
  FLURM_TRY_VOID(read(words.cpus_each, [](GresWish& w, std::uint64_t n) {
    w.cpus_each = static_cast<std::uint32_t>(std::min<std::uint64_t>(n, 0xfff0));
  }));
  FLURM_TRY_VOID(read(words.memory_each, [](GresWish& w, std::uint64_t n) { w.memory_each_mib = n; }));
  for (GresWish& wish : wishes)
    if (given(words.tasks_each)) wish.tasks_each = words.tasks_each;
  FLURM_TRY_VOID(spread_general(wishes));
  return wishes;
}

Result<std::vector<GresWish>> gres_wishes(const JobRequest& r, std::string_view kinds) {
  auto wishes = gres_wishes(GresWords{.per_job = r.tres_per_job,
                                      .per_node = r.tres_per_node,
                                      .per_socket = r.tres_per_socket,
                                      .per_task = r.tres_per_task,
                                      .cpus_each = r.cpus_per_tres,
                                      .memory_each = r.mem_per_tres,
                                      .tasks_each = given(r.ntasks_per_tres) ? r.ntasks_per_tres : std::uint16_t{0}},
                            kinds);
  if (wishes && r.num_tasks != kNoVal32)
    for (GresWish& wish : *wishes)
      if (wish.per_job == 0) wish.per_job = wish.per_task * r.num_tasks;
  return wishes;
}

Result<void> settle_gres(JobRequest& r, const Settings& settings) {
  const bool more = !r.cpus_per_tres.empty() || !r.tres_per_job.empty() || !r.tres_per_socket.empty() ||
                    !r.tres_per_task.empty() || !r.mem_per_tres.empty();
  if (!more && r.tres_per_node.empty() && !given(r.ntasks_per_tres)) return {};
  const std::uint32_t tasks_before = r.num_tasks;
  if ((!r.tres_per_task.empty() || given(r.ntasks_per_tres)) && r.num_tasks == kNoVal32 && r.min_nodes == r.max_nodes) {
    if (given(r.ntasks_per_tres))
      r.num_tasks = r.min_nodes * r.ntasks_per_tres;
    else if (given(r.ntasks_per_node))
      r.num_tasks = r.min_nodes * r.ntasks_per_node;
    else if (r.cpus_per_task == kNoVal16)
      r.num_tasks = r.min_nodes;
  }
  if (more && settings.select_linear) return fail(Errc::unsupported_gres, "select/linear gives out whole nodes");
  FLURM_TRY(std::vector<GresWish> wishes, gres_wishes(r, settings.gres_types));
  FLURM_TRY_VOID(settle_tasks_each(r, wishes));
  const bool gpu = std::ranges::any_of(wishes, [](const GresWish& w) { return w.name == "gpu" && counts(w); });
  if (!r.mem_per_tres.empty() && !gpu) return fail(Errc::invalid_gres, "memory for each gpu, but no gpu");
  bool shared = false;
  for (const GresWish& wish : wishes) {
    FLURM_TRY_VOID(settle(wish, r));
    if (!is_shared_gres(wish.name)) continue;
    shared = true;  // it lies on one device of each node: only a count for the node makes sense
    if ((wish.per_job && r.max_nodes != 1) || (wish.per_socket && r.sockets_per_node != 1) ||
        (wish.per_task && r.num_tasks != 1))
      return refuse(wish, "a shared resource is counted for each node");
  }
  if (r.num_tasks != kNoVal32) {  // it may have followed from the counts
    const std::uint32_t each = given(r.cpus_per_task) ? r.cpus_per_task : 1;
    const bool followed = tasks_before == kNoVal32 || given(r.ntasks_per_tres);
    if (!r.overcommit && followed) r.min_cpus = std::max(r.min_cpus, r.num_tasks * each);
  }
  if (shared && (gpu || r.tres_freq.find("gpu") != r.tres_freq.npos))
    return fail(Errc::invalid_gres, "gpus, and parts of gpus");
  return {};
}

}  // namespace flurm::model
