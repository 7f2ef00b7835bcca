// stepd/step_directory.hpp — the job's directory in the spool: batch script, control socket, state file.
#pragma once
#include <cstddef>
#include <string>

#include "base/result.hpp"
#include "exec/fd.hpp"
#include "exec/step_messages.hpp"

namespace flurm::stepd {

/// All names are resolved against the open directory, which only we (and the user's group, to read) can enter.
class StepDirectory {
 public:
  /// Makes or takes over the directory. Errors: node_create_batch_dir.
  static Result<StepDirectory> open(const exec::StepLaunch& launch);

  /// The script, owned and readable by the user alone; returns its path. Errors: node_create_batch_script.
  Result<std::string> write_script(const exec::StepLaunch& launch);
  /// A listening socket that only our own uid can connect to. Errors: io.
  Result<exec::Fd> listen();
  /// The run begins: its order becomes the state file. Errors: node_credential_revoked (it was given up).
  Result<void> begin(const exec::StepKey& key);
  /// Writes the state file. Who reads it at that moment may see a torn one, and looks again. Errors: io.
  Result<void> write_state(const exec::StepState& state);
  void remove_script();
  /// Takes back all of the above, and the directory when that leaves it empty.
  void remove();

 private:
  StepDirectory(std::string path, exec::Fd fd, std::string base)
      : path_(std::move(path)), fd_(std::move(fd)), base_(std::move(base)) {}
  std::string path_;
  exec::Fd fd_;
  exec::Fd state_file_;
  std::size_t state_bytes_ = 0;  ///< in the state file
  std::string base_;  ///< "step_batch"
};

}  // namespace flurm::stepd
