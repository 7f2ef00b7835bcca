// acct/preemption.hpp — who may preempt whom, and how: PreemptType and its kin, as the planner proposes and the state
// decides by them. Source: slurm 22.05 src/slurmctld/preempt.c, src/plugins/preempt.
#pragma once
#include <cstdint>

#include "acct/books.hpp"
#include "model/job.hpp"
#include "model/partition.hpp"

namespace flurm::acct {

/// A job in its partition, or in one that it may run in; `priority` as it is held against others.
struct Contender {
  const model::Job* job;
  const model::Partition* partition;
  std::uint32_t priority;
};

/// `waiting` may preempt `running`, whatever time that has been running for. Where accounting is off, `books` are empty
/// and nothing has a QOS.
bool may_preempt(const model::PreemptRule& rule, const Books& books, const Contender& waiting,
                 const Contender& running);

/// What becomes of the job when it is preempted: cancel, requeue, suspend, or off. Without what GANG and WITHIN add.
std::uint16_t preempt_mode_of(const model::PreemptRule& rule, const Books& books, const model::Job& job,
                              const model::Partition& partition);

/// GraceTime: how long it has to end by itself, seconds.
std::uint32_t preempt_grace_s(const model::PreemptRule& rule, const Books& books, const model::Job& job,
                              const model::Partition& partition);

/// From when on it may be (PreemptExemptTime), of a job that has started.
TimeS preemptable_from(const model::PreemptRule& rule, const Books& books, const model::Job& job,
                       const model::Partition& partition);

/// Lower ones are preempted first: by the priority of QOS or partition, then small ones.
std::uint32_t preempt_order(const model::PreemptRule& rule, const Books& books, const model::Job& job,
                            const model::Partition& partition);

/// Of jobs that want the same cores now, those with the higher one have them: the partition's tier, or how many QOS
/// stand below the job's own in the order of preempting.
std::uint32_t preempt_tier(const model::PreemptRule& rule, const Books& books, const model::Job& job,
                           const model::Partition& partition);

}  // namespace flurm::acct
