// rpc/forward.hpp — one message to many nodes by a tree: each receiver passes it on and brings the answers back.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "rpc/client.hpp"

namespace flurm::rpc {

/// Where a node's daemon listens.
using Resolve = std::function<Result<Address>(const std::string& node)>;

/// The first node is called, the others travel in its header.
using Branch = std::vector<std::string>;

/// Splits `nodes`, in their order, into at most `width` branches whose lengths differ by at most one.
std::vector<Branch> split_tree(const std::vector<std::string>& nodes, unsigned width);

/// How many hops a tree of `nodes` has.
unsigned tree_depth(std::size_t nodes, unsigned width);

struct FanOut {
  wire::MsgType type{};
  std::string body;
  std::uint16_t version = 0;
  unsigned width = 16;
  std::uint64_t timeout_ms = 10'000;  ///< per hop
  std::optional<uid_t> restrict_uid;  ///< the user the node daemons run as
};

/// Exactly one entry per node, in no particular order. A node that did not answer has type RESPONSE_FORWARD_FAILED
/// and the error in `err`; when the first node of a branch is not there, the next one takes its place.
io::Task<std::vector<wire::RetEntry>> fan_out(Client& client, Resolve resolve, std::vector<std::string> nodes,
                                              FanOut what);

/// Where a request comes from: the address that the first receiver saw, when it was passed on since; else our peer's.
/// Unspecified where that is no numeric address.
wire::Addr origin(const Request& request);
/// The address as text; empty when unspecified.
std::string numeric_host(const wire::Addr& address);

/// The receiver's side: passes a request on to the nodes its header names, with its own credential and body.
class Forwarder {
 public:
  Forwarder(Client& client, Resolve resolve) : client_(client), resolve_(std::move(resolve)) {}
  /// One entry per node in request.header.forward.
  io::Task<std::vector<wire::RetEntry>> forward(const Request& request);

 private:
  Client& client_;
  Resolve resolve_;
};

}  // namespace flurm::rpc
