// cluster/channel.hpp — one connection for calls: many in flight, pings, and what became of them when it breaks.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/frames.hpp"
#include "io/event.hpp"
#include "io/stream.hpp"
#include "io/timer.hpp"

namespace flurm::cluster {

struct ChannelOptions {
  bool calls = false;  ///< this side makes the calls and pings; the other answers
  std::string version;
  std::uint64_t ping_ms = 200, silence_ms = 1000;
};

/// Loop thread only; always in a shared_ptr. After close() it only fails what is asked of it.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  /// Answers one call. Must not keep the channel.
  using Answer = std::function<io::Task<Result<std::string>>(std::uint8_t kind, std::string body)>;

  Channel(io::Loop& loop, std::shared_ptr<io::Stream> stream, ChannelOptions options, Answer answer);

  /// Reads until the connection ends, and says why it did.
  io::Task<Error> run();
  /// As Link::call().
  io::Task<Result<std::string>> call(std::uint8_t kind, std::string body, std::uint64_t timeout_ms);
  void close(Error why);

  bool is_open() const { return stream_->is_open(); }
  /// The other side's; empty until its greeting came.
  const std::string& version() const { return version_; }
  std::uint64_t heard_at_ms() const { return heard_at_ms_; }
  std::uint64_t round_trip_us() const { return round_trip_us_; }
  /// Called when version() became known.
  void on_greeting(std::function<void()> fn) { greeted_ = std::move(fn); }

 private:
  struct Pending {
    io::OneShot<Result<std::string>> done;
    bool sent = false;
  };

  void send(FrameType type, std::uint8_t kind, std::uint64_t call, std::string_view body);
  static io::Task<> write_out(std::shared_ptr<Channel> self);
  static io::Task<> answer_call(std::shared_ptr<Channel> self, std::uint8_t kind, std::uint64_t call, std::string body);
  Result<void> take(const Frame& frame);
  void beat();

  io::Loop& loop_;
  std::shared_ptr<io::Stream> stream_;
  ChannelOptions options_;
  Answer answer_;
  FrameReader reader_;

  std::string out_;                    // not yet given to the socket
  std::vector<std::uint64_t> unsent_;  // calls whose frames are in out_
  bool flush_queued_ = false, writing_ = false;
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t last_call_ = 0;
  std::size_t answering_ = 0;

  io::Timer timer_;
  unsigned quiet_beats_ = 0;
  std::uint64_t heard_at_ms_, ping_sent_at_us_ = 0, round_trip_us_ = 0;
  std::string version_;
  std::function<void()> greeted_;
  Error why_{Errc::closed, "closed"};
};

}  // namespace flurm::cluster
