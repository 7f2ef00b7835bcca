// cli/control.hpp — asks running controllers over HTTP: what anybody may read, and what only administrators may order.
#pragma once
#include <functional>
#include <map>
#include <string>

#include "base/result.hpp"
#include "cli/site.hpp"

namespace flurm::cli {

/// An answer's members; numbers and booleans as their text.
using Fields = std::map<std::string, std::string>;

/// One page of one controller. Errors: communications_connection (it was not reached), io.
Result<std::string> http_get(const std::string& host, std::uint16_t port, const std::string& path);

/// Orders something of the first controller that can be reached; `site.hosts` tells which and in which order. It is the
/// user's own request, signed by munged for each controller anew. The answer's body is at most `body_max` bytes.
/// Errors: what the controller said; communications_connection, none can be reached; timed_out, one took the request
/// and did not answer: it may have been carried out.
Result<std::string> order(const Site& site, const std::string& path, const Fields& arguments,
                          std::size_t body_max = std::size_t{1} << 20);

/// The members of a JSON object. Errors: corrupt.
Result<Fields> read_fields(const std::string& json);

/// Finds the cluster, orders, and prints the answer's message, or on standard error what went wrong. The exit status.
int order_and_print(const std::string& local_dir, const std::string& path, const Fields& arguments);

}  // namespace flurm::cli
