// io/stream_impl.hpp — what a Stream owns; shared by the files that make streams.
#pragma once
#include <sys/socket.h>

#include <coroutine>
#include <memory>

#include "io/stream.hpp"
#include "io/timer.hpp"
#include "io/uv_internal.hpp"

namespace flurm::io {

std::string address_text(const sockaddr_storage& address);

struct Stream::Impl {
  Impl(Loop& the_loop, bool is_unix);
  static std::shared_ptr<Impl> make(Loop& loop, bool is_unix);

  /// Call when the handle has got its socket.
  void connected();
  void close();
  void read_expired();
  void write_expired();
  void start_timer(std::unique_ptr<Timer>& timer, Deadline deadline, void (Impl::*expire)());
  void resume_now(std::coroutine_handle<>& waiting, std::unique_ptr<Timer>& timer);
  /// For ends that come from our own side: the caller of close() must not find itself inside a waiter.
  void resume_later(std::coroutine_handle<>& waiting, std::unique_ptr<Timer>& timer);

  Loop& loop;
  union {
    uv_handle_t any;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } handle;
  std::shared_ptr<Impl> self;  // held until libuv has let go of the handle
  bool open = true;
  int fd = -1;
  std::string peer;

  std::coroutine_handle<> reader, writer;
  std::span<char> read_buffer;
  ssize_t read_result = 0;
  int write_result = 0;
  std::unique_ptr<Timer> read_timer, write_timer;
};

}  // namespace flurm::io
