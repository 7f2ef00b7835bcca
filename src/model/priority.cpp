// model/priority.cpp — see priority.hpp.
#include "model/priority.hpp"

#include <algorithm>
#include <charconv>

namespace flurm::model {
namespace {

constexpr std::int64_t kOffset = 0x80000000;  // of nice and site factor, so that they can be negative

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

/// "CPU=1000,Mem=2000"; what is not known weighs nothing.
TresAmounts read_weights(std::string_view text) {
  TresAmounts weights{};
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view one = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t equals = one.find('=');
    if (equals == one.npos) continue;
    for (std::size_t i = 0; i < weights.size(); ++i)
      if (same_name(one.substr(0, equals), kPriorityTres[i]))
        std::from_chars(one.data() + equals + 1, one.data() + one.size(), weights[i]);
  }
  return weights;
}

/// As asked for: a job that waits has nothing else.
TresAmounts asked_tres(const JobRequest& r) {
  const double cpus = r.min_cpus, nodes = r.min_nodes;
  const bool per_cpu = r.pn_min_memory & kMemoryPerCpu;
  const double memory = r.pn_min_memory == kNoVal64 ? 0 : static_cast<double>(r.pn_min_memory & ~kMemoryPerCpu);
  return {cpus, memory * (per_cpu ? cpus : nodes), 0, nodes, cpus};
}

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace

TimeS PriorityScale::at(const PriorityRule& rule, TimeS now) {
  return now - now.v % std::max<std::int64_t>(rule.calc_period_s, 1);
}

PriorityScale::PriorityScale(const PriorityRule& rule, const PersistentMap<Node>& nodes,
                             const std::vector<std::shared_ptr<const Partition>>& partitions, TimeS now,
                             AccountFactors accounts)
    : rule_(rule),
      at_(at(rule, now)),
      accounts_(std::move(accounts)),
      tres_weights_(read_weights(rule.tres)),
      weighs_tres_(std::ranges::any_of(tres_weights_, [](double weight) { return weight != 0; })) {
  nodes.for_each([&](std::uint64_t, const auto& node) {
    nodes_ += 1;
    cpus_ += node->config.cpus;
    return true;
  });
  for (const auto& partition : partitions) {
    top_job_factor_ = std::max<double>(top_job_factor_, partition->priority_job_factor);
    if (!weighs_tres_) continue;
    double& memory = memory_mib_[partition->name];
    for (const NodeId id : partition->nodes)
      if (const Node* node = nodes.find(id)) memory += static_cast<double>(node->config.real_memory);
  }
}

PriorityFactors priority_factors(const PriorityScale& scale, const Job& job, const Partition& partition) {
  const PriorityRule& rule = scale.rule_;
  const JobRequest& request = *job.request;
  const double nodes = request.min_nodes;
  const double cpus = request.max_cpus != kNoVal32 ? request.max_cpus : request.min_cpus;
  PriorityFactors out;
  out.site = std::int64_t{request.site_factor} - kOffset;
  out.nice = std::int64_t{request.nice} - kOffset;

  // Of a job that has begun it stays what it was then.
  const TimeS at = job.state.pending() || !job.start_time ? scale.at_ : std::min(scale.at_, job.start_time);
  const TimeS since = rule.flags & priority_flag::accrue_always ? job.submit_time : job.accrue_time;
  if (rule.age && since && at > since) {
    const auto waited = static_cast<double>(at.v - since.v);
    out.age = rule.age * (waited < rule.max_age_s ? share(waited, rule.max_age_s) : 1.0);
  }
  if (auto of = scale.accounts_.associations.find(job.assoc); of != scale.accounts_.associations.end()) {
    out.fair_share = rule.fair_share * of->second.fair_share;
    out.association = rule.association * of->second.priority;
  }
  if (auto of = scale.accounts_.qos.find(job.qos); of != scale.accounts_.qos.end()) out.qos = rule.qos * of->second;
  if (rule.job_size) {
    double size = (share(nodes, scale.nodes_) + share(cpus, scale.cpus_)) / 2;
    if (rule.flags & priority_flag::size_relative) {
      const std::uint32_t limit = job.time_limit != kNoVal32 ? job.time_limit : partition.max_time;
      size = share(std::max(nodes * share(scale.cpus_, scale.nodes_), cpus), scale.cpus_) / std::max(limit, 1u);
    }
    out.job_size = rule.job_size * std::clamp(rule.favor_small ? 1 - size : size, 0.0, 1.0);
  }
  if (partition.priority_job_factor)
    out.partition = rule.partition * (rule.flags & priority_flag::no_normal_partition
                                          ? partition.priority_job_factor
                                          : share(partition.priority_job_factor, scale.top_job_factor_));
  if (scale.weighs_tres_) {
    const TresAmounts asked = asked_tres(request);
    const double part_nodes = partition.total_nodes, part_cpus = partition.total_cpus;
    const auto memory = scale.memory_mib_.find(partition.name);
    const TresAmounts whole{part_cpus, memory == scale.memory_mib_.end() ? 0 : memory->second, 0, part_nodes,
                            part_cpus};
    for (std::size_t i = 0; i < asked.size(); ++i)
      out.tres[i] =
          scale.tres_weights_[i] * (rule.flags & priority_flag::no_normal_tres ? asked[i] : share(asked[i], whole[i]));
  }
  return out;
}

std::uint32_t PriorityFactors::total() const {
  double sum = age + association + fair_share + job_size + partition + qos + static_cast<double>(site - nice);
  for (const double one : tres) sum += one;
  return static_cast<std::uint32_t>(std::clamp(sum, 1.0, 4294967295.0));
}

std::uint32_t priority_of(const PriorityScale* scale, const Job& job, const Partition& partition) {
  if (!scale || job.priority == 0 || job.direct_set_priority) return job.priority;
  return priority_factors(*scale, job, partition).total();
}

}  // namespace flurm::model
