// sched/task_layout.hpp — which tasks of a step run on which of its nodes.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"

namespace flurm::sched {

struct TaskLayoutRequest {
  std::vector<std::uint32_t> slots;        // per node: tasks that fit without sharing CPUs; at least 1 is assumed
  std::uint32_t num_tasks = 0;
  std::uint32_t task_dist = 0;             // model::task_dist
  std::uint16_t plane_size = 0;            // 0 or NO_VAL: not given; for other distributions the most tasks per node
  bool pack_nodes = false;                 // unless task_dist says
  std::vector<std::uint32_t> node_of_task; // arbitrary: the node of each task
};

/// Task numbers of each node, ascending. All tasks are placed: where they do not fit, nodes share CPUs evenly.
/// Errors: bad_dist (plane without a size; arbitrary that does not name every task's node).
/// Source: slurm 22.05 src/common/slurm_step_layout.c.
Result<std::vector<std::vector<std::uint32_t>>> lay_out_tasks(const TaskLayoutRequest& request);

}  // namespace flurm::sched
