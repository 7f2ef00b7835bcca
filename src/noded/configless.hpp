// noded/configless.hpp — a node without slurm.conf asks the controller for it.
#pragma once
#include <string>

#include "base/result.hpp"
#include "rpc/client.hpp"
#include "wire/msg/daemon_control.hpp"

namespace flurm::noded {

/// Asks `servers` ("host[:port],host[:port]…", 6817 by default) in turn until one gives its configuration.
/// Errors: those of the last one; configless_disabled.
io::Task<Result<wire::ConfigResponse>> fetch_configuration(rpc::Client& client, std::string servers);

/// Writes the files into <spool>/conf-cache, which is made where it is missing; returns the path of slurm.conf there.
/// Names that are no plain file names are refused. Errors: corrupt, io.
Result<std::string> store_configuration(const wire::ConfigResponse& configuration, const std::string& spool);

}  // namespace flurm::noded
