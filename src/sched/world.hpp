// sched/world.hpp — builders that make test scenarios readable:
//   World w; w.nodes("n[1-4]", 2, 4, 2); w.partition("debug", "n[1-4]"); w.submit(job().tasks(4)); w.plan();
#pragma once
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/hostlist.hpp"
#include "sched/plan.hpp"

namespace flurm::sched::test {

/// A request under construction: each call is one option of sbatch.
struct JobSpec {
  model::JobRequest request;
  std::uint32_t priority = 1000;
  std::string partition = "debug";
  std::string array;
  std::uint32_t array_max = 0;

  JobSpec() {
    request.shared = kNoVal16;
    request.time_limit = 60;
  }
  JobSpec&& tasks(std::uint32_t n) && { return request.num_tasks = n, std::move(*this).sized(); }
  JobSpec&& cpus_per_task(std::uint16_t n) && { return request.cpus_per_task = n, std::move(*this).sized(); }
  JobSpec&& nodes(std::uint32_t least, std::uint32_t most = 0) && {
    request.min_nodes = least;
    request.max_nodes = most ? most : least;
    return std::move(*this);
  }
  JobSpec&& per_node(std::uint16_t n) && { return request.ntasks_per_node = n, std::move(*this); }
  JobSpec&& memory(std::uint64_t mib) && { return request.pn_min_memory = mib, std::move(*this); }
  JobSpec&& memory_per_cpu(std::uint64_t mib) && {
    return request.pn_min_memory = mib | model::kMemoryPerCpu, std::move(*this);
  }
  JobSpec&& exclusive() && { return request.shared = 0, std::move(*this); }
  JobSpec&& on(std::string nodes) && { return request.req_nodes = std::move(nodes), std::move(*this); }
  JobSpec&& not_on(std::string nodes) && { return request.exc_nodes = std::move(nodes), std::move(*this); }
  JobSpec&& with(std::string features) && { return request.features = std::move(features), std::move(*this); }
  JobSpec&& licenses(std::string names) && { return request.licenses = std::move(names), std::move(*this); }
  JobSpec&& in(std::string name) && { return partition = std::move(name), std::move(*this); }
  JobSpec&& within(std::string names) && { return request.reservation = std::move(names), std::move(*this); }
  JobSpec&& of(std::uint32_t user) && { return request.user_id = user, std::move(*this); }
  JobSpec&& at_priority(std::uint32_t value) && { return priority = value, std::move(*this); }
  JobSpec&& minutes(std::uint32_t limit) && { return request.time_limit = limit, std::move(*this); }
  JobSpec&& tasks_of_array(std::string set, std::uint32_t most = 0) && {
    array = std::move(set);
    array_max = most;
    return std::move(*this);
  }
  /// sbatch tells the least number of CPUs once tasks or CPUs per task are given.
  JobSpec&& sized() && {
    const std::uint32_t tasks = request.num_tasks == kNoVal32 ? 1 : request.num_tasks;
    const std::uint32_t each = request.cpus_per_task == kNoVal16 ? 1 : request.cpus_per_task;
    request.min_cpus = tasks * each;
    return std::move(*this);
  }
};
inline JobSpec job() { return {}; }

class World {
 public:
  View view;
  Limits limits;
  TimeS now{1'700'000'000};

  World() {
    view.settings.cr_type = 0x4 | 0x10;  // CR_Core_Memory
    view.settings.def_mem_per_cpu = 100 | model::kMemoryPerCpu;
    view.settings.enforce_part_limits = 1;
    view.settings.licenses = "lica:8,licb:4";
  }

  model::Node& add_node(const std::string& name, std::uint16_t sockets, std::uint16_t cores, std::uint16_t threads) {
    auto node = std::make_shared<model::Node>();
    node->id = next_node_++;
    node->config.name = name;
    node->config.sockets = sockets;
    node->config.cores = cores;
    node->config.threads = threads;
    node->config.cpus = static_cast<std::uint16_t>(sockets * cores * threads);
    node->config.real_memory = 8000;
    node->config.tmp_disk = 10000;
    node->base = model::NodeBase::idle;
    ids_[name] = node->id;
    view.nodes.set(node->id, node);
    return *node;
  }
  void nodes(const std::string& names, std::uint16_t sockets, std::uint16_t cores, std::uint16_t threads) {
    const std::vector<std::string> each = *expand_hosts(names);
    for (const auto& name : each) add_node(name, sockets, cores, threads);
  }
  /// Replaces a node after `change` had its way with it.
  template <class F>
  void change_node(const std::string& name, F change) {
    auto node = std::make_shared<model::Node>(*view.nodes.find(ids_.at(name)));
    change(*node);
    view.nodes.set(node->id, node);
  }
  model::Partition& partition(const std::string& name, const std::string& names) {
    auto partition = std::make_shared<model::Partition>();
    partition->name = name;
    const std::vector<std::string> each = *expand_hosts(names);
    for (const auto& node : each) partition->nodes.push_back(ids_.at(node));
    std::ranges::sort(partition->nodes);
    partition->total_nodes = static_cast<std::uint32_t>(partition->nodes.size());
    view.partitions.push_back(partition);
    return *partition;
  }

  /// A reservation of whole nodes for user 1000, from `from_s` seconds from now on.
  model::Reservation& reserve(const std::string& name, const std::string& names, std::int64_t from_s,
                              std::int64_t length_s) {
    auto reservation = std::make_shared<model::Reservation>();
    reservation->name = name;
    reservation->user_ids = {1000};
    reservation->start = now + from_s;
    reservation->end = reservation->start + length_s;
    const std::vector<std::string> each = *expand_hosts(names);
    for (const auto& node : each) reservation->nodes.push_back({ids_.at(node), {}});
    std::ranges::sort(reservation->nodes, {}, &model::ReservedNode::node);
    view.reservations.push_back(reservation);
    return *reservation;
  }

  JobId submit(JobSpec spec) {
    auto job = std::make_shared<model::Job>();
    job->id = {next_job_++};
    job->priority = spec.priority;
    job->partition = spec.partition;
    job->time_limit = spec.request.time_limit;
    job->submit_time = now;
    if (!spec.array.empty()) {
      job->array.emplace();
      job->array->array_job = job->id;
      job->array->pending = *model::TaskSet::parse(spec.array, 200000);
      job->array->max_running = spec.array_max;
    }
    job->request = std::make_shared<const model::JobRequest>(std::move(spec.request));
    view.pending.set(job->id.v, job);
    return job->id;
  }
  Plan plan() const { return sched::plan(view, limits, now); }
  /// Starts what the plan starts, and writes down why the others wait.
  Plan step() {
    Plan made = plan();
    apply(made);
    return made;
  }
  void apply(const Plan& made) {
    for (const Placement& placement : made.starts) start(placement);
    for (const Waiting& waiting : made.waiting) {
      if (!view.pending.find(waiting.job.v)) continue;
      auto job = std::make_shared<model::Job>(*view.pending.find(waiting.job.v));
      job->reason = waiting.reason;
      job->state_desc = waiting.desc;
      job->start_time = waiting.expected_start;
      job->sched_nodes = waiting.sched_nodes;
      view.pending.set(job->id.v, job);
    }
  }
  void start(const Placement& placement) {
    auto job = std::make_shared<model::Job>(*view.pending.find(placement.job.v));
    if (placement.task != kNoVal32) {
      auto rest = std::make_shared<model::Job>(*job);
      rest->array->pending.erase(placement.task);
      job->id = {next_job_++};
      job->array->task = placement.task;
      job->array->pending = {};
      view.pending.set(rest->id.v, rest->array->pending.empty() ? nullptr : rest);
    } else {
      view.pending.erase(job->id.v);
    }
    job->state = {model::JobBase::running, 0};
    job->partition = placement.partition;
    job->start_time = now;
    job->reservation = placement.reservation;
    if (job->time_limit != kInfinite32 && job->time_limit != kNoVal32) job->end_time = now + job->time_limit * 60;
    auto allocation = std::make_shared<model::Allocation>();
    allocation->shares = placement.shares;
    allocation->whole_node = placement.whole_node;
    job->allocation = allocation;
    view.active.set(job->id.v, job);
  }
  void finish(JobId id) { view.active.erase(id.v); }

 private:
  std::uint32_t next_job_ = 1, next_node_ = 0;
  std::map<std::string, model::NodeId> ids_;
};

}  // namespace flurm::sched::test
