// ctld/concord.hpp — the members' states are the same, and one whose state is not stops before it does harm.
//
// After every so-manyth entry each member takes the hash of its state and asks the others for theirs. Applying is
// deterministic, so a difference means a fault: of memory, of a build, of the program.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ctld/replica.hpp"
#include "io/task.hpp"

namespace flurm::ctld {

/// Loop thread only.
class Concord {
 public:
  /// Asks a member for its hash after an entry: a body of u64 index, an answer of u64 hash.
  using Ask = std::function<io::Task<Result<std::string>>(std::uint64_t member, std::string body)>;
  using OnDiverged = std::function<void(Error)>;

  struct Options {
    std::uint64_t every = 10'000;   // entries between comparisons
    std::uint64_t again_ms = 1000;  // between two questions to one who has not come so far
    int tries = 30;
  };

  /// on_diverged: more than half of all members agree with each other and not with this one; called at most once.
  Concord(io::Loop& loop, Options options, std::vector<std::uint64_t> others, Ask ask, OnDiverged on_diverged);

  /// Member ids of the others; for comparisons that begin from now on.
  void set_others(std::vector<std::uint64_t> others) { others_ = std::move(others); }
  /// Entry `index` was applied, and the replica is as it left it.
  void applied(std::uint64_t index, Replica& replica);
  /// The other side of Ask. Errors: einval, when that state was not looked at here.
  Result<std::string> answer(std::string_view body) const;
  void stop() { stopping_ = true; }

 private:
  struct Tally;
  io::Task<> take(std::uint64_t index, Replica::Snapshot state);
  io::Task<> compare_with(std::uint64_t member, std::shared_ptr<Tally> tally);
  void decide(const Tally& tally);

  io::Loop& loop_;
  Options options_;
  std::vector<std::uint64_t> others_;
  Ask ask_;
  OnDiverged on_diverged_;
  std::map<std::uint64_t, std::uint64_t> hashes_;  // of the last few
  bool diverged_ = false, stopping_ = false;
};

}  // namespace flurm::ctld
