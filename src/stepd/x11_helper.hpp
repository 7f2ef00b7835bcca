// stepd/x11_helper.hpp — --x11: the process that shows this node the display of the job's user (flurmx11), as the
// supervisor of the extern step sees it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "stepd/helper.hpp"

namespace flurm::stepd {

class X11Helper {
 public:
  /// Starts it and waits for the display; launch.x11 is set. mount_namespace: of the job; -1: it has none.
  /// Errors: node_fork_failed, node_execve_failed; what it says is in the text.
  static Result<X11Helper> start(const exec::StepLaunch& launch, int mount_namespace);

  pid_t pid() const { return helper_.pid; }
  std::uint16_t display() const { return ready_.display; }
  const std::string& xauthority() const { return ready_.xauthority; }

  /// The job is over: it takes its key away and ends. Called again some seconds later, it is killed.
  void end(std::uint64_t now_ms);

 private:
  X11Helper(Helper helper, exec::X11Ready ready) : helper_(std::move(helper)), ready_(std::move(ready)) {}

  Helper helper_;
  exec::X11Ready ready_;
  std::optional<std::uint64_t> ending_since_ms_;
};

}  // namespace flurm::stepd
