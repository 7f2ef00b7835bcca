// noded/task_launch.cpp — the part of Launcher for steps that are no batch scripts: srun's, and the extern step.
#include <algorithm>

#include "base/hostlist.hpp"
#include "base/log.hpp"
#include "noded/cpu_binding.hpp"
#include "noded/gres_environment.hpp"
#include "noded/launcher.hpp"
#include "noded/memory_binding.hpp"
#include "noded/x11.hpp"
#include "wire/versions.hpp"

namespace flurm::noded {
namespace {

PrologJob prolog_facts(const wire::LaunchTasks& order) {
  return {.job_id = order.step_id.job_id.v,
          .het_job_id = order.het_job_id == kNoVal32 ? 0 : order.het_job_id,
          .uid = order.uid,
          .gid = order.gid,
          .user_name = order.user_name,
          .nodes = order.cred.job_hostlist,
          .partition = order.cred.job_partition,
          .work_dir = order.cwd,
          .alias_list = order.alias_list,
          .spank_job_env = order.spank_job_env,
          .credential = order.cred};
}

}  // namespace

/// What slurmd checks before a step: who asks, the credential, and that both are about this step on this node.
io::Task<Errc> Launcher::check_step(wire::LaunchTasks order, std::uint32_t uid) {
  const wire::Cred& cred = order.cred;
  const auto refuse = [&](std::string_view why) {
    log(Level::error, "noded.step_refused",
        {{"job_id", order.step_id.job_id.v}, {"step_id", order.step_id.step_id}, {"uid", uid}, {"why", why}});
  };
  if (uid != order.uid && !node_.may_command(uid)) {
    refuse("not the user's own");
    co_return Errc::user_id_missing;
  }
  if (order.flags & wire::launch_no_alloc) {  // srun --no-allocate: its credential is srun's own
    if (node_.may_command(uid)) co_return Errc::success;
    refuse("outside of an allocation");
    co_return Errc::access_denied;
  }
  const auto hosts = HostSet::parse(cred.step_hostlist);
  if (cred.step_id.job_id != order.step_id.job_id || cred.step_id.step_id != order.step_id.step_id ||
      cred.id.uid != order.uid || cred.id.gid != order.gid || !hosts || !hosts->contains(node_.setup.facts.node_name) ||
      cred.signature.empty()) {
    refuse("the credential is another's");
    co_return Errc::node_invalid_job_credential;
  }
  auto verifying = node_.credentials.verify(cred.signed_bytes, cred.signature);
  auto verified = co_await verifying;
  if (!verified) {
    refuse(verified.error().text);
    co_return verified.error().code;
  }
  co_return Errc::success;
}

io::Task<Result<void>> Launcher::launch_tasks(wire::LaunchTasks order, std::uint16_t version, std::uint32_t uid,
                                              std::string client_host) {
  if (version >= wire::v23_11) {
    order.uid = order.cred.id.uid;
    order.gid = order.cred.id.gid;
  }
  const auto nodes = expand_hosts(order.complete_nodelist);
  const auto rank = nodes ? std::ranges::find(*nodes, node_.setup.facts.node_name) - nodes->begin() : 0;
  if (!nodes || static_cast<std::size_t>(rank) >= std::min(nodes->size(), order.tasks.size())) {
    co_return fail(Errc::invalid_node_name);
  }
  auto checking = check_step(order, uid);
  if (const Errc checked = co_await checking; checked != Errc::success) co_return fail(checked);

  const std::uint32_t job_id = order.step_id.job_id.v, step_id = order.step_id.step_id;
  auto clearing = make_way_for(job_id, order.cred.job_restart_cnt);
  if (const Errc cleared = co_await clearing; cleared != Errc::success) co_return fail(cleared);
  if (node_.ended.refuses(job_id, order.cred.job_restart_cnt, order.cred.job_start_time, order.cred.ctime)) {
    log(Level::info, "noded.job_ended_before_step", {{"job_id", job_id}});
    co_return fail(Errc::node_credential_revoked);
  }
  NodeJobPtr job = node_.jobs.find_or_make(job_id);
  if (job->terminating) co_return fail(Errc::node_credential_revoked);
  if (!job->steps_seen.insert(step_id).second) co_return fail(Errc::node_step_exists);
  job->restart_count = order.cred.job_restart_cnt;
  job->start_time = order.cred.job_start_time;
  if (job->prolog == NodeJob::Prolog::not_run && job->facts.uid == 0) job->facts = prolog_facts(order);

  StepPlace place{.node_rank = static_cast<std::uint32_t>(rank), .client_host = std::move(client_host)};
  if (!order.resp_port.empty()) place.message_port = order.resp_port[place.node_rank % order.resp_port.size()];
  ++job->launching;
  auto prolog = prolog_before_launch(job);
  Errc rc = co_await prolog;
  if (rc == Errc::success && job->terminating) rc = Errc::node_credential_revoked;
  Result<void> started = rc == Errc::success ? Result<void>{} : fail(rc);
  if (started) {
    auto starting = start_tasks(job, std::move(order), std::move(place), version);
    started = co_await starting;
  }
  --job->launching;
  job->changed.notify();
  if (rc == Errc::node_prolog_failed && !(node_.setup.config.prolog_flags & conf::kPrologAlloc)) {
    auto failing = reporter_.launch_failed(job, rc);
    co_await failing;
    node_trouble_(rc);
  }
  co_return started;
}

io::Task<Result<void>> Launcher::start_tasks(NodeJobPtr job, wire::LaunchTasks order, StepPlace place,
                                             std::uint16_t version) {
  auto identifying = node_.identity_for(order.cred.id);
  auto user = co_await identifying;
  if (!user) {
    log(Level::error, "noded.job_owner", {{"job_id", job->id()}, {"error", user.error().text}});
    co_return fail(user.error().code);
  }
  job->facts.user_name = user->name;
  const NodeSetup& setup = node_.setup;
  const auto cores = node_cores(order.cred, setup.facts.node_name);
  if (cores) place.cpus = step_cpus(order.cred, *cores, setup.hardware.cpus);
  order.node_cpus = static_cast<std::uint16_t>(place.cpus);
  order.job_core_spec = order.cred.job_core_spec;
  if (order.step_id.step_id == kInteractiveStep) {
    order.cpu_bind_type = cpu_bind_none;
    order.mem_bind_type = mem_bind_none;
    order.cpu_bind.clear();
    order.mem_bind.clear();
  }
  std::optional<Binding> binding;
  if (cores && setup.config.task_plugin.find("task/affinity") != std::string::npos) {
    const Hardware& node = setup.hardware;
    auto bound = bind_tasks(order, place.node_rank, *cores,
                            {.cpus = node.cpus,
                             .sockets = node.sockets,
                             .cores_per_socket = node.cores_per_socket,
                             .threads_per_core = node.threads_per_core},
                            setup.cpus,
                            {.block_by_default = (setup.config.select_type_param & conf::kCrCoreDefaultDistBlock) != 0,
                             .task_plugin_param = setup.config.task_plugin_param});
    if (!bound) {
      log(Level::error, "noded.binding", {{"job_id", job->id()}, {"error", bound.error().text}});
      co_return fail(bound.error());
    }
    binding = std::move(*bound);
    order.cpu_bind_type = binding->type;
    order.cpu_bind = binding->list;
  }
  log(Level::info, "noded.step_launch",
      {{"job_id", job->id()},
       {"step_id", order.step_id.step_id},
       {"uid", user->uid},
       {"tasks", order.tasks[place.node_rank].global_task_ids.size()}});
  // srun --bcast: a program sent into a directory is started by the name it got there, with the libraries sent along.
  if (!order.argv.empty()) {
    order.argv[0] = broadcast_path(std::move(order.argv[0]), job->id(), order.step_id.step_id, setup.facts.node_name);
  }
  if (const std::string sent = files_.libraries(user->uid, job->id(), order.step_id.step_id); !sent.empty()) {
    exec::Environment env(order.env);
    const auto path = env.get("LD_LIBRARY_PATH");
    env.set("LD_LIBRARY_PATH", path ? fmt::format("{}:{}", sent, *path) : sent);
    order.env = env.entries();
  }
  auto plan = plan_task_step(order, std::move(*user), setup.facts, setup.settings, setup.config, place, version);
  if (!plan) {
    log(Level::error, "noded.step_plan", {{"job_id", job->id()}, {"error", plan.error().text}});
    co_return fail(plan.error());
  }
  const std::vector<GresHeld> held = tell_devices(*plan, order.cred);
  for (std::size_t i = 0; binding && i < plan->tasks.size(); ++i) {
    plan->tasks[i].cpus = binding->cpus[i];
    plan->tasks[i].cpu_bind_report =
        bind_report(*binding, setup.facts.node_name, plan->tasks[i].global_id, static_cast<std::uint32_t>(i));
  }
  if (binding) {
    if (auto bound = bind_memory_of(*plan, order); !bound) {
      log(Level::error, "noded.binding", {{"job_id", job->id()}, {"error", bound.error().text}});
      co_return bound;
    }
  }
  bind_devices(*plan, order, held);
  if (shows_display(order.cred.job_x11, order.cred.job_hostlist, setup.facts.node_name)) {
    while (job->extern_awaited) {  // it has the display
      auto waiting = job->changed.changed();
      (void)co_await waiting;
    }
    const auto found = job->steps.find(kExternStep);
    set_display(*plan, found == job->steps.end() ? nullptr : &found->second->state());
  }
  auto enclosing = in_container(std::move(*plan), order.container);
  plan = co_await enclosing;
  if (!plan) co_return fail(plan.error());
  auto supervising = supervise(job, std::move(*plan));
  auto link = co_await supervising;
  if (link) co_return Result<void>{};
  log(Level::error, "noded.supervisor", {{"job_id", job->id()}, {"error", link.error().text}});
  co_return fail(Errc::node_execve_failed);
}

/// --mem-bind, after the tasks have their CPUs.
Result<void> Launcher::bind_memory_of(exec::StepLaunch& plan, const wire::LaunchTasks& order) const {
  if (order.mem_bind_type == 0) return {};
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    exec::TaskLaunch& task = plan.tasks[i];
    FLURM_TRY(MemoryBinding memory,
              bind_memory(order.mem_bind_type, order.mem_bind,
                          {.local_id = static_cast<std::uint32_t>(i), .global_id = task.global_id, .cpus = task.cpus},
                          order.node_cpus, node_.setup.cpus, node_.setup.facts.host_name));
    task.memory_nodes = std::move(memory.nodes);
    task.memory_preferred = memory.preferred;
    if (memory.report.empty()) continue;
    if (!task.cpu_bind_report.empty()) task.cpu_bind_report += '\n';
    task.cpu_bind_report += memory.report;
  }
  return {};
}

/// --gpu-bind, which means something between several tasks only.
void Launcher::bind_devices(exec::StepLaunch& plan, const wire::LaunchTasks& order,
                            const std::vector<GresHeld>& held) const {
  if (plan.tasks.size() < 2) return;
  const NodeSetup& setup = node_.setup;
  const GpuBinding binding = parse_gpu_binding(order.accel_bind_type, order.tres_bind);
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    std::vector<bool> near;
    for (const GresHeld& each : held)
      if (each.kind->name == "gpu")
        for (const std::string& cores : each.kind->cores)
          near.push_back(
              lies_near(cores, plan.tasks[i].cpus, setup.hardware.threads_per_core, setup.cpus.system_number));
    GpuTask bound = bind_gpus(binding, held, static_cast<std::uint32_t>(i), near, sees_own_devices());
    exec::TaskLaunch& task = plan.tasks[i];
    task.env.insert(task.env.end(), bound.env.begin(), bound.env.end());
    if (bound.devices && sees_own_devices()) {
      std::vector<GresHeld> mine = held;
      for (GresHeld& each : mine)
        if (each.kind->name == "gpu") each.devices = *bound.devices;
      task.denied_devices = denied_devices(setup.gres, mine);
    }
    if (bound.report.empty()) continue;
    if (!task.cpu_bind_report.empty()) task.cpu_bind_report += '\n';
    task.cpu_bind_report += bound.report;
  }
}

io::Task<Errc> Launcher::start_extern_step(NodeJobPtr job, std::optional<exec::StepX11> x11) {
  auto identifying = node_.identity_for(job->facts.credential->id);
  auto user = co_await identifying;
  if (!user) co_return user.error().code;
  const NodeSetup& setup = node_.setup;
  ++job->launching;
  job->restart_count = job->facts.credential->job_restart_cnt;
  const wire::Cred& credential = *job->facts.credential;
  exec::StepLaunch plan = plan_extern_step(credential, std::move(*user), setup.facts, setup.settings, setup.config);
  deny_devices(plan, gres_of_job(setup.gres, credential, setup.facts.node_name));
  plan.x11 = std::move(x11);
  auto supervising = supervise(job, std::move(plan));
  auto link = co_await supervising;
  --job->launching;
  job->changed.notify();
  if (link) co_return Errc::success;
  log(Level::error, "noded.supervisor", {{"job_id", job->id()}, {"error", link.error().text}});
  co_return Errc::node_execve_failed;
}

}  // namespace flurm::noded
