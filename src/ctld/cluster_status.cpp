// ctld/cluster_status.cpp — see cluster_status.hpp.
#include "ctld/cluster_status.hpp"

#include <algorithm>

#include "cluster/bytes.hpp"
#include "ctld/json_text.hpp"
#include "fmt/format.h"
#include "io/event.hpp"

namespace flurm::ctld {
namespace {

constexpr std::uint64_t kPatienceMs = 1000;
// u8 leads, u64 each: term, applied, snapshot, stored; then the version
constexpr std::size_t kAnswerBytes = 33;

MemberStatus own_status(const replog::Log& log, std::string version) {
  const replog::Position at = log.position();
  MemberStatus status;
  status.version = std::move(version);
  status.reached = true;
  status.leads = log.leads();
  status.term = at.term;
  status.applied = at.applied;
  status.snapshot = at.snapshot;
  status.stored = at.stored;
  return status;
}

std::string pack(const MemberStatus& status) {
  std::string out;
  cluster::put(out, static_cast<std::uint8_t>(status.leads));
  for (const std::uint64_t number : {status.term, status.applied, status.snapshot, status.stored})
    cluster::put(out, number);
  return out + status.version;
}

Result<MemberStatus> unpack(std::string_view bytes) {
  if (bytes.size() < kAnswerBytes) return fail(Errc::corrupt, "an answer of {} bytes", bytes.size());
  MemberStatus status;
  status.reached = true;
  status.leads = bytes[0] != 0;
  status.term = cluster::get<std::uint64_t>(bytes, 1);
  status.applied = cluster::get<std::uint64_t>(bytes, 9);
  status.snapshot = cluster::get<std::uint64_t>(bytes, 17);
  status.stored = cluster::get<std::uint64_t>(bytes, 25);
  status.version = bytes.substr(kAnswerBytes);
  return status;
}

io::Task<Result<std::string>> tell(const replog::Log& log, std::string version) {
  co_return pack(own_status(log, std::move(version)));
}

/// The member that was asked has the connection to the accounting daemon, if anybody has.
bool asked_leads(const ClusterStatus& status) { return status.leader == status.asked; }

io::Task<> ask(cluster::Link& link, std::uint64_t member, io::OneShot<Result<std::string>> done) {
  auto call = link.call(member, cluster::CallKind::status, {}, kPatienceMs);
  Result<std::string> answer = co_await call;
  done.set(std::move(answer));
}

}  // namespace

bool ClusterStatus::healthy() const { return !leader.empty() && std::ranges::all_of(members, &MemberStatus::reached); }

bool ClusterStatus::has_quorum() const {
  const auto voters = std::ranges::count(members, true, &MemberStatus::votes);
  const auto there = std::ranges::count_if(members, [](const MemberStatus& m) { return m.votes && m.reached; });
  return !leader.empty() && 2 * there > voters;
}

std::uint64_t ClusterStatus::lag(const MemberStatus& member) const {
  std::uint64_t furthest = 0;
  for (const MemberStatus& other : members) furthest = std::max(furthest, other.applied);
  return furthest - member.applied;
}

void answer_status(cluster::Link& link, const replog::Log& log, const std::string& version) {
  link.on_call(cluster::CallKind::status, [&log, version](std::uint64_t, std::string) { return tell(log, version); });
}

io::Task<ClusterStatus> cluster_status(io::Loop& loop, cluster::Link& link, const replog::Log& log,
                                       std::string version) {
  const std::vector<cluster::Member> members = link.members();  // they may change while the answers come
  std::vector<io::OneShot<Result<std::string>>> answers;
  for (const cluster::Member& member : members) {
    answers.emplace_back(loop);
    if (member.id != link.self()) io::spawn(ask(link, member.id, answers.back()));
  }
  ClusterStatus status;
  const io::Deadline deadline = io::Deadline::in_ms(kPatienceMs + 100);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const cluster::Member& member = members[i];
    Result<MemberStatus> one = own_status(log, version);
    if (member.id != link.self()) {
      auto waiting = answers[i].wait(deadline);
      Result<Result<std::string>> answer = co_await waiting;
      if (!answer)
        one = fail(answer.error());
      else if (!*answer)
        one = fail(answer->error());
      else
        one = unpack(**answer);
    }
    MemberStatus row = one.value_or(MemberStatus{});
    if (!one) row.error = one.error().text;
    row.name = member.name;
    row.id = member.id;
    for (const replog::Member& known : log.members())
      if (known.id == member.id) row.votes = known.votes;
    for (const cluster::Peer& peer : link.peers()) {
      if (peer.member.id != member.id) continue;
      row.round_trip_us = peer.round_trip_us;
      if (!row.reached) row.version = peer.version;
    }
    if (member.id == link.self()) status.asked = member.name;
    status.members.push_back(std::move(row));
  }
  for (const MemberStatus& member : status.members)
    if (member.id == log.leader()) status.leader = member.name;
  co_return status;
}

std::string to_json(const ClusterStatus& status) {
  std::string names, rows, accounting = "null";
  if (const auto& known = status.accounting)
    accounting = fmt::format("{{\"waiting\":{},\"connected\":{}}}", known->waiting,
                             !asked_leads(status) ? "null"
                             : known->connected   ? "true"
                                                  : "false");
  for (const MemberStatus& member : status.members) {
    const char* comma = names.empty() ? "" : ",";
    names += comma + json_text(member.name);
    rows += fmt::format("{}{{\"name\":{},\"id\":{},\"version\":{},\"votes\":{},\"reached\":{}", comma,
                        json_text(member.name), member.id, json_text(member.version), member.votes, member.reached);
    if (member.reached)
      rows += fmt::format(",\"leads\":{},\"term\":{},\"applied\":{},\"snapshot\":{},\"lag\":{},\"round_trip_us\":{}}}",
                          member.leads, member.term, member.applied, member.snapshot, status.lag(member),
                          member.round_trip_us);
    else
      rows += fmt::format(",\"error\":{}}}", json_text(member.error));
  }
  return fmt::format(
      "{{\"leader\":{},\"members\":[{}],\"healthy\":{},\"quorum\":{},\"asked\":{},\"drain\":{},\"accounting\":{},"
      "\"details\":[{}]}}\n",
      status.leader.empty() ? "null" : json_text(status.leader), names, status.healthy(), status.has_quorum(),
      json_text(status.asked), status.drain.empty() ? "null" : json_text(status.drain), accounting, rows);
}

std::string to_text(const ClusterStatus& status) {
  std::string out = fmt::format("leader {}, as {} knows it; {}\n{:<20} {:<12} {:<9} {:>6} {:>10} {:>6} {:>10}\n",
                                status.leader.empty() ? "none" : status.leader, status.asked,
                                status.healthy() ? "healthy" : "NOT HEALTHY", "CONTROLLER", "VERSION", "STATE", "TERM",
                                "APPLIED", "LAG", "PING(ms)");
  for (const MemberStatus& member : status.members) {
    if (member.reached)
      out += fmt::format("{:<20} {:<12} {:<9} {:>6} {:>10} {:>6} {:>10.2f}\n", member.name, member.version,
                         member.leads   ? "leads"
                         : member.votes ? "follows"
                                        : "joins",
                         member.term, member.applied, status.lag(member),
                         static_cast<double>(member.round_trip_us) / 1000);
    else
      out += fmt::format("{:<20} {:<12} {:<9} {}\n", member.name, member.version.empty() ? "?" : member.version, "away",
                         member.error);
  }
  if (const auto& known = status.accounting)
    out += fmt::format("accounting: {} records wait{}\n", known->waiting,
                       !asked_leads(status) ? ""
                       : known->connected   ? ", connected"
                                            : ", NOT CONNECTED");
  if (!status.drain.empty()) out += status.drain + "\n";
  return out;
}

}  // namespace flurm::ctld
