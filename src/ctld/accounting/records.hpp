// ctld/accounting/records.hpp — reports as the accounting daemon reads them.
// Source of what the fields are: slurm 22.05 src/plugins/accounting_storage/slurmdbd/accounting_storage_slurmdbd.c.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/hostlist.hpp"
#include "ctld/translate/tres.hpp"
#include "state/cluster_state.hpp"
#include "wire/msg/dbd_jobs.hpp"
#include "wire/msg/dbd_records.hpp"

namespace flurm::ctld {

/// Numbers of TRES by name. Those that every cluster has are known without asking.
class TresIds {
 public:
  TresIds();
  void add(const wire::TresRec& tres);
  bool knows(std::string_view name) const { return ids_.contains(name); }
  /// "1=4,2=1000,4=1"; what is 0 or has no number is left out.
  std::string text(const TresAmounts& amounts) const;
  /// The same of all that have a number.
  std::string text_of_all(const TresAmounts& amounts) const;

 private:
  std::map<std::uint32_t, std::uint64_t> by_id(const TresAmounts& amounts) const;
  std::map<std::string, std::uint32_t, std::less<>> ids_;
};

/// What a report is put into words with.
struct RecordContext {
  const state::ClusterState& state;
  const TresIds& tres;
  const HostSet& nodes;        // of the cluster, as it was registered
  bool store_comment = false;  // AccountingStoreFlags=job_comment
  std::uint64_t db_index = 0;  // the job's number at the daemon; 0: not known
};

wire::DbdJobStart job_start_record(const state::Report& report, const RecordContext& context);
wire::DbdJobComplete job_end_record(const state::Report& report, const RecordContext& context);
wire::DbdJobSuspend job_suspend_record(const state::Report& report, const RecordContext& context);
wire::DbdStepStart step_start_record(const state::Report& report, const RecordContext& context);
wire::DbdStepComplete step_end_record(const state::Report& report, const RecordContext& context);
wire::DbdNodeState node_record(const state::Report& report, const RecordContext& context);
wire::ReservationRec reservation_record(const state::Report& report, const RecordContext& context);
/// Script and environment, as far as the daemon has asked for them with `wanted` (DbdIdRc::flags).
wire::DbdJobHeavy job_heavy_record(const model::JobPayload& payload, std::uint64_t wanted);

/// All that the cluster has, and the names of its nodes, sorted.
wire::DbdClusterTres cluster_record(const state::ClusterState& state, const TresIds& tres, const HostSet& nodes);
HostSet cluster_nodes(const state::ClusterState& state);

}  // namespace flurm::ctld
