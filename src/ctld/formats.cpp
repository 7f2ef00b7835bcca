// ctld/formats.cpp — see formats.hpp.
#include "ctld/formats.hpp"

#include <algorithm>
#include <memory>

#include "base/log.hpp"
#include "cluster/bytes.hpp"
#include "ctld/json_text.hpp"
#include "fmt/format.h"
#include "io/event.hpp"
#include "io/timer.hpp"
#include "state/format.hpp"

namespace flurm::ctld {
namespace {

constexpr std::uint64_t kPatienceMs = 1000, kLookAgainMs = 500;

std::string pack(const KnownFormats& known) {
  std::string out;
  cluster::put(out, known.oldest);
  cluster::put(out, known.newest);
  return out;
}

/// A later release may say more.
Result<KnownFormats> unpack(std::string_view bytes) {
  if (bytes.size() < 4) return fail(Errc::corrupt, "an answer of {} bytes", bytes.size());
  return KnownFormats{cluster::get<std::uint16_t>(bytes, 0), cluster::get<std::uint16_t>(bytes, 2)};
}

io::Task<Result<std::string>> tell(KnownFormats own) { co_return pack(own); }

io::Task<> ask(cluster::Link& link, std::uint64_t member, io::OneShot<Result<std::string>> done) {
  auto call = link.call(member, cluster::CallKind::formats, {}, kPatienceMs);
  Result<std::string> answer = co_await call;
  done.set(std::move(answer));
}

}  // namespace

Formats::Formats(io::Loop& loop, cluster::Link& link, Replica& replica, std::string version, std::uint16_t newest)
    : loop_(loop), link_(link), replica_(replica), version_(std::move(version)) {
  own_.newest = newest ? std::min(newest, state::kFormat) : state::kFormat;
  link.on_call(cluster::CallKind::formats, [own = own_](std::uint64_t, std::string) { return tell(own); });
}

io::Task<Versions> Formats::versions() {
  // The list of members may be another one when the answers are there.
  const std::vector<cluster::Member> members = link_.members();
  std::vector<io::OneShot<Result<std::string>>> answers;
  for (const cluster::Member& member : members) io::spawn(ask(link_, member.id, answers.emplace_back(loop_)));
  Versions out{.in_use = replica_.format(), .members = {}};
  const io::Deadline deadline = io::Deadline::in_ms(kPatienceMs + 100);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    MemberVersion row{
        .name = members[i].name, .version = members[i].id == link_.self() ? version_ : "", .formats = {}, .error = {}};
    for (const cluster::Peer& peer : link_.peers())
      if (peer.member.id == members[i].id) row.version = peer.version;
    auto waiting = answers[i].wait(deadline);
    const Result<Result<std::string>> answer = co_await waiting;
    Result<KnownFormats> known = !answer ? fail(answer.error()) : !*answer ? fail((*answer).error()) : unpack(**answer);
    // Releases that do not know the question know one format beside the first.
    if (!known && known.error().code == Errc::not_supported) known = KnownFormats{1, state::kOldestFormat};
    if (known)
      row.formats = *known;
    else
      row.error = known.error().text;
    out.members.push_back(std::move(row));
  }
  co_return out;
}

void Formats::start() { io::spawn(lead(++reign_)); }

io::Task<> Formats::lead(std::uint64_t reign) {
  while (reign == reign_ && replica_.format() < own_.newest) {
    auto asking = versions();
    const Versions all = co_await asking;
    if (reign != reign_) co_return;
    std::uint16_t common = own_.newest;
    for (const MemberVersion& member : all.members) common = std::min(common, member.formats.newest);
    if (common > replica_.format()) {
      auto proposing = replica_.propose(state::UseFormat{common});
      const Result<state::Reply> used = co_await proposing;
      if (used) log(Level::info, "cluster.format", {{"in_use", common}});
      if (used && raised_) raised_();
      if (used) continue;
    }
    auto pause = io::sleep(loop_, kLookAgainMs);
    co_await pause;
  }
}

std::string to_json(const Versions& versions) {
  std::string rows, features;
  for (const MemberVersion& member : versions.members) {
    rows += fmt::format("{}{{\"name\":{},\"version\":{}", rows.empty() ? "" : ",", json_text(member.name),
                        json_text(member.version));
    rows += member.formats.newest ? fmt::format(",\"formats\":[{},{}]}}", member.formats.oldest, member.formats.newest)
                                  : fmt::format(",\"error\":{}}}", json_text(member.error));
  }
  for (const state::Feature& feature : state::features())
    features +=
        fmt::format("{}{}:{}", features.empty() ? "" : ",", json_text(feature.name), feature.since <= versions.in_use);
  return fmt::format("{{\"format\":{},\"members\":[{}],\"features\":{{{}}}}}\n", versions.in_use, rows, features);
}

std::string to_text(const Versions& versions) {
  std::string out = fmt::format("format of the state in use: {}\n{:<20} {:<12} {}\n", versions.in_use, "CONTROLLER",
                                "VERSION", "FORMATS");
  for (const MemberVersion& member : versions.members)
    out += fmt::format(
        "{:<20} {:<12} {}\n", member.name, member.version.empty() ? "?" : member.version,
        member.formats.newest ? fmt::format("{} to {}", member.formats.oldest, member.formats.newest) : member.error);
  for (const state::Feature& feature : state::features())
    out += fmt::format("{} {}: {}\n", "feature", feature.name,
                       feature.since <= versions.in_use
                           ? "on"
                           : fmt::format("off until all controllers know format {}", feature.since));
  return out;
}

}  // namespace flurm::ctld
