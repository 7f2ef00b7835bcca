// replog/directory.hpp — the log's directory: its lock, and the checks that libraft does not make.
//
// libraft cuts an open segment (the file being written) at the first thing in it that does not decode and goes on,
// and its metadata files have no checksum. So before it sees them, the files are looked at here: the rest of a write
// that a crash interrupted is wiped, with a line in the log; anything else stops the start.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace flurm::replog {

/// Names of what is there, sorted, without what set_aside() put away; none when it cannot be read.
std::vector<std::string> names_in(const std::string& directory);
/// Moves everything into a new folder below, whose path it returns; the directory is as good as empty then. The caller
/// holds the lock. Errors: io.
Result<std::string> set_aside(const std::string& directory);
/// libraft's names: "first-last", and "open-number" for the files being written.
bool is_closed_segment(const std::string& name, std::uint64_t& first, std::uint64_t& last);
bool is_open_segment(const std::string& name, std::uint64_t& number);

/// Holds the directory for this process.
class DirectoryLock {
 public:
  DirectoryLock() = default;
  ~DirectoryLock() { release(); }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  /// Makes the directory if it is missing. Blocks, two seconds at most, while another process holds it. Errors: io;
  /// einval when it goes on holding it.
  Result<void> take(const std::string& directory);
  void release();

 private:
  int fd_ = -1;
};

/// True when the log was made here before (a marker file says so). Clears what an interrupted making left.
/// Errors: corrupt when the marker is there but the log is not, or the other way round; io.
Result<bool> directory_is_made(const std::string& directory);
/// Records that the log is made, and for which member, durably. joining: it may still be as good as empty.
Result<void> mark_directory_made(const std::string& directory, std::uint64_t member, bool joining);
/// The last mark said so.
bool directory_is_joining(const std::string& directory);
/// Whose log it is: 1 where the marker does not say, which is from before there could be several. nullopt: no log is
/// made.
std::optional<std::uint64_t> directory_owner(const std::string& directory);

/// Looks at metadata and open segments; wipes the rest of an interrupted write. Errors: corrupt (names the file), io.
Result<void> check_directory(const std::string& directory);

struct SnapshotName {
  std::uint64_t term = 0, index = 0, stamp = 0;  ///< libraft's
  std::string file;
};
/// The snapshots there, the newest first.
std::vector<SnapshotName> snapshots_in(const std::string& directory);

/// Name of the newest snapshot, for messages; empty when there is none. `raft_index` receives libraft's index of it.
std::string newest_snapshot(const std::string& directory, std::uint64_t* raft_index = nullptr);

/// Errors: io when a file of `bytes` does not fit.
Result<void> check_space(const std::string& directory, std::size_t bytes);

}  // namespace flurm::replog
