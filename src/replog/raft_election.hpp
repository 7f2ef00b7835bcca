// replog/raft_election.hpp — how soon a lost leader has a successor: what libraft 0.15 leaves to chance.
//
// libraft alone needs the slower of two timeouts, because a follower stands by its leader until its own has passed, and
// begins anew when two followers stand for election in the same moment. Nothing here touches what makes a vote safe:
// these are only the times at which members ask for votes, and when they stop refusing them for a leader's sake.
#pragma once
#include <cstdint>
#include <utility>

struct raft;
struct raft_request_vote;

namespace flurm::replog {

/// The part of a range of timeouts that belongs to this member alone, by its place among those that may be elected.
std::pair<int, int> own_part(const raft& self, int min, int max);

/// Before libraft sees a request for votes: a follower forgets a leader that was silent for the least election timeout
/// (Raft dissertation, 4.2.3). libraft would refuse for as long as it does not stand for election itself. A follower
/// that has more in its log than the one that asks stands itself as soon as it has forgotten: it need not wait behind a
/// member that cannot be elected.
void doubt_leader(raft& self, const raft_request_vote& asked);

/// Before each tick: one whose first question was refused, because others still heard the leader, soon asks them again.
/// libraft would wait for another election timeout. The question (the pre-vote) changes nothing with those who are
/// asked.
void ask_again(raft& self);

/// The process of `member` has ended. If it led, a follower forgets it and stands for election at once, a moment later
/// than members before it do. Wrongly told, it costs a round of requests that those who still hear the leader refuse.
void leader_is_gone(raft& self, std::uint64_t member);

}  // namespace flurm::replog
