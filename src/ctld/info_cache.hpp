// ctld/info_cache.hpp — encoded job records, kept while the job does not change.
//
// A repeated squeue then costs a copy, not an encoding, and neither is done on the loop's thread. Keyed by the identity of the immutable Job, so a stale entry
// can never be served: a changed job is another object.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "model/priority.hpp"
#include "state/cluster_state.hpp"

namespace flurm::ctld {

/// One record in one form. It is encoded when its bytes are first asked for, on whichever thread that is.
class InfoRecord {
 public:
  std::string_view bytes(const state::ClusterState& state, const model::Job& job, std::uint16_t version, bool detail,
                         const model::PriorityScale* scale);

 private:
  std::once_flag made_;
  std::string bytes_;
};

/// Loop thread only, its records apart.
class InfoCache {
 public:
  /// The record of `job` (shared, so that its address stays taken while the entry lives) in `version`.
  std::shared_ptr<InfoRecord> record(const state::ClusterState& state, const std::shared_ptr<const model::Job>& job,
                                     std::uint16_t version, bool detail);
  /// The same, encoded; good until the next call.
  std::string_view job(const state::ClusterState& state, const std::shared_ptr<const model::Job>& job,
                       std::uint16_t version, bool detail);
  /// Call before record(): names of QOS and counted licenses are those of accounting's books, and with
  /// priority/multifactor priorities change as time goes by.
  void set_time(const state::ClusterState& state, TimeS now);
  /// What records are encoded with since then; null without priority/multifactor.
  std::shared_ptr<const model::PriorityScale> scale() const { return scale_; }
  /// Forgets jobs that the state no longer has.
  void drop_missing(const state::ClusterState& state);
  /// Partitions or nodes changed, which records depend on.
  void clear() {
    entries_.clear();
    scale_.reset();
  }

 private:
  struct Form {
    std::uint16_t version;
    bool detail;
    std::shared_ptr<InfoRecord> record;
  };
  struct Entry {
    std::shared_ptr<const model::Job> job, head;  // head: of the job's array; its throttle is shown with each task
    std::vector<Form> forms;                      // as many as client releases ask
  };
  std::map<std::uint32_t, Entry> entries_;
  std::shared_ptr<const model::PriorityScale> scale_;
  std::shared_ptr<const acct::Books> books_;  // that records and scale were made with
  std::array<TimeS, 4> scale_of_;             // its moment, and when what it was made of changed
};

}  // namespace flurm::ctld
