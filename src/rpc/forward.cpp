// rpc/forward.cpp — the forwarding tree. Tree shapes and failure entries follow Slurm's forward.c as its wire shows it.
#include "rpc/forward.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/hostlist.hpp"
#include "base/log.hpp"
#include "io/event.hpp"
#include "rpc/frames.hpp"

namespace flurm::rpc {
namespace {

/// So long a node may take to take a connection: the kernel asks three times. Another takes its place while those above
/// still wait; a machine without power would use up the time of all that stand below it.
constexpr std::uint64_t kConnectMs = 3500;

using Entries = std::vector<wire::RetEntry>;
/// Sends the message to one node, with `rest` for it to pass on to.
using Send = std::function<io::Task<Result<Response>>(Address to, std::vector<std::string> rest)>;

wire::RetEntry failure(std::string node, Errc code) {
  wire::RetEntry entry;
  entry.err = static_cast<std::uint32_t>(code);
  entry.type = wire::MsgType::RESPONSE_FORWARD_FAILED;
  entry.node_name = std::move(node);
  return entry;
}

/// Errors that nodes tell each other by number must be Slurm's.
Errc on_the_wire(Errc code) {
  switch (code) {
    case Errc::timed_out:
    case Errc::closed:
    case Errc::io:
    case Errc::corrupt:
      return Errc::communications_receive;
    default:
      return static_cast<std::int32_t>(code) < 100'000 ? code : Errc::error;
  }
}

/// Takes the answers of a branch: its head's own and those in its header. Nodes it left out have not answered.
void collect(Entries& out, const std::string& head, const std::vector<std::string>& rest, Response response) {
  wire::RetEntry own;
  own.type = response.type();
  own.node_name = head;
  own.body = std::string(response.body());
  out.push_back(std::move(own));
  std::vector<std::string> missing = rest;
  for (wire::RetEntry& entry : response.header.ret_list) {
    auto at = std::find(missing.begin(), missing.end(), entry.node_name);
    if (at == missing.end()) {
      log(Level::warn, "rpc.forward", {{"node", head}, {"stray_answer_of", entry.node_name}});
      continue;
    }
    missing.erase(at);
    out.push_back(std::move(entry));
  }
  for (std::string& node : missing) out.push_back(failure(std::move(node), Errc::communications_receive));
}

struct Gather {
  Gather(io::Loop& loop, std::size_t branches) : left(branches), done(loop) {}
  Entries entries;
  std::size_t left;
  io::Event done;
};

/// While nobody answers as the head of the branch, the next node takes its place. A head that was reached but did not
/// answer may have passed the message on: its branch counts as failed, lest the message arrives twice.
io::Task<void> serve_branch(std::shared_ptr<Gather> gather, Branch branch, std::shared_ptr<const Resolve> resolve,
                            std::shared_ptr<const Send> send) {
  while (!branch.empty()) {
    std::string head = std::move(branch.front());
    branch.erase(branch.begin());
    Result<Address> address = (*resolve)(head);
    if (!address) {
      log(Level::error, "rpc.forward", {{"node", head}, {"error", address.error().text}});
      gather->entries.push_back(failure(std::move(head), Errc::communications_connection));
      continue;
    }
    auto sending = (*send)(std::move(*address), branch);
    Result<Response> response = co_await sending;
    if (response) {
      collect(gather->entries, head, branch, std::move(*response));
      break;
    }
    log(Level::verbose, "rpc.forward", {{"node", head}, {"error", response.error().text}});
    Errc code = response.error().code;
    gather->entries.push_back(failure(std::move(head), on_the_wire(code)));
    if (code == Errc::communications_connection) continue;
    for (std::string& node : branch) gather->entries.push_back(failure(std::move(node), on_the_wire(code)));
    break;
  }
  if (--gather->left == 0) gather->done.set({});
}

io::Task<Entries> run_tree(io::Loop& loop, std::vector<std::string> nodes, unsigned width, Resolve resolve, Send send) {
  std::vector<Branch> branches = split_tree(nodes, width);
  if (branches.empty()) co_return Entries{};
  auto gather = std::make_shared<Gather>(loop, branches.size());
  auto shared_resolve = std::make_shared<const Resolve>(std::move(resolve));
  auto shared_send = std::make_shared<const Send>(std::move(send));
  for (Branch& branch : branches) io::spawn(serve_branch(gather, std::move(branch), shared_resolve, shared_send));
  io::Event done = gather->done;
  auto waiting = done.wait(io::Deadline::never());  // each call has its own deadline
  (void)co_await waiting;
  co_return std::move(gather->entries);
}

wire::Forward forward_to(const std::vector<std::string>& rest, std::uint64_t timeout_ms, unsigned width) {
  wire::Forward forward;
  if (rest.empty()) return forward;
  forward.cnt = static_cast<std::uint16_t>(rest.size());
  forward.nodelist = compress_hosts(rest);
  forward.timeout_ms = static_cast<std::uint32_t>(timeout_ms);
  forward.tree_width = static_cast<std::uint16_t>(width);
  forward.tree_depth = static_cast<std::uint16_t>(1 + tree_depth(rest.size(), width));
  return forward;
}

}  // namespace

std::vector<Branch> split_tree(const std::vector<std::string>& nodes, unsigned width) {
  std::size_t count = std::min<std::size_t>(std::max(width, 1u), nodes.size());
  std::vector<Branch> branches;
  auto at = nodes.begin();
  for (std::size_t i = 0; i < count; ++i) {
    auto size = static_cast<std::ptrdiff_t>(nodes.size() / count + (i < nodes.size() % count ? 1 : 0));
    branches.emplace_back(at, at + size);
    at += size;
  }
  return branches;
}

unsigned tree_depth(std::size_t nodes, unsigned width) {
  unsigned depth = 0;
  for (std::size_t left = nodes; left > 0; ++depth) {
    std::size_t branches = std::min<std::size_t>(std::max(width, 1u), left);
    left = (left + branches - 1) / branches - 1;
  }
  return depth;
}

io::Task<std::vector<wire::RetEntry>> fan_out(Client& client, Resolve resolve, std::vector<std::string> nodes,
                                              FanOut what) {
  unsigned width = std::max(what.width, 1u);
  io::Loop& loop = client.loop();
  Send send = [&client, what = std::move(what), width](Address to, std::vector<std::string> rest) {
    CallOptions options;
    options.restrict_uid = what.restrict_uid;
    options.timeout_ms = what.timeout_ms * (1 + tree_depth(rest.size(), width));
    options.connect_ms = kConnectMs;
    options.forward = forward_to(rest, what.timeout_ms, width);
    return client.call(std::move(to), what.type, what.body, what.version, std::move(options));
  };
  return run_tree(loop, std::move(nodes), width, std::move(resolve), std::move(send));
}

namespace {

io::Task<Entries> all_failed(std::vector<std::string> nodes, Errc code) {
  Entries entries;
  for (std::string& node : nodes) entries.push_back(failure(std::move(node), code));
  co_return entries;
}

}  // namespace

wire::Addr origin(const Request& request) {
  if (request.header.orig_addr.family != wire::Addr::unspecified) return request.header.orig_addr;
  const auto colon = request.peer.rfind(':');
  if (colon == std::string::npos) return {};
  std::string host = request.peer.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  std::from_chars(request.peer.data() + colon + 1, request.peer.data() + request.peer.size(), port);
  std::string bytes(4, '\0');
  if (inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) return wire::make_addr(std::move(bytes), port);
  bytes.resize(16);
  if (inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1) return wire::make_addr(std::move(bytes), port);
  return {};
}

std::string numeric_host(const wire::Addr& address) {
  char text[INET6_ADDRSTRLEN];
  const int family = address.bytes.size() == 4 ? AF_INET : AF_INET6;
  const bool known = address.bytes.size() == 4 || address.bytes.size() == 16;
  return known && inet_ntop(family, address.bytes.data(), text, sizeof text) ? text : "";
}

io::Task<std::vector<wire::RetEntry>> Forwarder::forward(const Request& request) {
  const wire::Forward& to = request.header.forward;
  Result<std::vector<std::string>> nodes = expand_hosts(to.nodelist);
  if (!nodes || !request.auth) {
    log(Level::error, "rpc.forward",
        {{"peer", request.peer}, {"nodes", to.nodelist}, {"error", nodes ? "no credential" : nodes.error().text}});
    return all_failed({}, Errc::error);
  }
  unsigned width = std::max<unsigned>(to.tree_width, 1);
  std::uint64_t timeout_ms = std::clamp<std::uint32_t>(to.timeout_ms, 1000, 600'000);
  Send send = [this, header = request.header, origin_of_all = origin(request), auth = request.auth,
               body = std::string(request.body()), width, timeout_ms](Address address, std::vector<std::string> rest) {
    wire::Header next = header;
    next.orig_addr = origin_of_all;
    next.forward = forward_to(rest, timeout_ms, width);
    next.ret_list.clear();
    CallOptions options;
    options.timeout_ms = timeout_ms * (1 + tree_depth(rest.size(), width));
    options.connect_ms = kConnectMs;
    return client_.call_frame(std::move(address), wire::build_frame(std::move(next), auth, body), std::move(options));
  };
  return run_tree(client_.loop(), std::move(*nodes), width, resolve_, std::move(send));
}

}  // namespace flurm::rpc
