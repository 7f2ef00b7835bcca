// state/accounting.cpp — see accounting.hpp.
#include "state/accounting.hpp"

#include <algorithm>

#include "acct/claim.hpp"
#include "acct/limit_reason.hpp"

namespace flurm::state {
namespace {

/// sacctmgr writes names in small letters, users may not.
std::string small(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

template <class F>
void for_each_name(std::string_view list, F&& f) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (comma) f(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

/// "*": it is the user's default one. Source: slurm 22.05 src/slurmctld/job_mgr.c.
Result<void> settle_wckey(const ClusterState& state, model::JobRequest& request) {
  if (!state.settings.track_wckey) return {};
  const bool enforced = state.settings.enforce & model::enforce_flag::wckeys;
  if (request.wckey.empty()) {
    const acct::Wckey* usual = nullptr;
    for (const auto& [id, each] : state.books->wckeys.rows())
      if (each->user == request.user_name && each->is_default && !each->deleted) usual = each.get();
    if (!usual && enforced) return fail(Errc::invalid_wckey, "user {} has no default wckey", request.user_name);
    request.wckey = usual ? "*" + usual->name : "*";
    return {};
  }
  const std::string_view name = std::string_view(request.wckey).substr(request.wckey[0] == '*' ? 1 : 0);
  const acct::Wckey* known = state.books->find_wckey(state.settings.cluster_name, request.user_name, std::string(name));
  if (enforced && (!known || known->deleted))
    return fail(Errc::invalid_wckey, "user {} has no wckey {}", request.user_name, name);
  return {};
}

/// The keys under which the job counts; of a job in several partitions, with the QOS of each.
std::vector<std::uint64_t> submit_keys(const ClusterState& state, const model::Job& job) {
  std::vector<std::uint64_t> keys;
  for_each_name(job.partition, [&](std::string_view name) {
    const std::uint32_t qos = acct::partition_qos(*state.books, state.partition(name));
    for (std::uint64_t key : acct::scopes_of(*state.books, acct::claimant(job, qos)))
      if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
  });
  return keys;
}

void add_submitted(ClusterState& state, std::uint64_t key, std::int64_t tasks) {
  const std::uint32_t* now = state.submitted.find(key);
  const std::int64_t count = (now ? *now : 0) + tasks;
  if (count > 0)
    state.submitted.set(key, std::make_shared<const std::uint32_t>(static_cast<std::uint32_t>(count)));
  else
    state.submitted.erase(key);
}

bool counts(const model::Job* job) { return job && !job->state.ended() && (job->assoc != 0 || job->qos != 0); }

const acct::Assoc* live(const acct::Assoc* assoc) { return assoc && !assoc->deleted ? assoc : nullptr; }

}  // namespace

const acct::Assoc* assoc_for(const acct::Books& books, const std::string& cluster, const model::JobRequest& request,
                             std::string_view partitions) {
  std::string account = small(request.account);
  if (account.empty()) {
    const acct::Assoc* usual = books.default_assoc(cluster, request.user_name);
    if (!usual) return nullptr;
    account = usual->account;
  }
  while (!partitions.empty()) {
    const std::size_t comma = std::min(partitions.find(','), partitions.size());
    const acct::Assoc* own =
        books.find_assoc(cluster, account, request.user_name, std::string(partitions.substr(0, comma)));
    if (live(own) && !own->partition.empty()) return own;
    partitions.remove_prefix(std::min(comma + 1, partitions.size()));
  }
  return live(books.find_assoc(cluster, account, request.user_name, ""));
}

Result<std::uint32_t> qos_for(const acct::Books& books, const acct::Assoc* assoc, std::string_view name) {
  if (books.qos.size() == 0) return 0;
  const auto by_name = [&](std::string_view wanted) -> Result<std::uint32_t> {
    const acct::Qos* qos = books.find_qos(small(wanted));
    if (!qos || qos->deleted) return fail(Errc::invalid_qos, "there is no QOS {}", wanted);
    return qos->id;
  };
  if (!name.empty()) return by_name(name);
  std::uint32_t id = assoc ? assoc->limits.def_qos_id : kInfinite32;
  if (id == kInfinite32 && assoc && assoc->qos.size() == 1) id = assoc->qos.front();
  if (id == kInfinite32)
    for (const auto& [root_id, root] : books.assocs().rows())
      if (root->parent_id == 0 && root->user.empty()) {
        id = root->limits.def_qos_id;
        break;
      }
  if (id == kInfinite32) return by_name("normal");
  if (!books.qos.find_live(id)) return fail(Errc::invalid_qos, "there is no QOS with the id {}", id);
  return id;
}

Result<Standing> find_standing(const ClusterState& state, model::JobRequest& request, std::string_view partitions,
                               bool privileged) {
  namespace enforce = model::enforce_flag;
  const acct::Books& books = *state.books;
  const std::uint16_t enforced = state.settings.enforce;
  const std::string& cluster = state.settings.cluster_name;
  const acct::Assoc* assoc = assoc_for(books, cluster, request, partitions);
  if (!assoc && (enforced & enforce::assocs))
    return fail(Errc::invalid_account, "user {} has no association with account '{}'", request.user_name,
                request.account);
  if (!assoc && !request.account.empty() && books.default_assoc(cluster, request.user_name)) {
    request.account.clear();  // records are to have something that makes sense
    assoc = assoc_for(books, cluster, request, partitions);
  }
  Standing standing;
  if (assoc) {
    standing.assoc = assoc->id;
    request.account = assoc->account;
  }
  if (const auto qos = qos_for(books, assoc, request.qos)) {
    standing.qos = *qos;
  } else if (enforced & enforce::qos) {
    return std::unexpected(qos.error());
  }
  if (const acct::Qos* qos = books.qos.find(standing.qos)) {
    request.qos = qos->name;
    const bool allowed = !assoc || privileged || std::ranges::find(assoc->qos, qos->id) != assoc->qos.end();
    if ((enforced & enforce::qos) && !allowed)
      return fail(Errc::invalid_qos, "association {} may not use QOS {}", assoc->id, qos->name);
    if ((qos->flags & acct::qos_flag::req_resv) && request.reservation.empty())
      return fail(Errc::invalid_qos, "QOS {} is for reservations only", qos->name);
  }
  FLURM_TRY_VOID(settle_wckey(state, request));
  return standing;
}

Result<void> within_submit_limits(const ClusterState& state, const model::JobRequest& request, const Standing& standing,
                                  std::string_view partitions, std::uint32_t tasks, std::uint32_t& time_limit) {
  if (!(state.settings.enforce & model::enforce_flag::limits)) return {};
  Result<void> result;
  for_each_name(partitions, [&](std::string_view name) {
    if (!result) return;
    const model::Partition* partition = state.partition(name);
    acct::Claimant job{.assoc = standing.assoc,
                       .qos = standing.qos,
                       .partition_qos = acct::partition_qos(*state.books, partition),
                       .user = request.user_id,
                       .tasks = tasks,
                       .time_limit = time_limit,
                       .tres = acct::requested_tres(*state.books, request, state.settings, partition),
                       .nodes = {}};
    if (const std::uint32_t reason = acct::check_submission(*state.books, state.submitted, job))
      result = fail(Errc::accounting_policy, "{}", acct::limit_reason_name(reason));
    time_limit = job.time_limit;
  });
  return result;
}

void count_submitted(ClusterState& state, const model::Job* before, const model::Job* after) {
  const bool was = counts(before), is = counts(after);
  if (!was && !is) return;
  if (was && is && before->assoc == after->assoc && before->qos == after->qos &&
      before->partition == after->partition && before->pending_count() == after->pending_count())
    return;
  if (was)
    for (std::uint64_t key : submit_keys(state, *before))
      add_submitted(state, key, -std::int64_t{before->pending_count()});
  if (is)
    for (std::uint64_t key : submit_keys(state, *after)) add_submitted(state, key, after->pending_count());
}

void recount_submitted(ClusterState& state) {
  state.submitted = {};
  const auto add = [&](std::uint64_t, const auto& job) {
    count_submitted(state, nullptr, job.get());
    return true;
  };
  state.pending.for_each(add);
  state.active.for_each(add);
}

}  // namespace flurm::state
