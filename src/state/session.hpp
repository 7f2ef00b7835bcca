// state/session.hpp — what makes a proposal that is made twice be applied once.
//
// A controller that proposes cannot always know whether its proposal is in the log: the leader may be lost before it
// answers. It then makes the same proposal again, to the next leader, under the same number; the state remembers the
// replies of numbers that may still be asked for.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/persistent_map.hpp"
#include "base/result.hpp"
#include "base/types.hpp"

namespace flurm::state {

/// What became of one target of a command.
struct TargetResult {
  JobId job;
  std::uint32_t task = kNoVal32;  // with an array's id in `job`
  Errc code = Errc::success;
  bool operator==(const TargetResult&) const = default;
};

/// The answer for whoever sent the command.
struct Reply {
  Errc code = Errc::success;
  std::string text;
  JobId job;                          // of a submission
  std::vector<TargetResult> results;  // per target, where there are several
  std::uint32_t step = kNoVal32;      // that was created
  bool operator==(const Reply&) const = default;
};

/// Who makes a proposal. Numbers of one session are used once each; they need not arrive in order.
struct RequestId {
  std::uint64_t session = 0;   // drawn by a controller when it starts; 0: the proposal is never made again
  std::uint64_t number = 0;    // 1, 2, 3, …
  std::uint64_t answered = 0;  // all numbers up to this one are done with: nobody will ask for them again
};

/// What is remembered of one controller's proposals.
struct Session {
  TimeS last;                    // time of its newest entry
  std::uint64_t answered = 0;    // the highest it told
  PersistentMap<Reply> replies;  // by number; all above `answered`
};

using Sessions = std::map<std::uint64_t, Session>;

/// A session of which nothing was heard for so long has ended.
inline constexpr std::int64_t kSessionSilentS = 3600;

/// The stored form, which is also the form in which a reply travels between controllers. Errors of decode: corrupt.
std::string encode(const Reply& reply, std::uint16_t format);
Result<Reply> decode_reply(std::string_view bytes);

}  // namespace flurm::state
