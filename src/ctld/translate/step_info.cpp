// ctld/translate/step_info.cpp — see info.hpp.
#include "ctld/translate/info.hpp"

namespace flurm::ctld {

wire::JobStepInfo batch_step_info(const state::ClusterState& state, const model::Job& job, TimeS now) {
  wire::JobStepInfo info;
  info.step_id.job_id = job.id;
  info.step_id.step_id = kBatchStep;
  if (job.array) {
    info.array_job_id = job.array->array_job;
    info.array_task_id = job.array->task;
  }
  info.user_id = job.request->user_id;
  info.num_tasks = 1;  // and no CPUs: it shares those of the job
  info.time_limit = kInfinite32;
  info.state = static_cast<std::uint32_t>(model::JobBase::running);  // for as long as the job has its nodes
  info.start_time = job.start_time;
  info.run_time = TimeS{job.run_time(now)};
  info.cluster = state.settings.cluster_name;
  info.container = job.request->container;
  info.partition = job.partition;
  info.nodes = job.batch_host;
  info.name = "batch";
  info.node_inx = node_bits(state, job.batch_host);
  return info;
}

wire::JobStepInfo extern_step_info(const state::ClusterState& state, const model::Job& job, TimeS now) {
  wire::JobStepInfo info = batch_step_info(state, job, now);
  info.step_id.step_id = kExternStep;
  info.num_tasks = static_cast<std::uint32_t>(job.allocation->shares.size());
  info.name = "extern";
  info.nodes = job.allocation->nodes;
  info.node_inx = node_bits(state, job.allocation->nodes);
  return info;
}

}  // namespace flurm::ctld
