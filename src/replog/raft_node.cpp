// replog/raft_node.cpp — see raft_node.hpp.
#include "replog/raft_node.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <utility>

extern "C" {
#include <raft.h>
}

#include "base/log.hpp"
#include "fmt/format.h"
#include "io/event.hpp"
#include "replog/directory.hpp"
#include "replog/raft_acknowledged.hpp"
#include "replog/raft_election.hpp"
#include "replog/raft_io.hpp"

namespace flurm::replog {
namespace {

/// How long a leader waits for a member to have taken a snapshot before it sends it again. libraft's own 30 seconds
/// also pass when the member was busy with a snapshot of its own and dropped the leader's.
unsigned patience_for_snapshot(std::size_t bytes) {
  constexpr std::size_t kLeastMs = 2000, kBytesPerMs = 10'000;
  return static_cast<unsigned>(kLeastMs + bytes / kBytesPerMs);
}

constexpr unsigned kTicksPerHeartbeat = 5;

Errc errc_of(int raft_error) {
  switch (raft_error) {
    case RAFT_CORRUPT:
    case RAFT_MALFORMED:
      return Errc::corrupt;
    case RAFT_NOTLEADER:
    case RAFT_LEADERSHIPLOST:
      return Errc::not_leader;
    case RAFT_BADID:
    case RAFT_BADROLE:
    case RAFT_NOTFOUND:
    case RAFT_DUPLICATEID:
    case RAFT_DUPLICATEADDRESS:
      return Errc::einval;
    case RAFT_CANTCHANGE:
      return Errc::eagain;
    default:
      return Errc::io;
  }
}

}  // namespace

std::string address_of(const Member& member) {
  return member.address.empty() ? std::to_string(member.id) : member.address;
}

int make_configuration(std::vector<Member> members, raft_configuration& out) {
  std::ranges::sort(members, {}, &Member::id);
  raft_configuration_init(&out);
  int rv = 0;
  for (const Member& member : members)
    if (rv == 0) rv = raft_configuration_add(&out, member.id, address_of(member).c_str(), RAFT_VOTER);
  return rv;
}

RaftBuffer::RaftBuffer(std::size_t size) : data_(static_cast<char*>(raft_malloc(size))), size_(size) {
  FLURM_CHECK(data_, "out of memory");
}
RaftBuffer::~RaftBuffer() {
  if (data_) raft_free(data_);
}

struct RaftNode::Impl {
  Impl(io::Loop& the_loop, const RaftOptions& the_options, Events& the_events)
      : loop(the_loop), options(the_options), events(the_events) {}

  io::Loop& loop;
  const RaftOptions& options;
  Events& events;

  struct Append;
  /// libraft's I/O with our hands in between. `raw` comes first: libraft hands back its address.
  struct Io {
    raft_io raw;
    Impl* impl;
    // What we stand before.
    int (*append)(raft_io*, raft_io_append*, const raft_entry*, unsigned, raft_io_append_cb);
    int (*truncate)(raft_io*, raft_index);
    int (*set_term)(raft_io*, raft_term);
    int (*set_vote)(raft_io*, raft_id);
    int (*start)(raft_io*, unsigned, raft_io_tick_cb, raft_io_recv_cb);
    int (*random)(raft_io*, int, int);
    int (*send)(raft_io*, raft_io_send*, const raft_message*, raft_io_send_cb);
    int (*snapshot_get)(raft_io*, raft_io_snapshot_get*, raft_io_snapshot_get_cb);
    void (*close)(raft_io*, raft_io_close_cb);
    raft_io_tick_cb tick;
    raft_io_recv_cb receive;
    raft_io_close_cb closed;  // until it was called
    std::vector<Append*> appends;  // under way, in their order
    bool outlived;                 // an append is being reported whose leader is not ours any more
  };
  struct Append {
    raft_io_append request;
    raft_io_append* outer;
    raft_io_append_cb done;
    Impl* impl;
    bool changes_members;  // and this member follows
    raft_term term;
    raft_id leader;
    int failed = 0;
  };

  RaftIo world{loop, options};
  Io own_io{.raw = {}, .impl = this};
  raft_io& io = own_io.raw;
  raft_fsm fsm{};
  raft raft_{};
  bool has_io = false, has_raft = false;

  struct Apply {
    struct raft_apply request;
    Impl* impl;
  };
  struct Barrier {
    struct raft_barrier request;
    Impl* impl;
  };
  bool barrier_under_way = false;
  // libraft goes on sending from the request after it has called back, so it lives as long as the rest.
  struct raft_transfer transfer {};
  std::function<void()> handed_over;
  struct raft_change change {};
  Changed change_done;
  Acknowledged acknowledged;
  int last_state = RAFT_UNAVAILABLE;
  raft_id last_leader = 0;
  /// Indexes of the configuration in force and of a newer one that is not committed: they tell when it changes.
  std::pair<raft_index, raft_index> last_configuration;
  raft_index not_undone = 0;  // a configuration, not committed, that libraft could not go back from

  std::string snapshot_bytes;
  raft_buffer snapshot_buffer{};
  std::uint64_t snapshot_raft_index = 0;

  void report(std::unique_ptr<Append> append, int status);
  void listen_to_appends();
  void listen_to_truncations();
  void guard_snapshots();
  void close_once();
  void hasten_elections();
  void listen_to_votes();
  void look();
  void look_at_members();
  void meet(const Member& member) { world.know(member.id, address_of(member)); }
  /// Whom this member takes for the leader, while it does not lead itself.
  raft_id follows() const { return raft_.state == RAFT_FOLLOWER ? raft_.follower_state.current_leader.id : 0; }
  Result<void> error(int status, const char* doing);
};

void RaftNode::Impl::look() {
  const int state = raft_state(&raft_);
  raft_id leader = 0;
  const char* address = nullptr;
  raft_leader(&raft_, &leader, &address);
  const bool same = state == last_state && leader == last_leader;
  last_state = state;
  last_leader = leader;
  look_at_members();
  if (same) return;
  acknowledged.clear();
  events.state_changed();
}

void RaftNode::Impl::look_at_members() {
  if (raft_state(&raft_) == RAFT_FOLLOWER && raft_.configuration_uncommitted_index != 0 &&
      raft_.configuration_index <= raft_.log.offset) {
    not_undone = std::exchange(raft_.configuration_uncommitted_index, 0);
  }
  const std::pair now(raft_.configuration_index, raft_.configuration_uncommitted_index);
  if (std::exchange(last_configuration, now) == now) return;
  std::map<std::uint64_t, std::string> others;
  for (unsigned i = 0; i < raft_.configuration.n; ++i) {
    const raft_server& server = raft_.configuration.servers[i];
    world.know(server.id, server.address);
    if (server.id != options.self) others.emplace(server.id, server.address);
  }
  world.keep_connected(std::move(others));
  events.members_changed();
}

void RaftNode::Impl::report(std::unique_ptr<Append> append, int status) {
  own_io.outlived = append->term != raft_.current_term || append->leader != follows();
  append->done(append->outer, status);
  own_io.outlived = false;
  if (status != 0 && status != RAFT_CANCELED)
    events.write_failed(false, fmt::format("{}: {}", raft_strerror(status), io.errmsg));
  else if (append->changes_members && status == 0 && raft_state(&raft_) != RAFT_FOLLOWER)
    events.write_failed(false, "the members changed during an election; reading them again");
}

/// A leader hears of a failed append; a follower's libraft keeps it to itself, and then waits for ever for entries that
/// it believes to have.
void RaftNode::Impl::listen_to_appends() {
  own_io.append = std::exchange(io.append, [](raft_io* raw, raft_io_append* outer, const raft_entry* entries,
                                              unsigned n, raft_io_append_cb done) {
    auto* self = reinterpret_cast<Io*>(raw);
    // libraft forgets to adopt members that were written while it follows if it stands for election meanwhile.
    const bool follows = raft_state(&self->impl->raft_) == RAFT_FOLLOWER;
    const bool changes_members =
        follows && std::any_of(entries, entries + n, [](const raft_entry& e) { return e.type == RAFT_CHANGE; });
    auto* append =
        new Append{{}, outer, done, self->impl, changes_members, self->impl->raft_.current_term, self->impl->follows()};
    append->request.data = append;
    self->appends.push_back(append);
    const int rv = self->append(raw, &append->request, entries, n, [](raft_io_append* request, int status) {
      auto* ended = static_cast<Append*>(request->data);
      std::vector<Append*>& appends = ended->impl->own_io.appends;
      if (status == 0) {
        std::erase(appends, ended);
        return ended->impl->report(std::unique_ptr<Append>(ended), 0);
      }
      // A leader's libraft takes the entries out of its log and all after them, and once more when the writes of
      // those fail, too, which is beyond its end then. So the last one is told first.
      ended->failed = status;
      while (!appends.empty() && appends.back()->failed != 0) {
        std::unique_ptr<Append> last(appends.back());
        appends.pop_back();
        const int error = last->failed;
        last->impl->report(std::move(last), error);
      }
    });
    if (rv != 0) {
      std::erase(self->appends, append);
      delete append;
    }
    return rv;
  });
  // libraft would tell whoever leads now, or nobody at no address, of entries that a former leader sent. A new leader
  // with other entries in their place would count them as its own.
  own_io.send = std::exchange(
      io.send, [](raft_io* raw, raft_io_send* request, const raft_message* message, raft_io_send_cb done) -> int {
        auto* self = reinterpret_cast<Io*>(raw);
        if (self->outlived && message->type == RAFT_IO_APPEND_ENTRIES_RESULT) return RAFT_NOCONNECTION;
        return self->send(raw, request, message, done);
      });
}

void RaftNode::Impl::hasten_elections() {
  own_io.random = std::exchange(io.random, [](raft_io* raw, int min, int max) {
    auto* self = reinterpret_cast<Io*>(raw);
    const auto [from, to] = own_part(self->impl->raft_, min, max);
    return self->random(raw, from, to);
  });
  own_io.start =
      std::exchange(io.start, [](raft_io* raw, unsigned heartbeat_ms, raft_io_tick_cb tick, raft_io_recv_cb receive) {
        auto* self = reinterpret_cast<Io*>(raw);
        self->tick = tick;
        self->receive = receive;
        // libraft looks at its clock only when it ticks.
        const unsigned tick_ms = std::max(heartbeat_ms / kTicksPerHeartbeat, 1U);
        const auto ticked = [](raft_io* own) {
          auto* mine = reinterpret_cast<Io*>(own);
          // Not while entries are on their way to the disk: libraft does not expect to lead when they arrive.
          raft& core = mine->impl->raft_;
          if (core.state == RAFT_FOLLOWER && !mine->appends.empty()) return;
          ask_again(core);
          mine->tick(own);
        };
        const auto received = [](raft_io* own, raft_message* message) {
          auto* mine = reinterpret_cast<Io*>(own);
          raft& core = mine->impl->raft_;
          if (message->type == RAFT_IO_REQUEST_VOTE) doubt_leader(core, message->request_vote);
          if (message->type == RAFT_IO_APPEND_ENTRIES_RESULT && core.state == RAFT_LEADER &&
              message->append_entries_result.term == core.current_term)
            mine->impl->acknowledged.hear(message->server_id, message->append_entries_result);
          mine->receive(own, message);
        };
        return self->start(raw, tick_ms, ticked, received);
      });
}

/// A candidate that cannot write its vote becomes a follower again, and libraft takes the candidate's flags, which lie
/// in the same place, for the name of a leader, and frees it.
void RaftNode::Impl::listen_to_votes() {
  static constexpr auto checked = [](raft_io* raw, int rv) {
    raft& self = reinterpret_cast<Io*>(raw)->impl->raft_;
    if (rv != 0 && self.state == RAFT_CANDIDATE)
      self.candidate_state.disrupt_leader = self.candidate_state.in_pre_vote = false;
    return rv;
  };
  own_io.set_term = std::exchange(io.set_term, [](raft_io* raw, raft_term term) {
    return checked(raw, reinterpret_cast<Io*>(raw)->set_term(raw, term));
  });
  own_io.set_vote = std::exchange(io.set_vote, [](raft_io* raw, raft_id vote) {
    return checked(raw, reinterpret_cast<Io*>(raw)->set_vote(raw, vote));
  });
}

/// What is cut off may have changed the members, and what libraft would go back to may be in a snapshot by now.
void RaftNode::Impl::listen_to_truncations() {
  own_io.truncate = std::exchange(io.truncate, [](raft_io* raw, raft_index from) {
    auto* self = reinterpret_cast<Io*>(raw);
    if (std::exchange(self->impl->not_undone, 0) >= from)
      self->impl->events.write_failed(false, "a change of the members is undone; reading them again");
    return self->truncate(raw, from);
  });
}

/// A leader whose disk failed may believe that a follower is further than its own log goes, and wants to send it a
/// snapshot then; where there is none, libraft would send whatever lies in its memory.
void RaftNode::Impl::guard_snapshots() {
  own_io.snapshot_get = std::exchange(
      io.snapshot_get, [](raft_io* raw, raft_io_snapshot_get* request, raft_io_snapshot_get_cb done) -> int {
        auto* self = reinterpret_cast<Io*>(raw);
        if (self->impl->raft_.log.snapshot.last_index == 0) return RAFT_NOTFOUND;
        return self->snapshot_get(raw, request, done);
      });
}

/// libraft's disk tells of its end twice when its last work is done before the loop has closed its handles, and the
/// second time would free what the first one has freed. So it is told once, when those are closed.
void RaftNode::Impl::close_once() {
  own_io.close = std::exchange(io.close, [](raft_io* raw, raft_io_close_cb closed) {
    auto* self = reinterpret_cast<Io*>(raw);
    self->closed = closed;
    self->close(raw, [](raft_io* own) {
      auto* mine = reinterpret_cast<Io*>(own);
      const raft_io_close_cb tell = std::exchange(mine->closed, nullptr);
      if (!tell) return;
      // What is deferred now may run before handles are closed; what that defers, only after.
      Impl* impl = mine->impl;
      impl->loop.defer([impl, own, tell] { impl->loop.defer([own, tell] { tell(own); }); });
    });
  });
}

Result<void> RaftNode::Impl::error(int status, const char* doing) {
  const char* detail = *raft_.errmsg ? raft_.errmsg : io.errmsg;
  std::string text =
      fmt::format("{}: {}: {}{}{}", options.directory, doing, raft_strerror(status), *detail ? ": " : "", detail);
  // libraft names segments and metadata, but not always the snapshot.
  if (text.find("segment") == std::string::npos && text.find("metadata") == std::string::npos) {
    if (std::string name = newest_snapshot(options.directory); !name.empty()) text += fmt::format(" ({})", name);
  }
  // A file that is shorter than it says is reported as an I/O error.
  bool unreadable = errc_of(status) == Errc::corrupt || text.find("short read") != std::string::npos ||
                    text.find("entries batch") != std::string::npos;
  return fail(Error{unreadable ? Errc::corrupt : Errc::io, std::move(text)});
}

RaftNode::RaftNode(io::Loop& loop, const RaftOptions& options, Events& events)
    : impl_(std::make_unique<Impl>(loop, options, events)) {
  Impl* self = impl_.get();
  raft_fsm& fsm = impl_->fsm;
  fsm.version = 3;
  fsm.data = self;
  fsm.apply = [](raft_fsm* f, const raft_buffer* buf, void** result) {
    *result = nullptr;
    bool good = static_cast<Impl*>(f->data)->events.apply({static_cast<const char*>(buf->base), buf->len});
    return good ? 0 : RAFT_CORRUPT;
  };
  fsm.restore = [](raft_fsm* f, raft_buffer* buf) {
    auto* impl = static_cast<Impl*>(f->data);
    bool good = impl->events.restore({static_cast<const char*>(buf->base), buf->len});
    if (!good) return RAFT_CORRUPT;
    raft_set_install_snapshot_timeout(&impl->raft_, patience_for_snapshot(buf->len));
    raft_free(buf->base);
    return 0;
  };
  fsm.snapshot = [](raft_fsm* f, raft_buffer* bufs[], unsigned* n) {
    auto* impl = static_cast<Impl*>(f->data);
    // libraft would put members into it that are not committed, as if they were.
    if (impl->raft_.configuration_uncommitted_index != 0 || !impl->events.begin_snapshot()) return RAFT_BUSY;
    impl->snapshot_raft_index = raft_last_applied(&impl->raft_);
    *bufs = nullptr;
    *n = 0;
    return 0;
  };
  fsm.snapshot_async = [](raft_fsm* f, raft_buffer* bufs[], unsigned* n) {
    auto* impl = static_cast<Impl*>(f->data);
    impl->snapshot_bytes = impl->events.make_snapshot();
    impl->snapshot_buffer = {impl->snapshot_bytes.data(), impl->snapshot_bytes.size()};
    *bufs = &impl->snapshot_buffer;
    *n = 1;
    return 0;
  };
  fsm.snapshot_finalize = [](raft_fsm* f, raft_buffer* bufs[], unsigned* n) {
    auto* impl = static_cast<Impl*>(f->data);
    *bufs = nullptr;
    *n = 0;
    raft_set_install_snapshot_timeout(&impl->raft_, patience_for_snapshot(impl->snapshot_bytes.size()));
    impl->snapshot_bytes = {};
    impl->events.end_snapshot();
    return 0;
  };
}

RaftNode::~RaftNode() { FLURM_CHECK(!impl_->has_io, "close() first"); }

Result<void> RaftNode::open() {
  Impl& self = *impl_;
  const RaftOptions& options = self.options;
  FLURM_CHECK(options.members.size() <= 1 || options.transport, "several members need a transport");
  const auto own = std::ranges::find(options.members, options.self, &Member::id);
  const std::string own_address = address_of(own == options.members.end() ? Member{options.self} : *own);
  for (const Member& member : options.members) self.meet(member);
  if (int rv = self.world.open(self.io)) return self.error(rv, "open");
  self.has_io = true;
  self.listen_to_appends();
  self.listen_to_truncations();
  self.guard_snapshots();
  self.close_once();
  self.hasten_elections();
  self.listen_to_votes();
  if (int rv = raft_init(&self.raft_, &self.io, &self.fsm, options.self, own_address.c_str())) {
    return self.error(rv, "open");
  }
  self.has_raft = true;
  self.raft_.data = &self;
  raft_set_election_timeout(&self.raft_, options.election_timeout_ms);
  raft_set_heartbeat_timeout(&self.raft_, options.heartbeat_ms);
  raft_set_snapshot_threshold(&self.raft_, options.snapshot_threshold);
  raft_set_snapshot_trailing(&self.raft_, options.snapshot_trailing);
  raft_set_pre_vote(&self.raft_, true);
  raft_set_install_snapshot_timeout(&self.raft_, patience_for_snapshot(0));
  return {};
}

Result<void> RaftNode::write_members(std::vector<Member> members, int (*how)(raft*, const raft_configuration*)) {
  raft_configuration configuration;
  int rv = make_configuration(std::move(members), configuration);
  if (rv == 0) rv = how(&impl_->raft_, &configuration);
  raft_configuration_close(&configuration);
  if (rv != 0) return impl_->error(rv, "write the members");
  return {};
}

Result<void> RaftNode::recover(const std::vector<Member>& members) {
  if (Result<void> opened = open(); !opened) return opened;
  return write_members(members, raft_recover);
}

Result<void> RaftNode::start(bool bootstrap) {
  Impl& self = *impl_;
  const std::vector<Member>& founders = self.options.members;
  if (bootstrap && std::ranges::find(founders, self.options.self, &Member::id) == founders.end())
    return fail(Errc::einval, "member {} is not in the list of members", self.options.self);
  if (Result<void> opened = open(); !opened) return opened;
  if (bootstrap)
    if (Result<void> written = write_members(founders, raft_bootstrap); !written) return written;
  if (int rv = raft_start(&self.raft_)) return self.error(rv, "load the log");
  self.last_state = raft_state(&self.raft_);
  // libraft 0.15 does not tell when its state changes.
  self.look_at_members();
  self.world.watch([&self] { self.look(); });
  if (self.options.transport)
    self.options.transport->on_gone([&self](std::uint64_t member) { leader_is_gone(self.raft_, member); });
  return {};
}

io::Task<void> RaftNode::close() {
  Impl& self = *impl_;
  self.world.unwatch();
  if (self.options.transport) self.options.transport->on_gone(nullptr);
  if (self.has_raft) {
    io::Event closed(self.loop);
    self.raft_.data = &closed;
    raft_close(&self.raft_, [](raft* r) { static_cast<io::Event*>(r->data)->set({}); });
    auto waiting = closed.wait(io::Deadline::never());
    (void)co_await waiting;
    self.has_raft = false;
  }
  if (self.has_io) self.world.close();
  self.has_io = false;
}

void RaftNode::write(std::vector<RaftBuffer> buffers) {
  std::vector<raft_buffer> raw;
  raw.reserve(buffers.size());
  for (RaftBuffer& buffer : buffers) raw.push_back({buffer.data(), buffer.size()});
  auto* apply = new Impl::Apply{{}, impl_.get()};
  apply->request.data = apply;
  // The callback comes once: when the first entry was applied, or when the write failed.
  int rv = raft_apply(&impl_->raft_, &apply->request, raw.data(), static_cast<unsigned>(raw.size()),
                      [](struct raft_apply* request, int status, void*) {
                        std::unique_ptr<Impl::Apply> self(static_cast<Impl::Apply*>(request->data));
                        if (status == 0) return;
                        self->impl->events.write_failed(
                            status == RAFT_LEADERSHIPLOST || status == RAFT_NOTLEADER,
                            fmt::format("{}: {}", raft_strerror(status), raft_errmsg(&self->impl->raft_)));
                      });
  if (rv != 0) {
    delete apply;
    impl_->events.write_failed(rv == RAFT_NOTLEADER,
                               fmt::format("{}: {}", raft_strerror(rv), raft_errmsg(&impl_->raft_)));
    return;
  }
  for (RaftBuffer& buffer : buffers) buffer.release();
}

void RaftNode::tell_committed() {
  raft& self = impl_->raft_;
  if (!impl_->has_raft || raft_state(&self) != RAFT_LEADER) return;
  const raft_log& log = self.log;
  const bool empty = log.front == log.back;
  // The same heartbeat that libraft sends, which must reach to the end of the log: whoever agrees to it has all of
  // that.
  raft_message message{};
  message.type = RAFT_IO_APPEND_ENTRIES;
  message.append_entries.term = self.current_term;
  message.append_entries.prev_log_index = raft_last_index(&self);
  message.append_entries.prev_log_term =
      empty ? log.snapshot.last_term : log.entries[(log.back + log.size - 1) % log.size].term;
  message.append_entries.leader_commit = self.commit_index;
  for (unsigned i = 0; i < self.configuration.n; ++i) {
    const raft_server& server = self.configuration.servers[i];
    if (server.id == self.id) continue;
    message.server_id = server.id;
    message.server_address = server.address;
    auto* request = new raft_io_send{};
    if (impl_->io.send(&impl_->io, request, &message, [](raft_io_send* sent, int) { delete sent; }) != 0)
      delete request;
  }
}

void RaftNode::apply_all() {
  if (impl_->barrier_under_way) return;
  auto* barrier = new Impl::Barrier{{}, impl_.get()};
  barrier->request.data = barrier;
  impl_->barrier_under_way = true;
  int rv = raft_barrier(&impl_->raft_, &barrier->request, [](struct raft_barrier* request, int) {
    std::unique_ptr<Impl::Barrier> self(static_cast<Impl::Barrier*>(request->data));
    self->impl->barrier_under_way = false;
    self->impl->last_state = RAFT_UNAVAILABLE;  // so that the watch looks again, after this callback
  });
  if (rv != 0) {
    delete barrier;
    impl_->barrier_under_way = false;
    impl_->events.write_failed(rv == RAFT_NOTLEADER, raft_strerror(rv));
  }
}

Result<void> RaftNode::hand_over(std::uint64_t to, std::function<void()> done) {
  Impl& self = *impl_;
  self.handed_over = std::move(done);
  self.transfer.data = &self;
  const int rv = raft_transfer(&self.raft_, &self.transfer, to, [](struct raft_transfer* request) {
    auto* impl = static_cast<Impl*>(request->data);
    if (impl->handed_over) std::exchange(impl->handed_over, nullptr)();
  });
  if (rv != 0) return fail(errc_of(rv), "{}", raft_strerror(rv));
  return {};
}

std::vector<Member> RaftNode::members() const {
  std::vector<Member> out;
  const raft_configuration& configuration = impl_->raft_.configuration;
  for (unsigned i = 0; impl_->has_raft && i < configuration.n; ++i) {
    const raft_server& server = configuration.servers[i];
    out.push_back({server.id, server.address, server.role == RAFT_VOTER});
  }
  return out;
}

bool RaftNode::has_settled() const { return impl_->raft_.configuration_uncommitted_index == 0; }

Result<void> RaftNode::change(Change what, const Member& member, Changed done) {
  Impl& self = *impl_;
  raft* r = &self.raft_;
  if (self.change_done) return fail(Errc::eagain, "another change of the members is under way");
  self.change.data = &self;
  self.change_done = std::move(done);
  const auto ended = [](struct raft_change* request, int status) {
    auto* impl = static_cast<Impl*>(request->data);
    if (const Changed tell = std::exchange(impl->change_done, nullptr))
      tell(status == 0 ? Result<void>() : fail(errc_of(status), "{}", raft_strerror(status)));
  };
  int rv = 0;
  if (what == Change::add) {
    self.meet(member);
    rv = raft_add(r, &self.change, member.id, address_of(member).c_str(), ended);
  } else if (what == Change::remove) {
    rv = raft_remove(r, &self.change, member.id, ended);
  } else {
    const bool votes = std::ranges::any_of(members(), [&](const Member& m) { return m.id == member.id && m.votes; });
    const int role = what == Change::promote ? RAFT_VOTER : RAFT_STANDBY;
    rv = votes ? RAFT_BADROLE : raft_assign(r, &self.change, member.id, role, ended);
  }
  if (rv == 0) return {};
  self.change_done = nullptr;
  return fail(errc_of(rv), "{}", raft_strerror(rv));
}

bool RaftNode::is_usable() const { return raft_state(&impl_->raft_) != RAFT_UNAVAILABLE; }
bool RaftNode::is_leader() const { return raft_state(&impl_->raft_) == RAFT_LEADER; }
bool RaftNode::has_applied_all() const { return raft_last_applied(&impl_->raft_) == raft_last_index(&impl_->raft_); }
std::uint64_t RaftNode::leader() const {
  raft_id id = 0;
  const char* address = nullptr;
  raft_leader(&impl_->raft_, &id, &address);
  return id;
}
std::uint64_t RaftNode::term() const { return impl_->raft_.current_term; }
std::uint64_t RaftNode::last_index() const { return impl_->has_raft ? raft_last_index(&impl_->raft_) : 0; }

bool RaftNode::snapshot_is_stored() const {
  std::uint64_t index = 0;
  newest_snapshot(impl_->options.directory, &index);
  return index == impl_->snapshot_raft_index;
}

}  // namespace flurm::replog
