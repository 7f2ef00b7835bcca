// io/uv_internal.hpp — the only header of this room that includes libuv's.
#pragma once
#include <uv.h>

#include "base/result.hpp"

namespace flurm::io {

/// Libuv's error as ours: ended connections and timeouts keep their meaning, the rest is `io`.
inline Errc errc_of(int uv_status) {
  switch (uv_status) {
    case UV_EOF:
    case UV_ECANCELED:
    case UV_ECONNRESET:
    case UV_EPIPE:
    case UV_ENOTCONN:
      return Errc::closed;
    case UV_ETIMEDOUT:
      return Errc::timed_out;
    default:
      return Errc::io;
  }
}

inline void check_uv(int status, const char* what) { FLURM_CHECK(status == 0, "{}: {}", what, uv_strerror(status)); }

}  // namespace flurm::io
