// cli/processes.hpp — starting a local cluster's daemons and finding what belongs to the cluster, jobs included.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "cli/layout.hpp"

namespace flurm::cli {

/// One daemon of the cluster.
struct Daemon {
  std::string name;               ///< "flurmctld", "n1", "munged"
  std::vector<std::string> argv;  ///< argv[0] is a path, or a name to be found in PATH and the sbin folders
  std::optional<User> user;       ///< who it becomes; empty: stays what we are
  std::uint16_t port = 0;         ///< where it listens; 0: on no port
  std::string address = "127.0.0.1";
  std::uint16_t link_port = 0;  ///< of the controller link; 0: none
  std::vector<std::pair<std::string, std::string>> environment;  ///< in addition to ours
  bool is_controller = false;
};

/// Starts `daemon` in a session of its own, output to its log, and writes a record by which it is found again.
/// Errors: io when it cannot be executed.
Result<void> start_daemon(const Layout& layout, const Daemon& daemon);

/// Its process id while it runs. A record whose process is gone, or whose number now belongs to another, is nothing.
std::optional<pid_t> daemon_pid(const Layout& layout, const std::string& name);

/// Asks a daemon to end and waits up to `patience`. True when it is gone.
bool stop_daemon(const Layout& layout, const std::string& name, std::chrono::milliseconds patience);

/// All living processes of the cluster but `except`: those that carry its mark in their environment (daemons and
/// supervisors), their descendants, and processes of its jobs that have left the family.
std::vector<pid_t> cluster_processes(const Layout& layout, pid_t except);

/// Kills them, again and again until none is left or `patience` is over. Returns those that remain.
std::vector<pid_t> kill_processes(const Layout& layout, std::chrono::milliseconds patience);

/// The last lines of what the daemon logged and printed, with the files' names, for an error message.
std::string log_tail(const Layout& layout, const std::string& name, int lines = 15);

/// The path of `program`: beside the running one, else in PATH and the sbin folders. Errors: io, with `hint`.
Result<std::string> find_program(const std::string& program, std::string_view hint);

/// Runs a client with the cluster's SLURM_CONF and returns its standard output; empty when it fails or takes longer
/// than `patience`.
std::string run_client(const Layout& layout, const std::vector<std::string>& argv, std::chrono::milliseconds patience);

/// Waits a moment: the step of all loops that look again.
void pause_briefly();

}  // namespace flurm::cli
