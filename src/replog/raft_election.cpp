// replog/raft_election.cpp — see raft_election.hpp.
#include "replog/raft_election.hpp"

#include <algorithm>

extern "C" {
#include <raft.h>
}

namespace flurm::replog {
namespace {

/// Time for a vote, which is two synchronous writes on either side, before the next member stands for election.
constexpr unsigned kHeadStartMs = 50;

struct Place {
  int rank = 0;   // how many others stand before this member
  int among = 1;  // how many may be elected
};

Place place_of(const raft& self) {
  const raft_id leader = self.state == RAFT_FOLLOWER ? self.follower_state.current_leader.id : 0;
  Place place{0, 0};
  for (unsigned i = 0; i < self.configuration.n; ++i) {
    const raft_server& server = self.configuration.servers[i];
    if (server.role != RAFT_VOTER || server.id == leader) continue;
    ++place.among;
    if (server.id < self.id) ++place.rank;
  }
  if (place.among == 0) place.among = 1;
  return place;
}

void forget_leader(raft& self) {
  auto& leader = self.follower_state.current_leader;
  leader.id = 0;
  if (leader.address) raft_free(leader.address);
  leader.address = nullptr;
}

/// Two that ask in the same moment may stand against each other: what keeps this member apart from those before it.
unsigned apart(const raft& self) { return static_cast<unsigned>(place_of(self).rank) * kHeadStartMs / 4; }

/// The follower stands for election when its leader has been silent for so long, at the latest.
void stand_after(raft& self, unsigned silent_ms) {
  auto& timeout = self.follower_state.randomized_election_timeout;
  timeout = std::min(timeout, silent_ms);
}

}  // namespace

std::pair<int, int> own_part(const raft& self, int min, int max) {
  const Place place = place_of(self);
  // Most of each part lies between two members, so that one is elected before the next stands; and none begins before
  // the others have stopped to stand by the leader.
  const int part = (max - min) / place.among;
  const int from = min + place.rank * part + part / 8;
  return {from, from + part / 4};
}

void doubt_leader(raft& self, const raft_request_vote& asked) {
  if (self.state != RAFT_FOLLOWER) return;
  if (self.io->time(self.io) - self.election_timer_start >= self.election_timeout) forget_leader(self);
  // Terms do not matter here: to stand too soon costs a round of questions.
  if (asked.last_log_index < raft_last_index(&self)) stand_after(self, self.election_timeout + apart(self));
}

void ask_again(raft& self) {
  if (self.state != RAFT_CANDIDATE || !self.candidate_state.in_pre_vote) return;
  const unsigned soon = kHeadStartMs + apart(self);
  auto& timeout = self.candidate_state.randomized_election_timeout;
  if (soon < timeout && self.io->time(self.io) - self.election_timer_start >= soon) timeout = soon;
}

void leader_is_gone(raft& self, std::uint64_t member) {
  if (self.state != RAFT_FOLLOWER || self.follower_state.current_leader.id != member) return;
  const Place place = place_of(self);
  forget_leader(self);
  const raft_time waited = self.io->time(self.io) - self.election_timer_start;
  stand_after(self, static_cast<unsigned>(waited) + static_cast<unsigned>(place.rank) * kHeadStartMs);
}

}  // namespace flurm::replog
