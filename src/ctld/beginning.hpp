// ctld/beginning.hpp — how a controller may begin, from what it has and what the others say: nobody founds a second
// cluster beside one, nobody serves who is no member, and a lost disk is not taken for a new one.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cluster/members.hpp"
#include "replog/log.hpp"

namespace flurm::ctld {

/// What a controller tells of its log to everybody who knows the secret (cluster::CallKind::members).
struct LogFacts {
  bool leads = false;
  bool settled = true;                              ///< no change of the members is under way
  std::uint64_t term = 0, applied = 0, stored = 0;  ///< as replog::Position
  std::vector<replog::Member> members;              ///< as its log has them
  bool operator==(const LogFacts&) const = default;

  const replog::Member* find(std::uint64_t id) const;
};

LogFacts facts_of(const replog::Log& log);
std::string pack(const LogFacts& facts);
/// Errors: corrupt.
Result<LogFacts> unpack_facts(std::string_view bytes);

/// The members of the log: where each is says the configuration, if it names it, else the log. Those that neither
/// gives an address for are left out.
std::vector<cluster::Member> located(const std::vector<replog::Member>& in_log,
                                     const std::vector<cluster::Member>& configured);

struct Beginning {
  enum class How {
    wait,   ///< and ask again
    found,  ///< all begin a new log
    join,   ///< the log comes from the others, who are `members`
    go_on,  ///< with the log that is here
  };
  How how = How::wait;
  std::string waits_for;
  std::vector<replog::Member> members;
  bool is_stranger = false;  ///< the others have a cluster without this one
};

/// told: what those of the `configured` others said who were reached, by member id.
Beginning decide_beginning(const cluster::Member& self, bool has_log, const std::map<std::uint64_t, LogFacts>& told,
                           std::size_t configured);

}  // namespace flurm::ctld
