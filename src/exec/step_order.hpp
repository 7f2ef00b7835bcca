// exec/step_order.hpp — the note "this run of this step was ordered, and nobody has begun it".
//
// The node daemon writes it before it tells the controller that it took the order. The supervisor turns it into the
// step's state file right before it starts the task; a daemon that finds it at its start gives it up. Both do so by a
// rename, which only one of them can win: an order that was given up is never carried out, and one that was begun is
// never reported as if it had not been.
#pragma once
#include <string>

#include "base/result.hpp"
#include "exec/step_messages.hpp"

namespace flurm::exec {

inline constexpr std::string_view kOrderSuffix = ".order", kGivenUpSuffix = ".given_up";

/// "step_batch.3.order": of the run with restart count 3.
std::string step_order_name(const StepKey& key);

/// Makes the job's directory where it is missing, and the note in it: the state of a step that has not begun.
/// Not synced: it outlives the daemon, not the machine. Errors: node_create_batch_dir.
Result<void> write_step_order(const std::string& directory, const StepState& ordered);
/// Removes it, given up or not, when the order came to nothing; also the directory, where nothing else is in it.
void remove_step_order(const std::string& directory, const StepKey& key);

/// The supervisor begins the run. Errors: node_credential_revoked, when it was given up or never noted.
Result<void> begin_step_order(int directory_fd, const StepKey& key);
/// The daemon gives up the order in the file "<directory>/<name>"; returns the name that the note has now. Giving up
/// again is no error. Errors: node_step_exists, when the run was begun.
Result<std::string> give_up_step_order(const std::string& directory, const std::string& name);

}  // namespace flurm::exec
