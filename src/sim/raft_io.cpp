// sim/raft_io.cpp — libraft's ground: a disk that takes its time and forgets what was not synced, and messages that are
// lost, doubled and overtaken.
#include "replog/raft_io.hpp"

extern "C" {
#include <raft.h>
}

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>

#include "io/timer.hpp"
#include "sim/world.hpp"

namespace flurm::replog {
namespace {

using sim::Disk;
using sim::World;

void* copy_of(const std::string& bytes) {
  void* out = raft_malloc(std::max<std::size_t>(bytes.size(), 1));
  FLURM_CHECK(out, "out of memory");
  std::memcpy(out, bytes.data(), bytes.size());
  return out;
}

std::string bytes_of(const raft_buffer& buffer) { return {static_cast<const char*>(buffer.base), buffer.len}; }

std::vector<Disk::Entry> entries_of(const raft_entry* entries, std::size_t count) {
  std::vector<Disk::Entry> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back({entries[i].term, entries[i].type, bytes_of(entries[i].buf)});
  return out;
}

/// As libraft frees them: one batch of memory for all.
raft_entry* raft_entries(const std::vector<Disk::Entry>& entries, bool one_batch) {
  if (entries.empty()) return nullptr;
  auto* out = static_cast<raft_entry*>(raft_malloc(entries.size() * sizeof(raft_entry)));
  std::string all;
  for (const Disk::Entry& entry : entries) all += entry.bytes;
  char* batch = one_batch ? static_cast<char*>(copy_of(all)) : nullptr;
  std::size_t at = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    out[i].term = entries[i].term;
    out[i].type = entries[i].type;
    out[i].buf.base = one_batch ? batch + at : copy_of(entries[i].bytes);
    out[i].buf.len = entries[i].bytes.size();
    out[i].batch = batch;
    at += entries[i].bytes.size();
  }
  return out;
}

std::vector<Disk::Server> servers_of(const raft_configuration& configuration) {
  std::vector<Disk::Server> out;
  for (unsigned i = 0; i < configuration.n; ++i)
    out.push_back({configuration.servers[i].id, configuration.servers[i].address, configuration.servers[i].role});
  return out;
}
void fill(raft_configuration& out, const std::vector<Disk::Server>& servers) {
  raft_configuration_init(&out);
  for (const Disk::Server& server : servers)
    FLURM_CHECK(raft_configuration_add(&out, server.id, server.address.c_str(), server.role) == 0, "configuration");
}

raft_snapshot* raft_snapshot_of(const Disk::Snapshot& from) {
  auto* out = static_cast<raft_snapshot*>(raft_malloc(sizeof(raft_snapshot)));
  out->index = from.index;
  out->term = from.term;
  out->configuration_index = from.configuration_index;
  fill(out->configuration, from.configuration);
  out->bufs = static_cast<raft_buffer*>(raft_malloc(sizeof(raft_buffer)));
  out->bufs[0] = {copy_of(from.bytes), from.bytes.size()};
  out->n_bufs = 1;
  return out;
}

/// A message on its way; owns what it says.
struct Letter {
  std::uint64_t from = 0;
  std::string from_address;
  raft_message message{};
  std::vector<Disk::Entry> entries;
  std::vector<Disk::Server> configuration;
  std::string snapshot;
};

}  // namespace

struct RaftIo::Impl : std::enable_shared_from_this<RaftIo::Impl> {
  Impl(io::Loop& the_loop, const RaftOptions& the_options)
      : loop(the_loop), options(the_options), process(*World::the().current()), disk(process.machine->disk) {}

  /// A write under way: `write` puts it on the disk, `done` tells libraft.
  struct Write {
    std::function<void()> write;
    std::function<void(int)> done;
  };

  io::Loop& loop;
  const RaftOptions& options;
  sim::Process& process;
  Disk& disk;
  raft_io* raw = nullptr;
  std::uint64_t id = 0;
  std::string address;
  std::map<std::uint64_t, std::string> addresses;  // of the others, as libraft calls them
  std::unique_ptr<io::Timer> ticker;
  raft_io_tick_cb tick = nullptr;
  raft_io_recv_cb recv = nullptr;
  std::deque<Write> writes;
  bool writing = false, closing = false;
  unsigned working = 0;  // jobs on workers
  raft_io_close_cb closed = nullptr;

  static Impl& of(raft_io* io) { return *static_cast<Impl*>(io->impl); }

  /// Members by id, as the last one that started for it.
  static std::map<std::uint64_t, Impl*>& members() {
    static std::map<std::uint64_t, Impl*> all;
    return all;
  }

  void queue(Write write) {
    writes.push_back(std::move(write));
    next_write();
  }
  void next_write() {
    if (writing || writes.empty()) return;
    writing = true;
    World& world = World::the();
    const sim::Micros takes = world.random().between(disk.sync_us_max / 10, disk.sync_us_max);
    world.at(world.now() + takes, &process, [me = shared_from_this()] {
      if (!me->closing) me->end_write();
    });
  }
  void end_write() {
    Write write = std::move(writes.front());
    writes.pop_front();
    writing = false;
    const bool fails = disk.full;
    if (!fails) write.write();
    next_write();
    if (write.done) write.done(fails ? RAFT_NOSPACE : 0);
  }
  /// A crash: writes that were under way may have got to the disk, in their order.
  void crash() {
    while (!writes.empty() && !disk.full && World::the().random().chance(0.5)) {
      writes.front().write();
      writes.pop_front();
    }
    writes.clear();
  }

  void append(std::vector<Disk::Entry> entries) {
    for (Disk::Entry& entry : entries) disk.entries.push_back(std::move(entry));
  }
  void store(Disk::Snapshot snapshot, std::uint64_t trailing) {
    const std::uint64_t last = snapshot.index;
    const std::uint64_t keep_from = trailing == 0 ? last + 1 : last > trailing ? last - trailing + 1 : 1;
    if (trailing == 0) {
      disk.entries.clear();
      disk.first_index = keep_from;
    } else {
      while (disk.first_index < keep_from && !disk.entries.empty()) {
        disk.entries.erase(disk.entries.begin());
        ++disk.first_index;
      }
    }
    disk.snapshot = std::move(snapshot);
  }

  void send(std::uint64_t to, const std::shared_ptr<Letter>& letter) {
    World& world = World::the();
    world.at(world.now() + world.latency(), nullptr, [from = &process, to, letter] {
      const auto found = members().find(to);
      if (found == members().end()) return;
      Impl& receiver = *found->second;
      sim::Process* there = &receiver.process;
      if (!there->alive || !World::the().connected(*from->machine, *there->machine)) return;
      World::the().at(World::the().now(), there, [me = receiver.shared_from_this(), letter] { me->take(*letter); });
    });
  }
  void take(const Letter& letter) {
    if (closing || !recv) return;
    raft_message message = letter.message;
    message.server_id = letter.from;
    const auto known = addresses.find(letter.from);
    message.server_address = known == addresses.end() ? letter.from_address.c_str() : known->second.c_str();
    if (message.type == RAFT_IO_APPEND_ENTRIES) {
      message.append_entries.entries = raft_entries(letter.entries, true);
    } else if (message.type == RAFT_IO_INSTALL_SNAPSHOT) {
      fill(message.install_snapshot.conf, letter.configuration);
      message.install_snapshot.data = {copy_of(letter.snapshot), letter.snapshot.size()};
    }
    recv(raw, &message);
  }

  void look_closed() {
    if (!closing || !closed || working > 0) return;
    loop.defer([this, done = std::exchange(closed, nullptr)] {
      done(raw);
      done(raw);  // as the real one now and then
    });
  }

  void fill_in(raft_io& io);
};

void RaftIo::Impl::fill_in(raft_io& io) {
  io.version = 2;
  io.impl = this;
  io.errmsg[0] = 0;
  io.init = [](raft_io* handle, raft_id own_id, const char* own_address) {
    of(handle).id = own_id;
    of(handle).address = own_address;
    return 0;
  };
  io.close = [](raft_io* handle, raft_io_close_cb done) {
    Impl& self = of(handle);
    self.closing = true;
    self.closed = done;
    self.ticker.reset();
    self.loop.defer([me = self.shared_from_this()] {
      for (Write& write : std::exchange(me->writes, {}))
        if (write.done) write.done(RAFT_CANCELED);
      me->look_closed();
    });
  };
  io.load = [](raft_io* handle, raft_term* term, raft_id* vote, raft_snapshot** snapshot, raft_index* start,
               raft_entry** entries, std::size_t* count) {
    const Disk& files = of(handle).disk;
    *term = files.term;
    *vote = files.vote;
    *snapshot = files.snapshot ? raft_snapshot_of(*files.snapshot) : nullptr;
    *start = files.first_index;
    *entries = raft_entries(files.entries, true);
    *count = files.entries.size();
    return 0;
  };
  io.start = [](raft_io* handle, unsigned ms, raft_io_tick_cb on_tick, raft_io_recv_cb on_receive) {
    Impl& self = of(handle);
    self.tick = on_tick;
    self.recv = on_receive;
    members()[self.id] = &self;
    self.ticker = std::make_unique<io::Timer>(self.loop, [&self] { self.tick(self.raw); });
    self.ticker->start(ms, ms);
    return 0;
  };
  io.bootstrap = [](raft_io* handle, const raft_configuration* configuration) {
    Disk& files = of(handle).disk;
    if (files.full) return RAFT_NOSPACE;
    raft_buffer buffer;
    if (const int rv = raft_configuration_encode(configuration, &buffer)) return rv;
    files.term = 1;
    files.entries = {{1, RAFT_CHANGE, bytes_of(buffer)}};
    raft_free(buffer.base);
    return 0;
  };
  io.recover = [](raft_io*, const raft_configuration*) { return RAFT_IOERR; };
  io.set_term = [](raft_io* handle, raft_term term) {
    Disk& files = of(handle).disk;
    if (files.full) return RAFT_NOSPACE;
    files.term = term;
    files.vote = 0;
    return 0;
  };
  io.set_vote = [](raft_io* handle, raft_id vote) {
    Disk& files = of(handle).disk;
    if (files.full) return RAFT_NOSPACE;
    files.vote = vote;
    return 0;
  };
  io.append = [](raft_io* handle, raft_io_append* request, const raft_entry* entries, unsigned count,
                 raft_io_append_cb done) {
    Impl& self = of(handle);
    self.queue({[&self, copies = entries_of(entries, count)] { self.append(copies); },
                [request, done](int status) { done(request, status); }});
    return 0;
  };
  io.truncate = [](raft_io* handle, raft_index index) {
    Impl& self = of(handle);
    self.queue({[&self, index] {
                  const auto keep = index - std::min<std::uint64_t>(index, self.disk.first_index);
                  if (keep < self.disk.entries.size()) self.disk.entries.resize(keep);
                },
                nullptr});
    return 0;
  };
  io.snapshot_put = [](raft_io* handle, unsigned trailing, raft_io_snapshot_put* request, const raft_snapshot* from,
                       raft_io_snapshot_put_cb done) {
    Impl& self = of(handle);
    Disk::Snapshot snapshot{from->index, from->term, from->configuration_index, servers_of(from->configuration), {}};
    for (unsigned i = 0; i < from->n_bufs; ++i) snapshot.bytes += bytes_of(from->bufs[i]);
    self.queue({[&self, snapshot = std::move(snapshot), trailing] { self.store(snapshot, trailing); },
                [request, done](int status) { done(request, status); }});
    return 0;
  };
  io.snapshot_get = [](raft_io* handle, raft_io_snapshot_get* request, raft_io_snapshot_get_cb done) {
    Impl& self = of(handle);
    self.queue({[] {},
                [&self, request, done](int status) {
                  const bool there = status == 0 && self.disk.snapshot;
                  done(request, there ? raft_snapshot_of(*self.disk.snapshot) : nullptr,
                       there    ? 0
                       : status ? status
                                : RAFT_IOERR);
                }});
    return 0;
  };
  io.time = [](raft_io*) { return static_cast<raft_time>(World::the().now() / sim::kMilli); };
  io.random = [](raft_io*, int low, int high) {
    return static_cast<int>(
        World::the().random().between(static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(high - 1)));
  };
  io.async_work = [](raft_io* handle, raft_io_async_work* request, raft_io_async_work_cb done) {
    Impl& self = of(handle);
    ++self.working;
    auto status = std::make_shared<int>(0);
    self.loop.queue_work([request, status] { *status = request->work(request); },
                         [&self, request, done, status] {
                           done(request, *status);
                           --self.working;
                           self.look_closed();
                         });
    return 0;
  };
  io.send = [](raft_io* handle, raft_io_send* request, const raft_message* message, raft_io_send_cb done) {
    Impl& self = of(handle);
    auto letter = std::make_shared<Letter>();
    letter->from = self.id;
    letter->from_address = self.address;
    letter->message = *message;
    if (message->type == RAFT_IO_APPEND_ENTRIES) {
      letter->entries = entries_of(message->append_entries.entries, message->append_entries.n_entries);
    } else if (message->type == RAFT_IO_INSTALL_SNAPSHOT) {
      letter->configuration = servers_of(message->install_snapshot.conf);
      letter->snapshot = bytes_of(message->install_snapshot.data);
    }
    World& world = World::the();
    if (!world.random().chance(world.message_loss)) self.send(message->server_id, letter);
    if (world.random().chance(world.message_doubling)) self.send(message->server_id, letter);
    self.loop.defer([request, done] {
      if (done) done(request, 0);
    });
    return 0;
  };
}

RaftIo::RaftIo(io::Loop& loop, const RaftOptions& options) : impl_(std::make_shared<Impl>(loop, options)) {
  impl_->process.on_kill.push_back([weak = std::weak_ptr<Impl>(impl_)](bool) {
    if (const auto impl = weak.lock()) impl->crash();
  });
}
RaftIo::~RaftIo() {
  const auto found = Impl::members().find(impl_->id);
  if (found != Impl::members().end() && found->second == impl_.get()) Impl::members().erase(found);
}

int RaftIo::open(raft_io& raw) {
  impl_->raw = &raw;
  impl_->fill_in(raw);
  return impl_->disk.full ? RAFT_NOSPACE : 0;
}
void RaftIo::close() {}
void RaftIo::know(std::uint64_t member, std::string address) { impl_->addresses[member] = std::move(address); }
void RaftIo::keep_connected(std::map<std::uint64_t, std::string>) {}
void RaftIo::watch(std::function<void()> fn) { impl_->process.watch = std::move(fn); }
void RaftIo::unwatch() { impl_->process.watch = nullptr; }

}  // namespace flurm::replog
