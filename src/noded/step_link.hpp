// noded/step_link.hpp — the daemon's side of a connection to a step's supervisor.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "codec/pack.hpp"
#include "exec/step_messages.hpp"
#include "io/event.hpp"
#include "io/stream.hpp"

namespace flurm::noded {

class StepLink : public std::enable_shared_from_this<StepLink> {
 public:
  using Ptr = std::shared_ptr<StepLink>;
  /// Called at most once, from the loop: the step is over (state().end is set), or its supervisor is gone without
  /// having said so (state().end is not set).
  using OnOver = std::move_only_function<void()>;
  /// Called from the loop whenever state() is new, until the step is over.
  using OnChange = std::function<void()>;

  using OnParcel = std::function<void(exec::StepParcel)>;

  /// Starts a supervisor and hands it its orders; returns when it has set itself up.
  /// pid: of the new process, to be reaped. Errors: node_execve_failed, closed, timed_out.
  static io::Task<Result<Ptr>> launch(io::Loop& loop, std::string program, exec::StepLaunch orders,
                                      std::function<void(pid_t)> started, OnOver on_over);
  /// Finds the supervisor that listens in a job's directory. Errors: communications_connection, closed, timed_out.
  static io::Task<Result<Ptr>> connect(io::Loop& loop, std::string directory, std::uint32_t step_id, OnOver on_over);

  const exec::StepState& state() const { return state_; }
  bool over() const { return over_; }
  /// True for the first who asks after the end: whoever gets it, reports it.
  bool take_end() { return over_ && !std::exchange(end_taken_, true); }

  /// Sends a request and waits for its answer. Errors: closed, timed_out.
  template <class M>
  io::Task<Result<exec::StepReply>> ask(exec::StepFrame type, M request) {
    return ask_bytes(type, codec::pack(request, state_.protocol));
  }
  io::Task<Result<exec::StepReply>> ask(exec::StepFrame type) { return ask_bytes(type, {}); }

  /// The supervisor knows what the clients were told; so does state() now.
  void note_told(const exec::StepTold& told) { exec::note_told(state_, told); }
  void on_change(OnChange fn) { on_change_ = std::move(fn); }
  /// Called from the loop with what the step has for another node; at once with what came already.
  void on_parcel(OnParcel fn);
  void close();

  bool telling = false;                 ///< ClientReporter's: it is at work on this step
  bool kill_asked = false;              ///< Reporter's: the controller was asked to end the step

  StepLink(io::Loop& loop, io::Stream stream, OnOver on_over);

 private:
  using Reply = io::OneShot<Result<exec::StepReply>>;
  static io::Task<Result<Ptr>> greet(Ptr link);
  static io::Task<void> read_frames(Ptr self);
  static io::Task<void> write_frames(Ptr self);
  io::Task<Result<exec::StepReply>> ask_bytes(exec::StepFrame type, std::string body);
  void handle(const exec::StepFrameReader::Frame& frame);
  void end_of_stream();
  void finish();

  io::Loop& loop_;
  io::Stream stream_;
  exec::StepState state_;
  exec::StepFrameReader reader_{exec::kStepFrameMax};
  std::deque<Reply> replies_;
  std::deque<std::string> outgoing_;
  io::Event greeted_;
  bool writing_ = false, over_ = false, closed_ = false, end_taken_ = false;
  OnOver on_over_;
  OnChange on_change_ = [] {};
  OnParcel on_parcel_;
  std::vector<exec::StepParcel> early_parcels_;  ///< before anybody wanted them
};

}  // namespace flurm::noded
