// sched/step_gres.hpp — which of its job's generic resources a step takes.
#pragma once
#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "model/gres_request.hpp"
#include "sched/step_place.hpp"

namespace flurm::sched {

class StepGres {
 public:
  /// Errors: invalid_gres, invalid_gres_type (out of form, not the job's, or more than the job asked for).
  static Result<StepGres> make(const StepView& view, const model::StepRequest& request);

  bool wanted() const { return !wishes_.empty(); }

  /// Whether a node of the job has enough: at least so much that a task can run, or all that one node must have
  /// (`alone`). `ever`: if no other step ran.
  bool enough_on(const model::NodeShare& share, bool alone, bool ever) const;
  /// Tasks for which the node has enough; NO_VAL: any number.
  std::uint32_t tasks_on(const model::NodeShare& share, bool ever) const;

  /// What the step takes on its next node, `last` being its last one. `cores`: the step's; devices near them come
  /// first. Errors: nodes_busy, insufficient_gres.
  Result<std::vector<model::GresShare>> take(const model::NodeShare& share, const std::vector<std::uint64_t>& cores,
                                             std::uint32_t tasks, std::uint32_t nodes_left);

  /// MiB that go with what was taken; 0: nothing was said.
  std::uint64_t memory_for(const std::vector<model::GresShare>& taken) const;

 private:
  explicit StepGres(const StepView& view) : view_(&view) {}
  std::vector<std::uint64_t> used(const model::NodeShare& share, const model::GresShare& of,
                                  std::uint64_t& count) const;
  std::uint64_t count_on(const model::NodeShare& share, const model::GresWish& wish, bool ever) const;

  const StepView* view_;
  bool overlap_ = false;
  std::vector<model::GresWish> wishes_;
  std::vector<std::uint64_t> total_;  // taken so far, by wish
};

}  // namespace flurm::sched
