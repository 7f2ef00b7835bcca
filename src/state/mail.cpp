// state/mail.cpp — see mail.hpp.
#include "state/mail.hpp"

#include <algorithm>

#include "state/edit.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::JobBase;
namespace bit = model::mail_bit;

/// Its tasks share their mails.
bool as_one(const Job& job) { return job.array && !(job.request->mail_type & bit::array_tasks); }

void send(ClusterState& state, const Job& job, std::uint16_t event) {
  if (!(job.request->mail_type & event)) return;
  const JobId about = as_one(job) && state.job(job.array->array_job) ? job.array->array_job : job.id;
  add_effect(state,
             {.kind = Effect::Kind::mail, .job = about, .restart_count = job.restart_count, .mail_event = event});
}

/// The wait status that stands for the job among its array's.
std::uint32_t status_of(const Job& job) {
  constexpr std::uint32_t kKilled = 9;
  return job.exit_code == 0 && job.state.base != JobBase::complete ? kKilled : job.exit_code;
}

bool all_ended(const ClusterState& state, JobId array) {
  const Job* own = state.job(array);
  if (own && !own->state.ended()) return false;  // spares most tasks of a big array the look at all others
  return std::ranges::all_of(state.with_array(array), [](const Job* job) { return job->state.ended(); });
}

void end_of_task(ClusterState& state, const Job& job) {
  const JobId array = job.array->array_job;
  const std::uint32_t status = status_of(job);
  model::ArrayPart sum;  // of this task alone, when the array's own record is forgotten
  sum.worst_status = status;
  if (state.job(array)) {
    const std::uint32_t tasks = job.pending_count();
    edit_job(state, array, [&](Job& own) {
      const bool first = own.array->tasks_ended == 0;
      own.array->least_status = first ? status : std::min(status, own.array->least_status);
      own.array->worst_status = first ? status : std::max(status, own.array->worst_status);
      own.array->tasks_ended += tasks;
    });
    sum = *state.job(array)->array;
  }
  if (!all_ended(state, array)) return;
  if (sum.task_requeued) send(state, job, bit::requeue);
  const bool failed = (sum.worst_status & 0x7f) == 0 && sum.worst_status != 0;
  send(state, job, failed && job.request->mail_type & bit::fail ? bit::fail : bit::end);
}

}  // namespace

void mail_begin(ClusterState& state, const Job& job) {
  if (!(job.request->mail_type & bit::begin)) return;
  if (as_one(job)) {
    const Job* own = state.job(job.array->array_job);
    if (own && own->array->task_begun) return;
    if (own) edit_job(state, own->id, [](Job& changed) { changed.array->task_begun = true; });
  }
  send(state, job, bit::begin);
}

void mail_end(ClusterState& state, const Job& job) {
  if (!(job.request->mail_type & (bit::end | bit::fail | bit::requeue))) return;
  if (as_one(job)) return end_of_task(state, Job(job));
  const bool good = job.state.base == JobBase::complete || job.state.base == JobBase::cancelled;
  send(state, job, good ? bit::end : bit::fail);
}

void mail_requeue(ClusterState& state, const Job& job) {
  if (!(job.request->mail_type & bit::requeue)) return;
  if (!as_one(job)) return send(state, job, bit::requeue);
  if (state.job(job.array->array_job))
    edit_job(state, job.array->array_job, [](Job& own) { own.array->task_requeued = true; });
}

}  // namespace flurm::state
