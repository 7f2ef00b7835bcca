// ctld/handlers/priority.cpp — what makes up the priority of each waiting job (sprio).
// Source: slurm 22.05 priority_multifactor.c priority_p_get_priority_factors_list().
#include <algorithm>

#include "ctld/handlers/handlers.hpp"
#include "ctld/privacy.hpp"
#include "io/clock.hpp"
#include "model/priority.hpp"
#include "state/priority.hpp"
#include "wire/msg/priority.hpp"

namespace flurm::ctld {
namespace {

bool lists(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    const std::size_t comma = std::min(names.find(','), names.size());
    if (names.substr(0, comma) == name) return true;
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return false;
}

wire::PriorityFactorsObject factors_of(const model::PriorityScale& scale, const model::Job& job,
                                       const model::Partition& partition) {
  wire::PriorityFactorsObject out;
  out.step_id.job_id = job.id;
  out.user_id = job.request->user_id;
  out.account = job.request->account;
  out.qos = job.request->qos;
  out.partition = partition.name;
  if (job.direct_set_priority) {
    out.direct_prio = job.priority;
    return out;
  }
  const model::PriorityFactors factors = model::priority_factors(scale, job, partition);
  wire::PriorityFactors& shown = out.prio_factors;
  shown.priority_age = factors.age;
  shown.priority_assoc = factors.association;
  shown.priority_fs = factors.fair_share;
  shown.priority_js = factors.job_size;
  shown.priority_part = factors.partition;
  shown.priority_qos = factors.qos;
  shown.priority_site = job.request->site_factor;
  shown.nice = job.request->nice;
  if (scale.weighs_tres()) {
    shown.priority_tres.assign(factors.tres.begin(), factors.tres.end());
    shown.assoc_mgr_tres_name_array.assign(model::kPriorityTres.begin(), model::kPriorityTres.end());
    shown.tres_weights.assign(scale.tres_weights().begin(), scale.tres_weights().end());
  }
  return out;
}

template <class T>
bool wants(const std::optional<std::vector<T>>& list, T one) {
  return !list || std::ranges::find(*list, one) != list->end();
}

}  // namespace

Answer priority_factors(Controller& c, const Call& call) {
  const auto* request = call.as<wire::PriorityFactorsRequest>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  wire::PriorityFactorsResponse response;
  const auto done = [&] { return answer(call, wire::MsgType::RESPONSE_PRIORITY_FACTORS, response); };
  if (!state->settings.multifactor) return done();
  const model::PriorityRule& rule = state->settings.priority;
  const TimeS now = io::now();
  const model::PriorityScale scale = state::priority_scale(*state, now);
  const JobPrivacy privacy(c, call.uid);
  std::vector<wire::PriorityFactorsObject> list;
  const auto add = [&](const model::Job& job) {
    const TimeS since = rule.flags & model::priority_flag::accrue_always ? job.submit_time : job.eligible_time;
    const std::uint32_t user = job.request->user_id;
    if (job.priority == 0 || !since || since > now || !privacy.shows(job)) return;
    if (!wants(request->job_id_list, job.id.v) || !wants(request->uid_list, user)) return;
    for (const auto& partition : state->partitions)
      if (lists(job.partition, partition->name) &&
          (request->partitions.empty() || lists(request->partitions, partition->name)))
        list.push_back(factors_of(scale, job, *partition));
  };
  state->pending.for_each([&](std::uint64_t, const auto& job) { return add(*job), true; });
  if (rule.flags & model::priority_flag::calculate_running)
    state->active.for_each([&](std::uint64_t, const auto& job) { return add(*job), true; });
  // None is sent as no list: from an empty one sprio says that the plugin is not there.
  if (!list.empty()) response.priority_factors_list = std::move(list);
  return done();
}

}  // namespace flurm::ctld
