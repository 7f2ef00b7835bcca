// state/commands/books.cpp — the accounting daemon's books come, or news of them; jobs whose place in them has gone, or
// has come, are told.
#include <algorithm>

#include "state/accounting.hpp"
#include "state/commands/handlers.hpp"
#include "state/edit.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::JobReason;

template <class Rows, class Into>
void put_all(const Rows& rows, Into& into) {
  for (const auto& [key, row] : rows.rows()) into.set(key, *row);
}

void merge(acct::Books& books, const PutBooks& command) {
  put_all(command.records.accounts, books.accounts);
  put_all(command.records.users, books.users);
  put_all(command.records.qos, books.qos);
  put_all(command.records.tres, books.tres);
  put_all(command.records.wckeys, books.wckeys);
  put_all(command.records.resources, books.resources);
  // Those that go make room for names that others take.
  for (std::uint32_t id : command.assocs_gone) books.erase_assoc(id);
  for (const auto& [id, row] : command.records.assocs().rows()) {
    books.erase_assoc(id);
    books.set_assoc(*row);
  }
  for (std::uint32_t id : command.qos_gone) books.qos.erase(id);
  for (std::uint32_t id : command.wckeys_gone) books.wckeys.erase(id);
  for (std::uint32_t id : command.tres_gone) books.tres.erase(id);
  for (std::uint32_t id : command.resources_gone) books.resources.erase(id);
  for (const std::string& name : command.users_gone) books.users.erase(name);
  for (const std::string& name : command.accounts_gone) books.accounts.erase(name);
}

void subtract(acct::Usage& from, const acct::Usage& what) {
  from.raw = std::max(0.0, from.raw - what.raw);
  from.wall = std::max(0.0, from.wall - what.wall);
  for (const auto& [id, amount] : what.tres)
    if (auto at = from.tres.find(id); at != from.tres.end()) at->second = std::max(0.0, at->second - amount);
}

/// An association has used nothing so far, nor has anything below it; what it had is not that of those above any more.
/// Source: slurm 22.05 src/common/assoc_mgr.c assoc_mgr_remove_assoc_usage().
void forget_usage(ClusterState& state, std::uint32_t id) {
  const acct::Assoc* assoc = state.books->assocs().find(id);
  const acct::Usage* used = state.assoc_usage.find(id);
  if (!assoc || !used) return;
  const acct::Usage gone = *used;
  for (const acct::Assoc* at = state.books->assocs().find(assoc->parent_id); at;
       at = state.books->assocs().find(at->parent_id)) {
    const acct::Usage* above = state.assoc_usage.find(at->id);
    if (!above) continue;
    acct::Usage rest = *above;
    subtract(rest, gone);
    state.assoc_usage.set(at->id, std::make_shared<const acct::Usage>(std::move(rest)));
  }
  for (const auto& [other, row] : state.books->assocs().rows())
    if (state.books->below(*row, id)) state.assoc_usage.erase(other);
}

/// What is not in the books any more has used nothing.
template <class Known>
void drop_usage(PersistentMap<acct::Usage>& usage, Known&& known) {
  std::vector<std::uint64_t> gone;
  usage.for_each([&](std::uint64_t id, const auto&) {
    if (!known(static_cast<std::uint32_t>(id))) gone.push_back(id);
    return true;
  });
  for (std::uint64_t id : gone) usage.erase(id);
}

/// A waiting job that has no association or QOS any more waits for it to come back.
/// Source: slurm 22.05 src/slurmctld/job_mgr.c job_hold_by_assoc_id(), job_hold_by_qos_id(); job_scheduler.c.
bool settle(const ClusterState& state, Job& job) {
  const acct::Books& books = *state.books;
  const JobReason before = job.reason;
  const std::uint32_t assoc_before = job.assoc, qos_before = job.qos;
  const acct::Assoc* assoc = books.assocs().find(job.assoc);
  if (!assoc) assoc = assoc_for(books, state.settings.cluster_name, *job.request, job.partition);
  job.assoc = assoc ? assoc->id : 0;
  if (!books.qos.find(job.qos)) {
    const auto chosen = qos_for(books, assoc, job.request->qos);
    job.qos = chosen ? *chosen : 0;
  }
  const bool no_assoc = !assoc && (state.settings.enforce & model::enforce_flag::assocs);
  const bool no_qos = job.qos == 0 && (state.settings.enforce & model::enforce_flag::qos);
  if (no_assoc || no_qos) {
    job.reason = no_assoc ? JobReason::invalid_account : JobReason::invalid_qos;
    job.state_desc.clear();
  } else if (before == JobReason::invalid_account || before == JobReason::invalid_qos) {
    job.reason = JobReason::none;
  }
  return job.reason != before || job.assoc != assoc_before || job.qos != qos_before;
}

}  // namespace

Reply apply_to(ClusterState& state, const PutBooks& command) {
  if (command.made_for != state.books_version) return {.code = Errc::outdated};
  acct::Books books;
  if (!command.whole) books = *state.books;
  merge(books, command);
  state.books = std::make_shared<const acct::Books>(std::move(books));
  ++state.books_version;
  for (std::uint32_t id : command.assocs_unused) forget_usage(state, id);
  for (std::uint32_t id : command.qos_unused) state.qos_usage.erase(id);
  drop_usage(state.assoc_usage, [&](std::uint32_t id) { return state.books->assocs().find(id); });
  drop_usage(state.qos_usage, [&](std::uint32_t id) { return state.books->qos.find(id); });
  std::vector<Job> changed;
  state.pending.for_each([&](std::uint64_t, const auto& job) {
    Job copy = *job;
    if (settle(state, copy)) changed.push_back(std::move(copy));
    return true;
  });
  for (Job& job : changed) put_job(state, std::move(job));
  recount_submitted(state);
  return {};
}

}  // namespace flurm::state
