// ctld/concord.cpp — see concord.hpp.
#include "ctld/concord.hpp"

#include "base/log.hpp"
#include "cluster/bytes.hpp"
#include "io/timer.hpp"
#include "io/worker.hpp"

namespace flurm::ctld {
namespace {

/// Others may be behind by as many comparisons before they find nothing here.
constexpr std::size_t kKept = 8;

std::string bytes_of(std::uint64_t number) {
  std::string out;
  cluster::put(out, number);
  return out;
}

}  // namespace

/// What the others said about one state.
struct Concord::Tally {
  std::uint64_t index = 0, own = 0;
  std::map<std::uint64_t, std::size_t> others;  // hash: how many have it
  std::size_t left = 0;
};

Concord::Concord(io::Loop& loop, Options options, std::vector<std::uint64_t> others, Ask ask, OnDiverged on_diverged)
    : loop_(loop),
      options_(options),
      others_(std::move(others)),
      ask_(std::move(ask)),
      on_diverged_(std::move(on_diverged)) {}

void Concord::applied(std::uint64_t index, Replica& replica) {
  if (index % options_.every == 0 && !others_.empty() && !stopping_) io::spawn(take(index, replica.snapshot()));
}

io::Task<> Concord::take(std::uint64_t index, Replica::Snapshot state) {
  auto work = io::on_worker(loop_, [state] { return state::state_hash(*state); });
  const std::uint64_t hash = co_await work;
  hashes_[index] = hash;
  if (hashes_.size() > kKept) hashes_.erase(hashes_.begin());
  const auto tally = std::make_shared<Tally>(Tally{.index = index, .own = hash, .others = {}, .left = others_.size()});
  for (const std::uint64_t member : others_) io::spawn(compare_with(member, tally));
}

io::Task<> Concord::compare_with(std::uint64_t member, std::shared_ptr<Tally> tally) {
  for (int tried = 0; tried < options_.tries && !stopping_; ++tried) {
    auto asking = ask_(member, bytes_of(tally->index));
    const Result<std::string> answered = co_await asking;
    if (answered && answered->size() == 8) {
      const auto hash = cluster::get<std::uint64_t>(*answered, 0);
      ++tally->others[hash];
      if (hash != tally->own) log(Level::error, "cluster.states_differ", {{"index", tally->index}, {"member", member}});
      break;
    }
    auto pausing = io::sleep(loop_, options_.again_ms);
    co_await pausing;
  }
  if (--tally->left == 0) decide(*tally);
}

void Concord::decide(const Tally& tally) {
  for (const auto& [hash, count] : tally.others) {
    if (hash == tally.own || 2 * count <= others_.size() + 1 || diverged_ || stopping_) continue;
    diverged_ = true;
    on_diverged_(
        {Errc::corrupt, fmt::format("the state after entry {} is not that of {} other controllers; see docs/cluster.md",
                                    tally.index, count)});
  }
}

Result<std::string> Concord::answer(std::string_view body) const {
  if (body.size() != 8) return fail(Errc::einval, "{} bytes", body.size());
  const auto found = hashes_.find(cluster::get<std::uint64_t>(body, 0));
  if (found == hashes_.end()) return fail(Errc::einval, "no such state");
  return bytes_of(found->second);
}

}  // namespace flurm::ctld
