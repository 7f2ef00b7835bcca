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

  io::Loop& loop;
  const RaftOptions& options;
  RaftTransport transport{loop, options.transport};
  raft_io* raw = nullptr;
  Watch* watch = nullptr;  // freed by the loop
};

RaftIo::RaftIo(io::Loop& loop, const RaftOptions& options) : impl_(std::make_unique<Impl>(loop, options)) {}
RaftIo::~RaftIo() { unwatch(); }

int RaftIo::open(raft_io& raw) {
  const RaftOptions& options = impl_->options;
  if (int rv = raft_uv_init(&raw, impl_->loop.raw(), options.directory.c_str(), impl_->transport.raw())) return rv;
  impl_->raw = &raw;
  raw.version = 2;                         // it has async_work, though raft_uv_init() leaves 1 here
  raft_uv_set_auto_recovery(&raw, false);  // it would move damaged files aside and go on
  // Its decompression never ends on some damaged files; ours is checked as a whole before anything reads it.
  raft_uv_set_snapshot_compression(&raw, false);
  raft_uv_set_segment_size(&raw, options.segment_bytes);
  raft_uv_set_connect_retry_delay(&raw, options.heartbeat_ms);
  return 0;
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
