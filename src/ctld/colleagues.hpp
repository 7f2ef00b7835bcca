// ctld/colleagues.hpp — what this controller does together with the others: proposals go to whoever leads, and a read
// sees everything that was acknowledged anywhere before it.
//
// Exactly once: a proposal keeps its number (state/session.hpp) through all attempts, whatever became of earlier ones.
// Reads: the leader asks the others whether it still leads, and a follower asks the leader; all reads that come
// meanwhile share the next such round.
#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <set>
#include <string>
#include <vector>

#include "cluster/link.hpp"
#include "ctld/replica.hpp"
#include "io/event.hpp"
#include "io/timer.hpp"

namespace flurm::ctld {

/// Questions between controllers (cluster/link.hpp), and their bodies:
///   propose     an encoded entry; answer: u64 index, encoded reply
///   read_index  nothing; answer: u64, an index that has all that was acknowledged before
///   confirm     u64 term; answered when the called member still takes the caller for the leader of that term
using Ask = cluster::CallKind;

/// Loop thread only. Must outlive its calls.
class Colleagues {
 public:
  /// Carries a question to a member. Errors of any kind: unknown whether it was heard.
  using Carry = std::function<io::Task<Result<std::string>>(std::uint64_t member, Ask ask, std::string body,
                                                            std::uint64_t timeout_ms)>;
  struct Options {
    std::uint64_t self = 1;             // own member id
    std::uint64_t session = 0;          // drawn at random for each process; never 0
    std::uint64_t patience_ms = 8'000;  // for how long a proposal looks for a leader
  };

  Colleagues(io::Loop& loop, replog::Log& log, Replica& replica, Options options, Carry carry);
  /// Over the link, whose calls of the three kinds are answered from now on.
  Colleagues(io::Loop& loop, replog::Log& log, Replica& replica, Options options, cluster::Link& link);

  /// Member ids of the others. Called again when members come or go.
  void set_others(std::vector<std::uint64_t> others) { others_ = std::move(others); }

  /// Has the command applied once, through whichever leader there is, and here. Errors: timed_out (it may still be
  /// applied until the next proposal from here is), einval (too large), closed (stopping), io (alone, and the disk
  /// failed).
  io::Task<Result<state::Reply>> propose(state::Command command);
  /// Returns when the replica's snapshot has all that was acknowledged anywhere before the call. Errors: timed_out,
  /// when too few controllers can be reached to know.
  io::Task<Result<void>> fence(io::Deadline deadline);
  /// A fence for a request that changes something: as patient as a proposal. True when it stands.
  io::Task<bool> find_leader();
  /// A fence for a request that only reads, which is better served from what is known here than not at all: waits for
  /// an election, but not again while the last wait was in vain. True when the fence stands.
  io::Task<bool> in_touch();
  /// Answers another member.
  io::Task<Result<std::string>> answer(std::uint64_t from, Ask ask, std::string body);
  /// Called when this member, as the leader, has applied what another one proposed.
  void on_proposed(std::function<void()> fn) { proposed_ = std::move(fn); }
  /// Attempts end with `closed`, and so do fences.
  void stop();

 private:
  struct Attempt {
    std::uint64_t leader;
    io::OneShot<Result<std::string>> done;
  };
  struct Reader {
    io::Deadline deadline;
    io::Event done;
  };
  struct Poll;

  io::Task<Result<state::Reply>> attempt(state::Entry entry, io::Deadline deadline);
  /// Asks the leader, and gives up as soon as another one leads.
  io::Task<Result<std::string>> ask_leader(Ask ask, std::string body, std::uint64_t timeout_ms);
  io::Task<> carry_into(std::uint64_t member, Ask ask, std::string body, std::uint64_t timeout_ms,
                        io::OneShot<Result<std::string>> done);
  void watch();
  void set_out_of_touch(bool out);
  io::Task<> look_again();
  io::Task<> serve_readers();
  io::Task<Result<void>> read_round();
  /// A majority takes this member for the leader of its term.
  io::Task<Result<void>> confirm();
  io::Task<> confirm_one(std::uint64_t member, std::string term, std::shared_ptr<Poll> poll);

  io::Loop& loop_;
  replog::Log& log_;
  Replica& replica_;
  const Options options_;
  Carry carry_;
  std::vector<std::uint64_t> others_;
  std::function<void()> proposed_;

  std::uint64_t next_number_ = 1;
  std::set<std::uint64_t> open_;  // numbers of proposals that are under way
  std::list<Attempt> attempts_;
  io::Timer watch_;
  std::vector<Reader> readers_;  // wait for the next round
  bool reading_ = false;
  bool out_of_touch_ = false;  // the last reader waited in vain
  bool stopping_ = false;
};

}  // namespace flurm::ctld
