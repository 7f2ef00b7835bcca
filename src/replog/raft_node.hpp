// replog/raft_node.hpp — one opened libraft instance: its I/O, its callbacks, its end. Knows nothing of proposals.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"
#include "replog/raft_log.hpp"

struct raft;
struct raft_configuration;

namespace flurm::replog {

/// What libraft calls a member, which must not be nothing; the transport knows them by their ids.
std::string address_of(const Member& member);
/// Fills `out`, which is then the caller's to close, also after an error, with these members, all voting. The entry
/// that is made of it must be the same everywhere, whatever the order of the list. Returns 0 or one of libraft's errors.
int make_configuration(std::vector<Member> members, raft_configuration& out);

/// Memory that libraft takes over.
class RaftBuffer {
 public:
  explicit RaftBuffer(std::size_t size);
  RaftBuffer(RaftBuffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  RaftBuffer& operator=(RaftBuffer&&) = delete;
  ~RaftBuffer();
  char* data() { return data_; }
  std::size_t size() const { return size_; }
  char* release() { return std::exchange(data_, nullptr); }

 private:
  char* data_;
  std::size_t size_;
};

class RaftNode {
 public:
  /// Called on the loop's thread, except make_snapshot().
  class Events {
   public:
    virtual ~Events() = default;
    /// The next committed entry. False: it is damaged, go no further.
    virtual bool apply(std::string_view sealed) = 0;
    virtual bool restore(std::string_view sealed) = 0;
    /// False: not now.
    virtual bool begin_snapshot() = 0;
    /// On a worker thread of libuv.
    virtual std::string make_snapshot() = 0;
    virtual void end_snapshot() = 0;
    /// The batch under way will not be applied here, as far as anybody knows.
    virtual void write_failed(bool leadership_lost, std::string reason) = 0;
    /// This member's leadership, or who leads, may have changed.
    virtual void state_changed() = 0;
    /// members() or has_settled() has changed.
    virtual void members_changed() = 0;
  };

  RaftNode(io::Loop& loop, const RaftOptions& options, Events& events);
  ~RaftNode();
  RaftNode(const RaftNode&) = delete;
  RaftNode& operator=(const RaftNode&) = delete;

  /// Loads, restores and applies; bootstrap: the directory is empty, make the log of options.members first. An empty
  /// one otherwise waits for a leader. After an error close() is still needed.
  Result<void> start(bool bootstrap);
  /// Instead of start(): appends a configuration of these members to the log on disk. close() is needed after it.
  Result<void> recover(const std::vector<Member>& members);
  io::Task<void> close();

  /// One batch; the next one only after all its entries were applied or write_failed() came.
  void write(std::vector<RaftBuffer> buffers);
  /// Lets the others know at once what is committed. libraft does so with the next entry, or heartbeat.
  void tell_committed();
  /// Makes the leader apply what former leaders left; state_changed() follows.
  void apply_all();
  /// Lets a member lead; 0: the one that is furthest. `done` comes when another one leads, or after an election timeout;
  /// one at a time. After an error `done` does not come.
  Result<void> hand_over(std::uint64_t to, std::function<void()> done);

  std::vector<Member> members() const;
  /// The last change of the members is committed.
  bool has_settled() const;
  /// What is added gets nothing yet; what is included gets everything; what is promoted votes.
  enum class Change { add, include, promote, remove };
  using Changed = std::function<void(Result<void>)>;
  /// One at a time. `done` comes when the change is committed, or cannot be any more; after an error it does not come.
  Result<void> change(Change what, const Member& member, Changed done);

  /// False after an error that libraft cannot go on from.
  bool is_usable() const;
  bool is_leader() const;
  bool has_applied_all() const;
  std::uint64_t leader() const;
  std::uint64_t term() const;
  /// libraft's own count.
  std::uint64_t last_index() const;
  /// True when the snapshot begun last is the newest on disk.
  bool snapshot_is_stored() const;

 private:
  struct Impl;
  Result<void> open();
  Result<void> write_members(std::vector<Member> members, int (*how)(raft*, const raft_configuration*));
  std::unique_ptr<Impl> impl_;
};

}  // namespace flurm::replog
