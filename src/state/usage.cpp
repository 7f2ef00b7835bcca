// state/usage.cpp — see usage.hpp.
//
// Members must come to the same bits: multiplications and additions only, in an order that the state gives, and no
// contraction of the two (room.cmake).
#include "state/usage.hpp"

#include <algorithm>

#include "acct/claim.hpp"

namespace flurm::state {
namespace {

using model::Job;

/// 1 - ln(2)/h is left of 1 after a second where half is left after h seconds. Source: as usage.hpp.
double per_second(const model::PriorityRule& rule) { return rule.half_life_s ? 1 - 0.693 / rule.half_life_s : 1; }

/// By squaring.
double power(double base, std::int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result *= base;
    base *= base;
  }
  return result;
}

/// So little is nothing: it would fade for ever.
double kept(double amount) { return amount < 1e-6 ? 0 : amount; }

void fade(PersistentMap<acct::Usage>& usage, double factor, const acct::Books& books, bool of_qos) {
  std::vector<std::pair<std::uint64_t, acct::Usage>> changed;
  usage.for_each([&](std::uint64_t id, const auto& each) {
    const acct::Qos* qos = of_qos ? books.qos.find(static_cast<std::uint32_t>(id)) : nullptr;
    if (qos && (qos->flags & acct::qos_flag::no_decay)) return true;
    acct::Usage rest = *each;
    rest.raw = kept(rest.raw * factor);
    rest.wall = kept(rest.wall * factor);
    for (auto& [tres, amount] : rest.tres) amount = kept(amount * factor);
    changed.emplace_back(id, std::move(rest));
    return true;
  });
  for (auto& [id, rest] : changed) usage.set(id, std::make_shared<const acct::Usage>(std::move(rest)));
}

void add(PersistentMap<acct::Usage>& usage, std::uint32_t id, double seconds, const acct::TresCounts& tres) {
  const acct::Usage* before = usage.find(id);
  acct::Usage after = before ? *before : acct::Usage{};
  after.wall += seconds;
  for (const auto& [each, count] : tres) {
    const double amount = seconds * static_cast<double>(count);
    after.tres[each] += amount;
    if (each == acct::tres_billing) after.raw += amount;
  }
  usage.set(id, std::make_shared<const acct::Usage>(std::move(after)));
}

void count(ClusterState& state, const Job& job, TimeS from, TimeS to) {
  // What it used before it changed its size has been counted then.
  const std::int64_t delta_s = to - std::max({from, job.start_time, job.resize_time});
  if (delta_s <= 0 || !job.start_time) return;
  const acct::Books& books = *state.books;
  const model::Partition* partition = state.partition(job.partition);
  const acct::TresCounts tres = acct::job_tres(books, job, state.settings, partition);
  const acct::Qos* own = books.qos.find(job.qos);
  const double factor = own && own->usage_factor >= 0 ? own->usage_factor : 1;
  const double plain_s = static_cast<double>(delta_s) * factor;
  const double faded_s = plain_s * power(per_second(state.settings.priority), delta_s);
  const auto add_qos = [&](const acct::Qos* qos) {
    if (qos) add(state.qos_usage, qos->id, qos->flags & acct::qos_flag::no_decay ? plain_s : faded_s, tres);
  };
  add_qos(own);
  const acct::Qos* of_partition = books.qos.find(acct::partition_qos(books, partition));
  if (of_partition != own) add_qos(of_partition);
  for (const acct::Assoc* at = books.assocs().find(job.assoc); at; at = books.assocs().find(at->parent_id))
    add(state.assoc_usage, at->id, faded_s, tres);
}

using Running = std::vector<std::shared_ptr<const Job>>;

std::vector<JobId> exhausted(const ClusterState& state, const Running& running) {
  namespace enforce = model::enforce_flag;
  std::vector<JobId> out;
  if (!(state.settings.enforce & enforce::limits)) return out;
  const acct::Policy policy(state.books, state.assoc_usage, state.qos_usage, state.settings.enforce & enforce::safe);
  for (const auto& job : running) {
    if (!job->state.running()) continue;
    const acct::Claimant claim = acct::holder(*state.books, *job, state.settings, state.partition(job->partition));
    if (policy.exhausted(claim, job->run_time(state.now))) out.push_back(job->id);
  }
  return out;
}

bool counts(const ClusterState& state) { return state.settings.multifactor && state.books->assocs().size() != 0; }

}  // namespace

void count_rest(ClusterState& state, const Job& job, TimeS end) {
  if (counts(state)) count(state, job, state.usage_counted, end);
}

bool usage_due(const ClusterState& state, TimeS now) {
  if (!counts(state)) return false;
  const bool something = !state.active.empty() || !state.assoc_usage.empty();
  return something && now - state.usage_counted >= std::max<std::int64_t>(state.settings.priority.calc_period_s, 1);
}

std::vector<JobId> pass_usage(ClusterState& state, TimeS reset_due) {
  if (!counts(state)) return {};
  if (!state.usage_reset) state.usage_reset = state.now;
  if (reset_due && reset_due > state.usage_reset) {
    state.assoc_usage = {};
    state.qos_usage = {};
    state.usage_reset = reset_due;
  }
  // The first time nothing fades, and what runs is counted from its start.
  const std::int64_t delta_s = state.usage_counted ? state.now - state.usage_counted : 0;
  if (state.usage_counted && delta_s < std::max<std::int64_t>(state.settings.priority.calc_period_s, 1)) return {};
  const double factor = power(per_second(state.settings.priority), delta_s);
  if (factor != 1) {
    fade(state.assoc_usage, factor, *state.books, false);
    fade(state.qos_usage, factor, *state.books, true);
  }
  Running running;
  state.active.for_each([&](std::uint64_t, const auto& job) {
    if (job->state.running() || job->state.suspended()) running.push_back(job);
    return true;
  });
  for (const auto& job : running) count(state, *job, state.usage_counted, state.now);
  state.usage_counted = state.now;
  return exhausted(state, running);
}

}  // namespace flurm::state
