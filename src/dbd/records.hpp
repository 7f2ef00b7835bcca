// dbd/records.hpp — what controllers report about jobs, steps and nodes, put into the database.
//
// A controller repeats what was not answered: every function may see the same report twice and ends in the same record.
#pragma once
#include "dbd/draft.hpp"
#include "store/store.hpp"
#include "wire/msg/dbd_messages.hpp"

namespace flurm::dbd {

/// The controller that reports: its cluster, and the books to look names up in.
struct Reporter {
  store::Writer& writer;
  const acct::Books& books;
  std::string cluster;
  TimeS now;
  bool track_wckey = false;

  /// Something changed at a time that may be rolled up already.
  void touch(TimeS when);
};

/// The wckey that a job is charged to, and whose it is: the one that it names, or "*" and the user's default.
struct Charged {
  std::string user, wckey;
  auto operator<=>(const Charged&) const = default;
};
Charged charged(const acct::Books& books, const std::string& cluster, const wire::DbdJobStart& message);

/// The answer tells the controller the record's number, and whether script or environment are wanted.
wire::DbdIdRc record_job_start(Reporter& reporter, const wire::DbdJobStart& message);
void record_job_complete(Reporter& reporter, const wire::DbdJobComplete& message);
void record_job_suspend(Reporter& reporter, const wire::DbdJobSuspend& message);
void record_job_heavy(Reporter& reporter, const wire::DbdJobHeavy& message);
void record_step_start(Reporter& reporter, const wire::DbdStepStart& message);
void record_step_complete(Reporter& reporter, const wire::DbdStepComplete& message);
void record_node_state(Reporter& reporter, const wire::DbdNodeState& message);
/// TrackSlurmctldDown: the cluster's controller has gone, and while it is away nothing can be used.
void record_controller_down(Reporter& reporter);
/// What still runs in the books did not survive: it ended at `when`.
void flush_jobs(Reporter& reporter, TimeS when);
/// The cluster has these resources from now on. True when that is news.
bool record_cluster_tres(Reporter& reporter, const wire::DbdClusterTres& message, bool& first, bool& nodes_changed);
/// Ends what the message lists although no controller knows it any more.
void fix_runaway(Reporter& reporter, const wire::JobList& message);
void record_reservation(Reporter& reporter, wire::MsgType type, const wire::ReservationRec& message);
/// Comments and the like, as an administrator or its user wishes. Returns what the job is called.
std::string modify_job(Reporter& reporter, acct::Job job, const wire::JobRec& wish);

}  // namespace flurm::dbd
