// replog/transport.hpp — how the members' logs reach each other. Whoever implements it vouches for who is at the other
// end: libraft believes whatever comes over a stream.
#pragma once
#include <cstdint>
#include <functional>

#include "base/result.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"

namespace flurm::replog {

/// Loop thread only. Must outlive the log that uses it.
class Transport {
 public:
  /// A member connected; the stream carries nothing yet and belongs to the callee.
  using OnStream = std::move_only_function<void(std::uint64_t from, io::Stream stream)>;

  virtual ~Transport() = default;
  /// From now on streams of the others come to `fn`; nullptr: they are refused.
  virtual void on_stream(OnStream fn) = 0;
  /// Called when the process of a member has surely ended, however suddenly; not every end is noticed. nullptr: no more.
  virtual void on_gone(std::function<void(std::uint64_t member)> fn) = 0;
  /// A stream to the member, within a second or two. The task may outlive the log, never the transport.
  virtual io::Task<Result<io::Stream>> open_stream(std::uint64_t member) = 0;
};

}  // namespace flurm::replog
