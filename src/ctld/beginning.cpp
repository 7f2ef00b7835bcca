// ctld/beginning.cpp — see beginning.hpp.
#include "ctld/beginning.hpp"

#include <algorithm>

#include "cluster/bytes.hpp"
#include "fmt/format.h"

namespace flurm::ctld {
namespace {

using cluster::get;
using cluster::put;

// u8 flags, u64 each: term, applied, stored, u8 count; for each member u64 id, u8 votes, u16 length, the address
constexpr std::size_t kHeadBytes = 26, kMemberBytes = 11;
constexpr unsigned kLeads = 1, kSettled = 2;

/// The one whose leadership is newest, while several believe in theirs.
const LogFacts* leader_of(const std::map<std::uint64_t, LogFacts>& told) {
  const LogFacts* leader = nullptr;
  for (const auto& [id, facts] : told)
    if (facts.leads && (!leader || facts.term > leader->term)) leader = &facts;
  return leader;
}

/// A disk that counted has perhaps forgotten what it acknowledged, and whom it voted for. Nothing is lost with it while
/// all others are there, and those that have a log follow one leader, have everything, and are a majority without the
/// rest.
bool nothing_can_be_lost(const LogFacts& leader, std::uint64_t self, const std::map<std::uint64_t, LogFacts>& told) {
  std::size_t voters = 0, have_all = 0;
  for (const replog::Member& member : leader.members) {
    voters += member.votes;
    if (member.id == self || !member.votes) continue;
    const auto facts = told.find(member.id);
    if (facts == told.end()) return false;
    if (facts->second.stored == 0) continue;  // that one waits like this one
    if (facts->second.term != leader.term || facts->second.applied < leader.applied) return false;
    ++have_all;
  }
  return 2 * have_all > voters;
}

}  // namespace

const replog::Member* LogFacts::find(std::uint64_t id) const {
  const auto found = std::ranges::find(members, id, &replog::Member::id);
  return found == members.end() ? nullptr : &*found;
}

LogFacts facts_of(const replog::Log& log) {
  const replog::Position at = log.position();
  return {log.leads(), log.has_settled(), at.term, at.applied, at.stored, log.members()};
}

std::string pack(const LogFacts& facts) {
  std::string out;
  put(out, static_cast<std::uint8_t>((facts.leads ? kLeads : 0) | (facts.settled ? kSettled : 0)));
  for (const std::uint64_t number : {facts.term, facts.applied, facts.stored}) put(out, number);
  put(out, static_cast<std::uint8_t>(facts.members.size()));
  for (const replog::Member& member : facts.members) {
    put(out, member.id);
    put(out, static_cast<std::uint8_t>(member.votes));
    put(out, static_cast<std::uint16_t>(member.address.size()));
    out += member.address;
  }
  return out;
}

Result<LogFacts> unpack_facts(std::string_view bytes) {
  const auto bad = [&] { return fail(Errc::corrupt, "an answer of {} bytes", bytes.size()); };
  if (bytes.size() < kHeadBytes) return bad();
  LogFacts facts;
  const auto flags = get<std::uint8_t>(bytes, 0);
  facts.leads = flags & kLeads;
  facts.settled = flags & kSettled;
  facts.term = get<std::uint64_t>(bytes, 1);
  facts.applied = get<std::uint64_t>(bytes, 9);
  facts.stored = get<std::uint64_t>(bytes, 17);
  std::string_view rest = bytes.substr(kHeadBytes);
  for (std::uint8_t left = get<std::uint8_t>(bytes, 25); left > 0; --left) {
    if (rest.size() < kMemberBytes || rest.size() - kMemberBytes < get<std::uint16_t>(rest, 9)) return bad();
    const auto length = get<std::uint16_t>(rest, 9);
    facts.members.push_back(
        {get<std::uint64_t>(rest, 0), std::string(rest.substr(kMemberBytes, length)), get<std::uint8_t>(rest, 8) != 0});
    rest.remove_prefix(kMemberBytes + length);
  }
  return facts;
}

std::vector<cluster::Member> located(const std::vector<replog::Member>& in_log,
                                     const std::vector<cluster::Member>& configured) {
  std::vector<cluster::Member> out;
  for (const cluster::Member& member : configured)
    if (std::ranges::find(in_log, member.id, &replog::Member::id) != in_log.end()) out.push_back(member);
  for (const replog::Member& member : in_log)
    if (std::ranges::find(out, member.id, &cluster::Member::id) == out.end())
      if (auto there = cluster::read_member_text(member.id, member.address)) out.push_back(std::move(*there));
  return out;
}

Beginning decide_beginning(const cluster::Member& self, bool has_log, const std::map<std::uint64_t, LogFacts>& told,
                           std::size_t configured) {
  using How = Beginning::How;
  const LogFacts* leader = leader_of(told);
  if (leader && !leader->settled) return {How::wait, "a change of the controllers to end", {}};
  const replog::Member* own = leader ? leader->find(self.id) : nullptr;
  if (leader && !own)
    return {How::wait, fmt::format("the cluster to take it in: flurm cluster add {}", self.name), {}, true};
  if (has_log) return {How::go_on, {}, {}};
  if (own) {
    if (!own->votes || nothing_can_be_lost(*leader, self.id, told)) return {How::join, {}, leader->members};
    return {How::wait, "all other controllers, for this one's log is empty and others relied on it", {}};
  }
  // One entry is the founding, which is the same everywhere.
  for (const auto& [id, facts] : told)
    if (facts.stored > 1) return {How::wait, "a leader, for this one's log is empty and others have one", {}};
  // One that is away may be a cluster of its own, which these are to join.
  if (told.size() + 1 == configured) return {How::found, {}, {}};
  return {How::wait, "all other controllers, to begin a new log with them", {}};
}

}  // namespace flurm::ctld
