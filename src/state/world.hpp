// state/world.hpp — for tests: a small cluster and short words for commands.
#pragma once
#include <string>
#include <vector>

#include "model/dependency.hpp"
#include "state/apply.hpp"
#include "state/format.hpp"

namespace flurm::state::test {

struct World {
  ClusterState state;
  TimeS now{1'700'000'000};

  explicit World(int nodes = 4, std::uint16_t cpus = 4) {
    Configure configure;
    configure.settings.cluster_name = "test";
    configure.settings.min_job_age_s = 300;
    configure.settings.max_job_count = configure.settings.max_array_size = 200000;
    configure.settings.cr_type = 0x14;  // cores and memory
    configure.settings.return_to_service = 2;
    model::Partition all{.name = "all"};
    all.flags = model::partition_flag::is_default;
    for (int i = 1; i <= nodes; ++i) {
      model::NodeConfig node{.name = "n" + std::to_string(i)};
      node.cpus = node.cores = cpus;
      node.real_memory = 1000;
      configure.nodes.push_back(node);
      all.nodes_text += (i > 1 ? ",n" : "n") + std::to_string(i);
    }
    configure.partitions.push_back(all);
    run(std::move(configure));
    for (int i = 1; i <= nodes; ++i) up("n" + std::to_string(i));
  }

  /// As where all controllers know the newest format.
  void use_newest_format() { run(UseFormat{kFormat}); }
  Reply run(Command command) { return apply(state, {.now = now, .command = std::move(command)}); }
  void up(const std::string& node, std::vector<JobId> running = {}) {
    RegisterNode report{.name = node};
    const auto& config = state.node(node)->config;
    report.cpus = config.cpus;
    report.sockets = config.sockets;
    report.cores = config.cores;
    report.threads = config.threads;
    report.real_memory = config.real_memory;
    report.running_jobs = std::move(running);
    run(std::move(report));
  }
  SubmitJob job(std::uint32_t minutes = 10) {
    SubmitJob submit;
    submit.request.user_id = 1000;
    submit.request.name = "job";
    submit.request.min_cpus = submit.request.min_nodes = 1;
    submit.partitions = "all";
    submit.time_limit = minutes;
    return submit;
  }
  JobId submit() { return run(job()).job; }
  JobId submit_array(const char* tasks) {
    SubmitJob submit = job();
    submit.array.emplace();
    submit.array->pending = *model::TaskSet::parse(tasks, 2000000);
    return run(std::move(submit)).job;
  }
  JobId submit_after(const std::string& dependency) {
    SubmitJob submit = job();
    submit.dependencies = *model::parse_dependencies(dependency);
    return run(std::move(submit)).job;
  }
  /// Starts the job on `cores` of one node, as the planner would.
  void start(JobId id, model::NodeId node = 0, std::uint64_t cores = 1, std::uint32_t task = kNoVal32,
             std::uint64_t memory = 100) {
    Schedule plan;
    model::NodeShare share{.node = node, .cpus = static_cast<std::uint16_t>(__builtin_popcountll(cores))};
    share.memory_mib = memory;
    share.cores = {cores};
    plan.starts.push_back({.job = id, .task = task, .partition = "all", .shares = {share}});
    run(std::move(plan));
  }
  Reply end(JobId id, std::uint32_t wait_status = 0) { return run(EndBatch{.job = id, .wait_status = wait_status}); }
  void clean(JobId id, model::NodeId node = 0) { run(NodeCleaned{.job = id, .node = node}); }
  void finish(JobId id, std::uint32_t wait_status = 0, model::NodeId node = 0) {
    end(id, wait_status);
    clean(id, node);
  }
  Reply cancel(std::vector<Target> targets, std::uint16_t signal = 9) {
    return run(CancelJobs{.targets = std::move(targets), .signal = signal, .uid = 1000});
  }

  const model::Job& at(JobId id) const { return *state.job(id); }
  std::string shown(JobId id) const {
    return state.job(id) ? std::string(model::job_state_name(state.job(id)->state)) : "gone";
  }
};

}  // namespace flurm::state::test
