// noded/ended_jobs.hpp — jobs whose end was ordered here: their launch must not happen any more, whenever its message
// comes, and their epilog ran already.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "base/types.hpp"
#include "exec/fd.hpp"

namespace flurm::noded {

/// Kept in a file that grows by a line per event and is rewritten now and then; losing it does no more harm than a
/// late repetition of a message can do.
class EndedJobs {
 public:
  /// path: of the file; empty: memory only. Entries older than the memory's span are dropped.
  EndedJobs(std::string path, TimeS now);

  /// The order to end the job came; `ordered_at` is the controller's time of it. restart_count: of the run that was
  /// here, kNoVal32 when none was. started_at: the start of the run that the order is about; 0: not told.
  void ordered(std::uint32_t job_id, std::uint32_t restart_count, TimeS started_at, TimeS ordered_at, TimeS now);
  /// Its end was carried out, epilog included. wait_status: of its batch step, kNoVal32 when it had none here.
  void carried_out(std::uint32_t job_id, std::uint32_t wait_status, TimeS now);

  /// Whether a launch of this run, which started at `started_at` (0: not told) and has a credential made at `made_at`,
  /// comes too late. A run after the one that was here is welcome. Where none was here, starts are compared: they are
  /// the state's, while the other times are from the clocks of controllers that may differ. Else a credential younger
  /// than the order is welcome (a controller that counts job ids anew).
  bool refuses(std::uint32_t job_id, std::uint32_t restart_count, TimeS started_at, TimeS made_at) const;
  /// Whether this very run was here and its end was carried out.
  bool was_here(std::uint32_t job_id, std::uint32_t restart_count) const;
  bool carried_out(std::uint32_t job_id) const;
  /// As given to carried_out(); kNoVal32 when not known.
  std::uint32_t wait_status(std::uint32_t job_id) const;

  static constexpr std::int64_t kSpanS = 24 * 3600;
  static constexpr std::size_t kEntriesMax = 50'000;  ///< beyond, the older half is forgotten

 private:
  struct Entry {
    std::uint32_t restart_count = kNoVal32;
    TimeS started_at, ordered_at, noted_at;
    std::uint32_t wait_status = kNoVal32;
    bool done = false;
  };
  static std::string line_of(std::uint32_t job_id, const Entry& entry);
  void load();
  void note(std::uint32_t job_id, Entry& entry, TimeS now);
  void compact(TimeS now);

  std::string path_;
  exec::Fd file_;
  std::size_t lines_ = 0;  ///< in the file
  std::map<std::uint32_t, Entry> entries_;
};

}  // namespace flurm::noded
