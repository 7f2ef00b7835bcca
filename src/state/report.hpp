// state/report.hpp — what the accounting daemon is to be told, in the order in which it happened.
//
// apply() writes reports while Settings::accounting is set; the leader sends them and then has them forgotten
// (ForgetReports). A new leader may send some again: the daemon ends up with the same records.
#pragma once
#include <cstdint>
#include <memory>

#include "base/types.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/reservation.hpp"
#include "model/step.hpp"

namespace flurm::state {

struct Report {
  enum class Kind : std::uint8_t {
    job_start = 1,  // `job` was submitted, changed or started
    job_end,        // this run of it ended
    job_suspend,    // it was suspended, or is not any more
    step_start,     // `step` of `job`; without a placement its batch or extern step
    step_end,
    node_down,  // `node` cannot be used: down, or drained
    node_up,
    reservation_new,
    reservation_changed,  // began at `start_before` until now
    reservation_gone,
    flush_jobs,  // nothing that the daemon takes for running does
  };
  std::uint64_t number = 0;    // 1, 2, …; those of steps may have been dropped
  std::uint64_t sequence = 0;  // ClusterState::sequence of the command that it is of
  Kind kind = Kind::job_start;
  TimeS time;
  // As they were then.
  std::shared_ptr<const model::Job> job;
  std::shared_ptr<const model::Step> step;
  std::shared_ptr<const model::Node> node;
  std::shared_ptr<const model::Reservation> reservation;
  std::shared_ptr<const model::JobPayload> payload;  // with the first of a run, where scripts or environments are kept
  TimeS start_before;

  bool about_step() const { return kind == Kind::step_start || kind == Kind::step_end; }
};

}  // namespace flurm::state
