// noded/launcher.cpp — see launcher.hpp.
#include "noded/launcher.hpp"

#include <algorithm>

#include "base/hostlist.hpp"
#include "base/log.hpp"
#include "exec/step_order.hpp"
#include "io/worker.hpp"
#include "noded/container.hpp"
#include "noded/gres_environment.hpp"
#include "noded/spank.hpp"
#include "noded/strays.hpp"
#include "noded/user_environment.hpp"
#include "noded/x11.hpp"

namespace flurm::noded {
namespace {

PrologJob prolog_facts(const wire::BatchJobLaunch& order) {
  return {.job_id = order.job_id.v,
          .het_job_id = order.het_job_id.v,
          .uid = order.uid,
          .gid = order.gid,
          .user_name = order.user_name,
          .nodes = order.nodes,
          .partition = order.partition,
          .work_dir = order.work_dir,
          .alias_list = {},
          .spank_job_env = order.spank_job_env,
          .credential = order.cred};
}

PrologJob prolog_facts(const wire::PrologLaunch& order) {
  return {.job_id = order.job_id.v,
          .het_job_id = order.het_job_id.v,
          .uid = order.uid,
          .gid = order.gid,
          .user_name = order.user_name,
          .nodes = order.nodes,
          .partition = order.cred.job_partition,
          .work_dir = order.work_dir,
          .alias_list = order.alias_list,
          .spank_job_env = order.spank_job_env,
          .credential = order.cred};
}

bool wants_login_environment(const std::vector<std::string>& environment) {
  return std::ranges::find(environment, "SLURM_GET_USER_ENV=1") != environment.end();
}

}  // namespace

io::Task<Errc> Launcher::check(wire::Cred credential, std::uint32_t job_id, std::uint32_t uid) {
  const std::string& node_name = node_.setup.facts.node_name;
  const auto hosts = HostSet::parse(credential.job_hostlist);
  if (credential.step_id.job_id.v != job_id || credential.id.uid != uid || !hosts || !hosts->contains(node_name)) {
    log(Level::error, "noded.credential_of_another", {{"job_id", job_id}, {"nodes", credential.job_hostlist}});
    co_return Errc::node_invalid_job_credential;
  }
  // Slurm's controller leaves the credential of a batch job unsigned: the message itself, whose sender was
  // authenticated as SlurmUser, vouches for it. A signature that is there must be right.
  if (credential.signature.empty()) co_return Errc::success;
  auto verifying = node_.credentials.verify(std::move(credential.signed_bytes), std::move(credential.signature));
  auto verified = co_await verifying;
  if (verified) co_return Errc::success;
  log(Level::error, "noded.credential_refused", {{"job_id", job_id}, {"error", verified.error().text}});
  co_return verified.error().code;
}

// --- batch --------------------------------------------------------------------------------------------------------

io::Task<Errc> Launcher::launch_batch(wire::BatchJobLaunch order) {
  // From 23.11 on, user and groups travel in the credential alone, and from 25.11 the job's id.
  const wire::Identity& owner = order.cred.id;
  if (order.job_id.v == 0) order.job_id = order.cred.step_id.job_id;
  if (order.user_name.empty()) {
    order.uid = owner.uid;
    order.gid = owner.gid;
  }
  const std::uint32_t job_id = order.job_id.v;
  auto checking = check(order.cred, job_id, order.uid);
  if (const Errc checked = co_await checking; checked != Errc::success) co_return checked;

  auto clearing = make_way_for(job_id, order.restart_cnt);
  if (const Errc cleared = co_await clearing; cleared != Errc::success) co_return cleared;
  if (NodeJobPtr known = node_.jobs.find(job_id); known && known->batch_ordered) {  // a repetition
    if (known->wait_status != kNoVal32) reporter_.repeat_end(known);
    co_return Errc::success;
  }
  if (node_.ended.refuses(job_id, order.restart_cnt, order.cred.job_start_time, order.cred.ctime)) {
    if (node_.ended.was_here(job_id, order.restart_cnt)) {
      const std::uint32_t wait_status = node_.ended.wait_status(job_id);
      if (wait_status == kNoVal32) co_return Errc::success;
      NodeJobPtr over = node_.jobs.find_or_make(job_id);
      over->facts = prolog_facts(order);
      over->restart_count = order.restart_cnt;
      over->batch_ordered = true;
      over->wait_status = wait_status;
      over->epilog_done = true;
      reporter_.repeat_end(std::move(over));
      co_return Errc::success;
    }
    log(Level::info, "noded.job_ended_before_launch", {{"job_id", job_id}});
    co_return Errc::node_credential_revoked;
  }
  NodeJobPtr job = node_.jobs.find_or_make(job_id);
  if (job->terminating) co_return Errc::node_credential_revoked;
  const bool first_of_run = job->restart_count == kNoVal32;
  job->restart_count = order.restart_cnt;
  job->batch_ordered = true;
  job->start_time = order.cred.job_start_time;
  // Before the answer: from then on the controller relies on hearing of this run, whatever becomes of this daemon.
  if (auto noted = note_order(*job, order); !noted) {
    log(Level::error, "noded.job_directory", {{"job_id", job_id}, {"error", noted.error().text}});
    if (job->prolog == NodeJob::Prolog::not_run) node_.jobs.erase(job);
    if (first_of_run) job->restart_count = kNoVal32;
    job->batch_ordered = false;
    co_return noted.error().code;
  }
  ++job->launching;
  if (job->prolog == NodeJob::Prolog::not_run) job->facts = prolog_facts(order);
  io::spawn(run_batch(*this, std::move(job), std::move(order)));
  co_return Errc::success;
}

/// A run that is still here gives way to a later one; success when none is in the way of this run.
io::Task<Errc> Launcher::make_way_for(std::uint32_t job_id, std::uint32_t restart_count) {
  const auto patience = io::Deadline::in_ms(std::uint64_t{node_.setup.config.msg_timeout} * 500);
  for (NodeJobPtr known; (known = node_.jobs.find(job_id)) && known->restart_count != kNoVal32;) {
    if (known->restart_count == restart_count) co_return Errc::success;
    bool gone = false;
    if (restart_count > known->restart_count) {
      auto leaving = ender_.make_way(known, patience);
      gone = co_await leaving;
    }
    if (!gone) {
      log(Level::error, "noded.job_still_here", {{"job_id", job_id}});
      co_return Errc::duplicate_job_id;
    }
  }
  co_return Errc::success;
}

Result<void> Launcher::note_order(const NodeJob& job, const wire::BatchJobLaunch& order) const {
  exec::StepState ordered;
  ordered.key = {.job_id = job.id(), .step_id = kBatchStep, .restart_count = order.restart_cnt};
  ordered.uid = order.uid;
  ordered.gid = order.gid;
  ordered.started_at = io::now();
  return exec::write_step_order(exec::job_directory(node_.setup.settings.spool_directory, job.id()), ordered);
}

io::Task<void> Launcher::run_batch(Launcher& self, NodeJobPtr job, wire::BatchJobLaunch order) {
  const exec::StepKey run{.job_id = job->id(), .step_id = kBatchStep, .restart_count = job->restart_count};
  auto prolog = self.prolog_before_launch(job);
  Errc rc = co_await prolog;
  if (rc == Errc::success && !job->terminating) {
    log(Level::info, "noded.batch_launch", {{"job_id", job->id()}, {"uid", order.uid}});
    auto starting = self.start_step(job, std::move(order));
    rc = co_await starting;
  }
  const bool told =
      job->prolog == NodeJob::Prolog::failed && (self.node_.setup.config.prolog_flags & conf::kPrologAlloc);
  --job->launching;
  job->changed.notify();
  if (rc != Errc::success && !told) {  // told by run_prolog_order()
    auto failing = self.reporter_.launch_failed(job, rc);
    co_await failing;
    if (rc == Errc::node_prolog_failed || rc == Errc::node_setup_environment) self.node_trouble_(rc);
  }
  if (!job->steps.contains(kBatchStep))
    exec::remove_step_order(exec::job_directory(self.node_.setup.settings.spool_directory, job->id()), run);
}

io::Task<Errc> Launcher::start_step(NodeJobPtr job, wire::BatchJobLaunch order) {
  auto identifying = node_.identity_for(order.cred.id);
  auto user = co_await identifying;
  if (!user) {
    log(Level::error, "noded.job_owner", {{"job_id", job->id()}, {"error", user.error().text}});
    co_return user.error().code;
  }
  job->facts.user_name = user->name;
  if (wants_login_environment(order.environment)) {
    auto loading = user_environment(node_.loop, node_.children, *user);
    auto login = co_await loading;
    if (login) {
      exec::Environment merged(*login);
      merged.merge(order.environment);
      order.environment = merged.entries();
    } else {
      log(Level::error, "noded.user_environment", {{"job_id", job->id()}, {"error", login.error().text}});
    }
  }
  if (job->terminating) co_return Errc::success;

  exec::StepLaunch plan =
      plan_batch_step(order, std::move(*user), node_.setup.facts, node_.setup.settings, node_.setup.config);
  tell_devices(plan, order.cred);
  auto enclosing = in_container(std::move(plan), order.container);
  auto enclosed = co_await enclosing;
  if (!enclosed) co_return enclosed.error().code;
  plan = std::move(*enclosed);
  auto supervising = supervise(job, std::move(plan));
  auto link = co_await supervising;
  if (!link) {
    log(Level::error, "noded.supervisor", {{"job_id", job->id()}, {"error", link.error().text}});
    const std::string directory = exec::job_directory(node_.setup.settings.spool_directory, job->id());
    const exec::StepKey run{.job_id = job->id(), .step_id = kBatchStep, .restart_count = job->restart_count};
    auto given_up = exec::give_up_step_order(directory, exec::step_order_name(run));
    if (given_up) {
      remove_step_files(directory, kBatchStep);
      co_return Errc::node_execve_failed;
    }
    auto adopting = adopt(directory, kBatchStep);  // it began before it fell silent: it must not begin again
    co_await adopting;
    co_return Errc::success;
  }
  co_return Errc::success;
}

/// Batch scripts, and salloc's shell, have what the job has; other steps what they took of it.
std::vector<GresHeld> Launcher::tell_devices(exec::StepLaunch& plan, const wire::Cred& cred) const {
  const NodeSetup& setup = node_.setup;
  const bool of_job = plan.key.step_id == kBatchStep || plan.key.step_id == kInteractiveStep;
  auto held = of_job ? gres_of_job(setup.gres, cred, setup.facts.node_name)
                     : gres_of_step(setup.gres, cred, setup.facts.node_name);
  exec::Environment env(plan.env);
  set_gres(env, setup.gres, held, of_job ? GresFor::job : GresFor::step, sees_own_devices());
  plan.env = env.entries();
  deny_devices(plan, held);
  return held;
}

/// cgroup.conf ConstrainDevices. Only control groups can do it, whatever else follows the processes.
void Launcher::deny_devices(exec::StepLaunch& plan, std::span<const GresHeld> held) const {
  const NodeResources& resources = node_.setup.gres;
  if (!sees_own_devices() || denied_devices(resources, {}).empty()) return;
  plan.denied_devices = denied_devices(resources, held);
  plan.tracker = exec::TrackerKind::cgroup;
}

bool Launcher::sees_own_devices() const {
  return node_.setup.settings.constrain_devices && node_.setup.config.task_plugin.find("cgroup") != std::string::npos;
}

/// The plan itself where no container is asked for, or none can be run here.
io::Task<Result<exec::StepLaunch>> Launcher::in_container(exec::StepLaunch plan, std::string bundle) {
  const StepSettings& settings = node_.setup.settings;
  if (bundle.empty() || !settings.oci) co_return plan;
  const std::uint32_t job_id = plan.key.job_id;
  auto working = io::on_worker(node_.loop,
                               [plan = std::move(plan), bundle, oci = *settings.oci,
                                spool = settings.spool_directory]() mutable -> Result<exec::StepLaunch> {
                                 FLURM_TRY_VOID(put_in_container(plan, bundle, oci, spool));
                                 return std::move(plan);
                               });
  auto done = co_await working;
  if (!done) log(Level::error, "noded.container", {{"job_id", job_id}, {"error", done.error().text}});
  co_return done;
}

/// Starts a supervisor and makes its step one of the job's.
io::Task<Result<StepLink::Ptr>> Launcher::supervise(NodeJobPtr job, exec::StepLaunch plan) {
  io::ChildWatch* const children = &node_.children;
  const std::uint32_t step_id = plan.key.step_id;
  std::string program = node_.setup.supervisor_program;
  if (has_spank_plugins(node_.setup.settings))
    program = spank_program(program);
  else
    plan.spank.reset();
  auto launching = StepLink::launch(
      node_.loop, std::move(program), std::move(plan),
      [children](pid_t pid) { children->watch(pid, [](int, const rusage&) {}); },
      [this, job, step_id] { step_over(job, step_id); });
  auto link = co_await launching;
  if (link) add_step(job, step_id, *link);
  co_return link;
}

void Launcher::add_step(const NodeJobPtr& job, std::uint32_t step_id, StepLink::Ptr link) {
  const std::weak_ptr<StepLink> changed = link;  // which owns what it calls
  link->on_change([this, job, changed] {
    if (StepLink::Ptr alive = changed.lock()) reporter_.step_changed(job, alive);
  });
  link->on_parcel([this, changed](exec::StepParcel parcel) {
    if (const StepLink::Ptr alive = changed.lock()) parcels_.carry(alive, std::move(parcel));
  });
  reporter_.step_changed(job, link);
  profiler_.follow(job, link);
  job->steps[step_id] = std::move(link);
  job->changed.notify();
  step_over(job, step_id);  // it may be over already
}

void Launcher::step_over(const NodeJobPtr& job, std::uint32_t step_id) {
  const auto it = job->steps.find(step_id);
  if (it == job->steps.end() || !it->second->take_end()) return;
  const exec::StepState& state = it->second->state();
  if (node_.setup.settings.oci)
    io::spawn(remove_container(node_.loop, node_.children, node_.setup.settings.spool_directory, state.key, state.uid,
                               state.gid));
  reporter_.step_over(job, it->second);
}

// --- prolog -------------------------------------------------------------------------------------------------------

io::Task<Errc> Launcher::launch_prolog(wire::PrologLaunch order, std::uint16_t version) {
  if (order.job_id.v == 0) order.job_id = order.cred.step_id.job_id;
  auto checking = check(order.cred, order.job_id.v, order.uid);
  if (const Errc checked = co_await checking; checked != Errc::success) co_return checked;
  if (node_.ended.refuses(order.job_id.v, order.cred.job_restart_cnt, order.cred.job_start_time, order.cred.ctime))
    co_return Errc::node_credential_revoked;
  NodeJobPtr job = node_.jobs.find_or_make(order.job_id.v);
  if (job->prolog == NodeJob::Prolog::not_run && !job->terminating) job->facts = prolog_facts(order);
  io::spawn(run_prolog_order(*this, std::move(job), x11_of(order, version, node_.setup.facts, node_.setup.config)));
  co_return Errc::success;
}

io::Task<void> Launcher::run_prolog_order(Launcher& self, NodeJobPtr job, std::optional<exec::StepX11> x11) {
  const bool first = job->prolog == NodeJob::Prolog::not_run;
  const bool contains = first && self.node_.setup.config.prolog_flags & conf::kPrologContain;
  job->extern_awaited = job->extern_awaited || contains;
  if (first) {
    auto running = self.run_prolog(job);
    co_await running;
  }
  while (job->prolog == NodeJob::Prolog::running) {
    auto waiting = job->changed.changed();
    (void)co_await waiting;
  }
  Errc rc = job->prolog == NodeJob::Prolog::failed ? Errc::node_prolog_failed : Errc::success;
  if (contains && rc == Errc::success && !job->terminating) {
    auto starting = self.start_extern_step(job, std::move(x11));
    rc = co_await starting;
  }
  if (contains) {
    job->extern_awaited = false;
    job->changed.notify();
  }
  if (!(self.node_.setup.config.prolog_flags & conf::kPrologNoHold)) {
    auto reporting = self.reporter_.prolog_complete(job->id(), rc);
    co_await reporting;
  }
  if (rc == Errc::success || !first) co_return;
  auto failing = self.reporter_.launch_failed(job, rc);
  co_await failing;
  self.node_trouble_(rc);
}

exec::Environment Launcher::prolog_with_devices(const NodeJob& job) const {
  exec::Environment env = prolog_environment(job.facts, node_.setup.facts);
  if (job.facts.credential)
    set_script_gres(env, gres_of_job(node_.setup.gres, *job.facts.credential, node_.setup.facts.node_name));
  return env;
}

io::Task<void> Launcher::run_prolog(NodeJobPtr job) {
  if (node_.setup.config.prolog.empty() && !node_.spank.prolog) {
    job->prolog = NodeJob::Prolog::done;
  } else {
    job->prolog = NodeJob::Prolog::running;
    auto identifying = node_.identity_for(job->facts.credential->id);
    if (auto user = co_await identifying) job->facts.user_name = user->name;
    auto running = node_.run_job_scripts("prolog", node_.setup.config.prolog, node_.setup.config.prolog_timeout,
                                         prolog_with_devices(*job));
    const int status = co_await running;
    job->prolog = status == 0 ? NodeJob::Prolog::done : NodeJob::Prolog::failed;
  }
  job->changed.notify();
}

/// Waits for the prolog that was ordered apart, where the cluster does it so; else runs it, once per job.
io::Task<Errc> Launcher::prolog_before_launch(NodeJobPtr job) {
  using State = NodeJob::Prolog;
  const conf::Config& config = node_.setup.config;
  if (config.prolog_flags & conf::kPrologAlloc) {
    const auto deadline = io::Deadline::in_ms(std::uint64_t{config.msg_timeout} * 2000);
    while (job->prolog == State::not_run && !job->terminating) {
      auto waiting = job->changed.changed(deadline);
      if (!co_await waiting) co_return Errc::node_prolog_failed;
    }
  } else if (job->prolog == State::not_run) {
    auto running = run_prolog(job);
    co_await running;
  }
  while (job->prolog == State::running) {
    auto waiting = job->changed.changed();
    (void)co_await waiting;
  }
  co_return job->prolog == State::failed ? Errc::node_prolog_failed : Errc::success;
}

}  // namespace flurm::noded
