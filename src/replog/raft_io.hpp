// replog/raft_io.hpp — what libraft stands on: its disk, its messages, its clock. Here over raft_uv; the simulation has
// another implementation of this header.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "io/loop.hpp"
#include "replog/raft_log.hpp"

struct raft_io;

namespace flurm::replog {

/// Loop thread only.
class RaftIo {
 public:
  /// options must outlive it.
  RaftIo(io::Loop& loop, const RaftOptions& options);
  ~RaftIo();
  RaftIo(const RaftIo&) = delete;
  RaftIo& operator=(const RaftIo&) = delete;

  /// Fills `raw`, which must outlive it. Returns 0 or one of libraft's errors.
  int open(raft_io& raw);
  /// After open(), once libraft has let go of it.
  void close();

  /// What libraft calls a member: messages from it come under the address to which answers are sent.
  void know(std::uint64_t member, std::string address);
  /// After raft_start(): stays connected to these, id and what libraft calls them, until the next call. libraft alone
  /// connects with its first message, and loses one to find that a connection is gone.
  void keep_connected(std::map<std::uint64_t, std::string> members);

  /// Calls `fn` before and after each round of the loop, until unwatch().
  void watch(std::function<void()> fn);
  void unwatch();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace flurm::replog
