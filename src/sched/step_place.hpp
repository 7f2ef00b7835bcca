// sched/step_place.hpp — where in its job's allocation a step runs, and what of it the step takes.
#pragma once
#include <cstdint>

#include "base/persistent_map.hpp"
#include "base/result.hpp"
#include "model/node.hpp"
#include "model/partition.hpp"
#include "model/step.hpp"

namespace flurm::sched {

/// A running job as its steps see it.
struct StepView {
  const model::Job& job;
  const model::StepUses& uses;  // of its running steps
  const PersistentMap<model::Node>& nodes;
  const model::Settings& settings;
};

/// The nodes, cores, memory and tasks of a new step.
/// Errors: nodes_busy (it fits, but not beside the steps that run now); and for what can never be:
/// requested_node_config_unavailable, invalid_node_name, invalid_node_count, too_many_requested_cpus,
/// invalid_task_memory, bad_task_count, bad_dist, bad_thread_per_core.
/// Source: slurm 22.05 src/slurmctld/step_mgr.c step_create(), _pick_step_nodes(), _step_alloc_lps().
Result<model::StepPlacement> place_step(const StepView& view, model::StepRequest request);

/// The step of salloc's shell: the first node, with everything and without keeping anything from others.
model::StepPlacement interactive_placement(const model::Job& job);

}  // namespace flurm::sched
