// cluster/resolve.hpp — names of the other members' hosts as numeric addresses.
#pragma once
#include <string>

#include "base/result.hpp"

namespace flurm::cluster {

/// True for what needs no looking up.
bool is_numeric(const std::string& host);
/// The first IPv4 address of `host`, else its first IPv6 one. Blocks: for worker threads. Errors: communications_connection.
Result<std::string> look_up(const std::string& host);

}  // namespace flurm::cluster
