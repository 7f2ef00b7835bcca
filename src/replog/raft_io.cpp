// replog/raft_io.cpp — see raft_io.hpp.
#include "replog/raft_io.hpp"

extern "C" {
#include <raft.h>
#include <raft/uv.h>
}

#include "replog/raft_transport.hpp"

namespace flurm::replog {
namespace {

struct Watch {
  uv_prepare_t prepare;
  uv_check_t check;
  std::function<void()> fn;
  int open = 2;
};

}  // namespace

struct RaftIo::Impl {
  Impl(io::Loop& the_loop, const RaftOptions& the_options) : loop(the_loop), options(the_options) {}
  void say_nothing(std::uint64_t member, const std::string& address);

  io::Loop& loop;
  const RaftOptions& options;
  RaftTransport transport{loop, options.transport};
  raft_io* raw = nullptr;
  std::map<std::uint64_t, std::string> kept;
  Watch* watch = nullptr;  // freed by the loop
};

/// Makes libraft look at its connection to a member, and have one.
void RaftIo::Impl::say_nothing(std::uint64_t member, const std::string& address) {
  // An answer from before the first term: whoever gets it passes over it.
  raft_message message{};
  message.type = RAFT_IO_APPEND_ENTRIES_RESULT;
  message.server_id = member;
  message.server_address = address.c_str();
  auto* request = new raft_io_send{};
  const int rv = raw->send(raw, request, &message, [](raft_io_send* sent, int) { delete sent; });
  if (rv != 0) delete request;
}

RaftIo::RaftIo(io::Loop& loop, const RaftOptions& options) : impl_(std::make_shared<Impl>(loop, options)) {}
RaftIo::~RaftIo() { unwatch(); }

int RaftIo::open(raft_io& raw) {
  const RaftOptions& options = impl_->options;
  if (int rv = raft_uv_init(&raw, impl_->loop.raw(), options.directory.c_str(), impl_->transport.raw())) return rv;
  impl_->raw = &raw;
  impl_->transport.on_ended([impl = impl_.get()](std::uint64_t member) {
    if (const auto kept = impl->kept.find(member); kept != impl->kept.end()) impl->say_nothing(member, kept->second);
  });
  raw.version = 2;                         // it has async_work, though raft_uv_init() leaves 1 here
  raft_uv_set_auto_recovery(&raw, false);  // it would move damaged files aside and go on
  // Its decompression never ends on some damaged files; ours is checked as a whole before anything reads it.
  raft_uv_set_snapshot_compression(&raw, false);
  raft_uv_set_segment_size(&raw, options.segment_bytes);
  raft_uv_set_connect_retry_delay(&raw, options.heartbeat_ms);
  return 0;
}

void RaftIo::keep_connected(std::map<std::uint64_t, std::string> members) {
  const auto before = std::exchange(impl_->kept, std::move(members));
  for (const auto& [member, address] : impl_->kept)
    if (!before.contains(member)) impl_->say_nothing(member, address);
}

void RaftIo::close() {
  if (impl_->raw) raft_uv_close(impl_->raw);
  impl_->raw = nullptr;
}

void RaftIo::know(std::uint64_t member, std::string address) { impl_->transport.know(member, std::move(address)); }

void RaftIo::watch(std::function<void()> fn) {
  auto* watch = impl_->watch = new Watch{{}, {}, std::move(fn)};
  uv_prepare_init(impl_->loop.raw(), &watch->prepare);
  uv_check_init(impl_->loop.raw(), &watch->check);
  watch->prepare.data = watch->check.data = watch;
  uv_prepare_start(&watch->prepare, [](uv_prepare_t* h) { static_cast<Watch*>(h->data)->fn(); });
  uv_check_start(&watch->check, [](uv_check_t* h) { static_cast<Watch*>(h->data)->fn(); });
}

void RaftIo::unwatch() {
  Watch* watch = std::exchange(impl_->watch, nullptr);
  if (!watch) return;
  auto closed = [](uv_handle_t* h) {
    auto* owner = static_cast<Watch*>(h->data);
    if (--owner->open == 0) delete owner;
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&watch->prepare), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&watch->check), closed);
}

}  // namespace flurm::replog
