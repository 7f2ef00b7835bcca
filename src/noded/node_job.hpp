// noded/node_job.hpp — a job as this node knows it, and the table of them.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "noded/condition.hpp"
#include "noded/prolog_environment.hpp"
#include "noded/step_link.hpp"

namespace flurm::noded {

/// From the launch of its first part until its end was reported. Shared, because coroutines hold it across waits.
struct NodeJob {
  explicit NodeJob(io::Loop& loop) : changed(loop) {}

  enum class Prolog { not_run, running, done, failed };

  PrologJob facts;                         ///< for prolog and epilog; owner of the job
  std::uint32_t restart_count = kNoVal32;  ///< of the run that is here
  bool batch_ordered = false;              ///< its batch step was
  TimeS start_time;  ///< of this run, by the controller's clock; 0: it did not say (before 23.02, or adopted)
  Prolog prolog = Prolog::not_run;
  bool extern_awaited = false;           ///< its extern step is about to start
  int launching = 0;                     ///< launches on their way to a supervisor
  bool terminating = false;              ///< its end was ordered
  bool aborted = false;                  ///< and nobody wants to hear of it
  bool epilog_done = false;              ///< it was over and cleaned up, but the controller ordered it again
  int reports = 0;                       ///< that the controller has not acknowledged
  std::uint32_t wait_status = kNoVal32;  ///< of the batch step, once its end was acknowledged
  std::map<std::uint32_t, StepLink::Ptr> steps;
  std::set<std::uint32_t> steps_seen;  ///< of srun, launched here before: none of them is launched again
  using StepName = std::pair<std::uint32_t, std::uint32_t>;  ///< number, component
  std::map<StepName, std::set<std::uint32_t>> ended_ranks;   ///< StepReports': nodes whose end is known here
  Condition changed;                   ///< notified whenever anything above changes

  std::uint32_t id() const { return facts.job_id; }
  int running_steps() const {
    int running = 0;
    for (const auto& [id, link] : steps) running += !link->over();
    return running;
  }
};
using NodeJobPtr = std::shared_ptr<NodeJob>;

class JobTable {
 public:
  explicit JobTable(io::Loop& loop) : loop_(loop) {}

  NodeJobPtr find(std::uint32_t job_id) const {
    const auto it = jobs_.find(job_id);
    return it == jobs_.end() ? nullptr : it->second;
  }
  NodeJobPtr find_or_make(std::uint32_t job_id) {
    NodeJobPtr& job = jobs_[job_id];
    if (!job) {
      job = std::make_shared<NodeJob>(loop_);
      job->facts.job_id = job_id;
    }
    return job;
  }
  void erase(const NodeJobPtr& job) {
    const auto it = jobs_.find(job->id());
    if (it != jobs_.end() && it->second == job) jobs_.erase(it);
  }
  const std::map<std::uint32_t, NodeJobPtr>& all() const { return jobs_; }

 private:
  io::Loop& loop_;
  std::map<std::uint32_t, NodeJobPtr> jobs_;
};

}  // namespace flurm::noded
