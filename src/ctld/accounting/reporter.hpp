// ctld/accounting/reporter.hpp — the leader tells the accounting daemon what the cluster has and what happens in it.
#pragma once
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "ctld/accounting/link.hpp"
#include "ctld/accounting/records.hpp"
#include "ctld/controller.hpp"
#include "io/event.hpp"
#include "io/timer.hpp"

namespace flurm::ctld {

/// Sends the state's reports in their order, many in one message, and has those forgotten that were answered. What a
/// daemon refuses is sent again after a while, and all that comes after it waits. Loop thread only.
class AccountingReporter {
 public:
  /// All must outlive it. Adds its listener to `link`: call before that of anybody who wants the numbers of TRES.
  AccountingReporter(Controller& controller, AccountingLink& link);

  /// This controller leads now.
  void start();
  void stop();
  /// The state has changed.
  void look();

 private:
  struct Batch;
  io::Task<Result<void>> greet();
  io::Task<Result<void>> learn_tres();
  io::Task<Result<void>> tell_cluster();
  io::Task<> tell_change();
  io::Task<> send();
  io::Task<Result<void>> send_batch();
  Batch next(const state::ClusterState& state) const;
  static std::string words_of(const state::ClusterState& state, const Batch& batch, const TresIds& tres,
                              const HostSet& nodes, const conf::Config& config, std::uint16_t version);
  io::Task<Result<void>> heed(const state::Report& report, const wire::DbdIdRc& answer);
  io::Task<> rest(std::uint64_t ms);

  using Run = std::pair<std::uint32_t, std::int64_t>;  // job, and when its record begins
  static Run run_of(const model::Job& job) { return {job.id.v, job.recorded_since().v}; }

  Controller& controller_;
  AccountingLink& link_;
  TresIds tres_;
  std::shared_ptr<const HostSet> nodes_;   // as they were told
  std::string told_;                       // nodes and TRES
  std::shared_ptr<const void> looked_at_;  // ClusterState::node_ids when they were
  TimeS looked_config_;
  std::map<Run, std::uint64_t> db_index_;  // of runs that are not over
  std::uint64_t reign_ = 0;                // counts starts and stops
  std::uint64_t dropped_ = 0;              // reports of steps, as the log has told
  bool leads_ = false, sending_ = false, telling_ = false;
  std::list<io::Event> pauses_;
};

}  // namespace flurm::ctld
