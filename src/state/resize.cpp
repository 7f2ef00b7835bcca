// state/resize.cpp — see resize.hpp.
// Source: slurm 22.05 src/slurmctld/job_mgr.c _update_job(), excise_node_from_job(), job_pre_resize_acctg(),
// _merge_job_licenses(); src/plugins/select/cons_common/cons_common.c select_p_job_expand().
#include "state/resize.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/hostlist.hpp"
#include "model/dependency.hpp"
#include "state/format.hpp"
#include "state/steps.hpp"
#include "state/usage.hpp"

namespace flurm::state {
namespace {

using model::Allocation;
using model::Job;
using model::NodeShare;

void name_nodes(const ClusterState& state, Allocation& allocation) {
  std::vector<std::string> names;
  for (const NodeShare& share : allocation.shares) names.push_back(state.node(share.node)->config.name);
  allocation.nodes = compress_hosts_sorted(names);
}

/// Accounting tells a job's records apart by the second in which they begin.
TimeS resized_at(const ClusterState& state, const Job& job) { return std::max(state.now, job.recorded_since() + 1); }

void leave_node(ClusterState& state, const Job& job, model::NodeId node, Effect::End end) {
  add_effect(
      state,
      {.kind = Effect::Kind::leave_node, .job = job.id, .restart_count = job.restart_count, .end = end, .node = node});
}

void shrink(ClusterState& state, JobId id, const std::vector<model::NodeId>& lost) {
  for (const model::NodeId node : lost) {
    lose_node(state, id, node, Loss::given_up);
    leave_node(state, *state.job(id), node, Effect::End::abort);
  }
  take_nodes(state, id, lost);
}

/// The job that this one was submitted to expand; 0: none.
JobId expanded_by(const Job& job) {
  JobId found{0};
  if (const auto dependencies = model::parse_dependencies(job.request->dependency))
    for (const model::Dependency& each : *dependencies)
      if (each.type == model::Dependency::Type::expand) found = each.job;
  return found;
}

bool has_steps(const ClusterState& state, const Job& job) {
  bool any = job.request->batch || state.settings.extern_step;  // those have no records of their own
  state.for_steps_of(job.id, [&](const auto&) { any = true; });
  return any;
}

bool has_gres(const Job& job) {
  return std::ranges::any_of(job.allocation->shares, [](const NodeShare& share) { return !share.gres.empty(); });
}

std::uint32_t core_count(const NodeShare& share) {
  std::uint32_t count = 0;
  for (const std::uint64_t mask : share.cores) count += static_cast<std::uint32_t>(__builtin_popcountll(mask));
  return count;
}

/// Of cores that both had the CPUs count once.
void add_share(NodeShare& to, const NodeShare& from) {
  const std::uint32_t apart = core_count(to) + core_count(from);
  if (to.cores.size() < from.cores.size()) to.cores.resize(from.cores.size());
  for (std::size_t i = 0; i < from.cores.size(); ++i) to.cores[i] |= from.cores[i];
  const std::uint32_t cpus = std::uint32_t{to.cpus} + from.cpus;
  to.cpus = static_cast<std::uint16_t>(apart ? cpus * core_count(to) / apart : cpus);
  to.memory_mib += from.memory_mib;
}

/// "a:1,b" and "a:2": "a:3,b:1".
std::string sum_of_licenses(const std::string& some, const std::string& others) {
  if (some.empty() || others.empty()) return some + others;
  std::map<std::string, std::uint64_t, std::less<>> counts;
  std::string_view rest;
  for (const std::string* list : {&some, &others})
    for (rest = *list; !rest.empty();) {
      const std::string_view each = rest.substr(0, rest.find_first_of(",;"));
      rest.remove_prefix(std::min(each.size() + 1, rest.size()));
      const std::size_t colon = std::min(each.find_first_of(":="), each.size());
      std::uint64_t count = 1;
      if (colon < each.size()) std::from_chars(each.data() + colon + 1, each.data() + each.size(), count);
      counts[std::string(each.substr(0, colon))] += count;
    }
  std::string out;
  for (const auto& [name, count] : counts) out += fmt::format("{}{}:{}", out.empty() ? "" : ",", name, count);
  return out;
}

void set_licenses(Job& job, std::string licenses) {
  if (job.request->licenses == licenses) return;
  auto request = std::make_shared<model::JobRequest>(*job.request);
  request->licenses = std::move(licenses);
  job.request = std::move(request);
}

/// All that `from` has goes to `to`; `from` is complete.
Errc merge(ClusterState& state, JobId from, JobId to) {
  const Job& giver = *state.job(from);
  const Job* taker = state.job(to);
  if (!taker || to == from || !taker->allocation || !(taker->state.running() || taker->state.suspended()))
    return Errc::invalid_job_id;
  if (giver.state.suspended() || taker->state.suspended()) return Errc::job_suspended;
  if (has_steps(state, giver)) return Errc::node_step_exists;
  if (has_gres(giver) || has_gres(*taker)) return Errc::error;

  const auto given = giver.allocation;
  const std::string licenses = giver.request->licenses;
  auto all = std::make_shared<Allocation>(*taker->allocation);
  for (const NodeShare& share : given->shares) {
    leave_node(state, giver, share.node, Effect::End::completed);
    const auto at = std::ranges::lower_bound(all->shares, share.node, {}, &NodeShare::node);
    if (at != all->shares.end() && at->node == share.node)
      add_share(*at, share);
    else
      all->shares.insert(at, share);
  }
  name_nodes(state, *all);
  count_rest(state, *taker, state.now);
  edit_job(state, from, [&](Job& job) {
    job.resize_time = job.end_time = resized_at(state, job);
    job.state = {model::JobBase::complete, 0};
    job.allocation.reset();
    set_licenses(job, {});
  });
  edit_job(state, to, [&](Job& job) {
    job.resize_time = resized_at(state, job);
    job.allocation = all;
    set_licenses(job, sum_of_licenses(job.request->licenses, licenses));
  });
  for (const NodeShare& share : given->shares)
    edit_node(state, share.node, [&](model::Node& node) { std::erase(node.jobs, from); });
  give_nodes(state, *state.job(to));
  return Errc::success;
}

/// The nodes that it does not keep: those that are not named. Errors: invalid_node_name.
Result<std::vector<model::NodeId>> not_named(const ClusterState& state, const Job& job, const std::string& names) {
  const auto kept = HostSet::parse(names);
  if (!kept || kept->names().empty()) return fail(Errc::invalid_node_name, "nodes '{}'", names);
  const auto& shares = job.allocation->shares;
  std::vector<model::NodeId> keeps, loses;
  for (const std::string& name : kept->names()) {
    const model::Node* node = state.node(name);
    if (!node || std::ranges::find(shares, node->id, &NodeShare::node) == shares.end())
      return fail(Errc::invalid_node_name, "job {} does not have {}", job.id.v, name);
    keeps.push_back(node->id);
  }
  for (const NodeShare& share : shares)
    if (std::ranges::find(keeps, share.node) == keeps.end()) loses.push_back(share.node);
  const model::Node* script = job.request->batch ? state.node(job.batch_host) : nullptr;
  if (script && std::ranges::find(loses, script->id) != loses.end())
    return fail(Errc::invalid_node_name, "the script of job {} runs on {}", job.id.v, job.batch_host);
  return loses;
}

/// The nodes beyond the first `count`; that of its script stays.
std::vector<model::NodeId> beyond(const ClusterState& state, const Job& job, std::uint32_t count) {
  const model::Node* first = state.node(job.batch_host);
  std::uint32_t kept = first ? 1 : 0;
  std::vector<model::NodeId> loses;
  for (const NodeShare& share : job.allocation->shares)
    if (!(first && share.node == first->id) && ++kept > count) loses.push_back(share.node);
  return loses;
}

}  // namespace

void take_nodes(ClusterState& state, JobId id, const std::vector<model::NodeId>& lost) {
  const Job& job = *state.job(id);
  auto rest = std::make_shared<Allocation>(*job.allocation);
  std::erase_if(rest->shares,
                [&](const NodeShare& share) { return std::ranges::find(lost, share.node) != lost.end(); });
  name_nodes(state, *rest);
  const bool recorded = state.format >= format_of_resizing;
  if (recorded) count_rest(state, job, state.now);
  const model::Node* host = state.node(job.batch_host);
  const bool host_stays = host && std::ranges::find(rest->shares, host->id, &NodeShare::node) != rest->shares.end();
  edit_job(state, id, [&](Job& changed) {
    changed.allocation = rest;
    if (!host_stays) changed.batch_host = state.node(rest->shares.front().node)->config.name;
    if (recorded) changed.resize_time = resized_at(state, changed);
  });
  for (const model::NodeId node : lost) {
    edit_node(state, node, [&](model::Node& changed) { std::erase(changed.jobs, id); });
    recount_node(state, node);
  }
  if (recorded) state.turns_stale = true;
}

Errc resize(ClusterState& state, JobId id, const UpdateJobs& command) {
  const Job& job = *state.job(id);
  const JobId expanded = expanded_by(job);
  if (command.req_nodes) {
    if (expanded.v) return Errc::invalid_node_name;
    const auto lost = not_named(state, job, *command.req_nodes);
    if (!lost) return lost.error().code;
    if (!lost->empty()) shrink(state, id, *lost);
  }
  if (!command.min_nodes) return Errc::success;
  if (*command.min_nodes == 0 && expanded.v) return merge(state, id, expanded);
  const Job& now = *state.job(id);
  if (*command.min_nodes == 0 || *command.min_nodes > now.allocation->shares.size() || expanded.v)
    return Errc::invalid_node_count;
  if (*command.min_nodes < now.allocation->shares.size()) shrink(state, id, beyond(state, now, *command.min_nodes));
  return Errc::success;
}

}  // namespace flurm::state
