// replog/raft_transport.hpp — a Transport as libraft wants it.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "io/loop.hpp"
#include "replog/transport.hpp"

struct raft_uv_transport;

namespace flurm::replog {

class RaftTransport {
 public:
  /// transport: null for a member that is always alone, listens nowhere and connects to nobody.
  RaftTransport(io::Loop& loop, Transport* transport);
  /// libraft has closed it, or never got it.
  ~RaftTransport();
  RaftTransport(const RaftTransport&) = delete;
  RaftTransport& operator=(const RaftTransport&) = delete;

  raft_uv_transport* raw();
  /// What libraft calls a member: streams from it must come under the address to which answers are sent.
  void know(std::uint64_t member, std::string address);
  /// Called when a stream of ours to a member has ended and libraft, which never reads from it, does not know: its next
  /// write fails, and then it connects again. Not after libraft's close.
  void on_ended(std::function<void(std::uint64_t member)> fn);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace flurm::replog
