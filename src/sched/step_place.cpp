// sched/step_place.cpp — see step_place.hpp. Nodes are chosen first, then tasks laid out on them, then cores taken.
#include "sched/step_place.hpp"

#include <algorithm>

#include "base/hostlist.hpp"
#include "sched/step_cores.hpp"
#include "sched/step_gres.hpp"
#include "sched/task_layout.hpp"

namespace flurm::sched {
namespace {

using model::NodeShare;
using model::StepUse;
namespace flag = model::step_flag;
namespace dist = model::task_dist;

constexpr std::uint16_t kCountMemory = 0x10, kPackNodes = 0x200;  // slurm 22.05 slurm/slurm.h CR_MEMORY, CR_PACK_NODES

bool known_distribution(std::uint32_t task_dist) {
  const std::uint32_t base = task_dist & dist::base_mask;
  if (base == dist::plane || base == dist::arbitrary) return true;
  const std::uint32_t node = base & 0xf, socket = base >> 4 & 0xf, core = base >> 8 & 0xf;
  return base < 0x1000 && (node == dist::cyclic || node == dist::block) && socket <= 3 && core <= 3 &&
         (core == 0 || socket != 0);
}

/// srun has multiplied tasks by their CPUs; 0 when the product tells nothing, or the job cannot hold all tasks that
/// way.
std::uint32_t cpus_per_task(const model::StepRequest& request, const model::Allocation& allocation) {
  if (request.cpu_count == 0 || request.cpu_count % request.num_tasks != 0) return 0;
  const std::uint32_t per_task = std::max<std::uint32_t>(request.cpu_count / request.num_tasks, 1);
  std::uint64_t fitting = 0;
  for (const NodeShare& share : allocation.shares) {
    if (per_task > share.cpus) return 0;
    fitting += share.cpus / per_task;
  }
  return fitting >= request.num_tasks ? per_task : 0;
}

/// The choice of nodes. Nodes are known by their place in the job's allocation.
class NodeChoice {
 public:
  NodeChoice(const StepView& view, model::StepRequest& request, std::uint32_t per_task, const StepGres& gres)
      : view_(view), r_(request), shares_(view.job.allocation->shares), per_task_(per_task), gres_(gres) {}

  Result<std::vector<bool>> choose() {
    if (r_.max_nodes == 0) r_.max_nodes = static_cast<std::uint32_t>(shares_.size());
    if (r_.max_nodes < r_.min_nodes && r_.min_nodes != kInfinite32)
      return fail(Errc::invalid_node_count, "{} to {} nodes", r_.min_nodes, r_.max_nodes);
    FLURM_TRY_VOID(look());
    if (r_.min_nodes == kInfinite32) return available_;  // all there are
    FLURM_TRY_VOID(take_named());
    FLURM_TRY_VOID(leave_out_idle_and_relative());
    FLURM_TRY_VOID(count_nodes_for_cpus());
    if (r_.min_nodes > 0) {
      FLURM_TRY_VOID(pick_nodes());
    }
    if (r_.cpu_count > 0) {
      FLURM_TRY_VOID(add_for_cpus());
    }
    return picked_;
  }

 private:
  using Set = std::vector<bool>;

  static std::uint32_t size(const Set& set) {
    return static_cast<std::uint32_t>(std::count(set.begin(), set.end(), true));
  }
  const model::Node& node(std::size_t i) const { return *view_.nodes.find(shares_[i].node); }

  Result<Set> named(const std::string& text) const {
    auto names = expand_hosts(text);
    if (!names) return fail(Errc::invalid_node_name, "{}", names.error().text);
    Set out(shares_.size());
    for (const std::string& name : *names) {
      std::size_t i = 0;
      while (i < shares_.size() && node(i).config.name != name) ++i;
      if (i == shares_.size()) return fail(Errc::requested_node_config_unavailable, "{} is not the job's", name);
      out[i] = true;
    }
    return out;
  }

  /// Names that are not the job's do no harm here.
  Result<Set> excluded() const {
    Set out(shares_.size());
    if (r_.exc_nodes.empty()) return out;
    const auto names = HostSet::parse(r_.exc_nodes);
    if (!names) return fail(Errc::invalid_node_name, "{}", names.error().text);
    for (std::size_t i = 0; i < shares_.size(); ++i) out[i] = names->contains(node(i).config.name);
    return out;
  }

  bool has_feature(std::size_t i) const {
    if (r_.features.empty() || r_.features == view_.job.request->features) return true;
    std::string_view rest = node(i).features_active;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (rest.substr(0, comma) == r_.features) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return false;
  }

  /// What every node can give now, and how much of the rest other steps hold.
  Result<void> look() {
    available_.assign(shares_.size(), false);
    usable_.assign(shares_.size(), 0);
    FLURM_TRY(const Set out, excluded());
    if (!r_.node_list.empty()) {
      FLURM_TRY(const Set wanted, named(r_.node_list));
      for (std::size_t i = 0; i < shares_.size(); ++i)
        if (wanted[i] && out[i])
          return fail(Errc::requested_node_config_unavailable, "{} is asked for and excluded", node(i).config.name);
    }
    const bool overlap = r_.flags & flag::overlap, whole = r_.flags & flag::whole;
    for (std::size_t i = 0; i < shares_.size(); ++i) {
      if (node(i).base == model::NodeBase::down) {
        some_down_ = true;
        continue;
      }
      if (out[i] || !has_feature(i)) continue;
      const StepUse& use = use_of(i);
      usable_[i] = shares_[i].cpus;
      if (!overlap) {
        usable_[i] = whole && use.cpus > 0 ? 0 : usable_[i] - std::min(usable_[i], use.cpus);
        blocked_cpus_ += use.cpus;
        if (usable_[i] == 0) ++blocked_nodes_;
      }
      if (usable_[i] == 0) continue;
      FLURM_TRY(available_[i], has_memory(i, overlap ? 0 : use.memory_mib));
      if (available_[i] && gres_.wanted()) {
        FLURM_TRY(available_[i], has_gres(i));
      }
    }
    if (gres_lacking_ > 0 && gres_lacking_ >= r_.min_nodes)
      return fail(Errc::invalid_gres, "more generic resources than the job has on its nodes");
    return {};
  }

  /// Whether the node has enough of generic resources, now and at all.
  Result<bool> has_gres(std::size_t i) {
    const bool alone = r_.max_nodes == 1 || shares_.size() == 1;
    const std::uint32_t per_task = std::max<std::uint32_t>(per_task_, 1);
    const std::uint32_t ever = usable_[i];
    const std::uint32_t tasks = gres_.enough_on(shares_[i], alone, false) ? gres_.tasks_on(shares_[i], false) : 0;
    usable_[i] = static_cast<std::uint32_t>(std::min<std::uint64_t>(usable_[i], std::uint64_t{tasks} * per_task));
    memory_blocked_cpus_ += ever - usable_[i];
    if (usable_[i] / per_task > 0) return true;
    const bool possible = gres_.enough_on(shares_[i], alone, true);
    if (r_.min_nodes == kInfinite32 || r_.min_nodes == shares_.size())  // every node is needed
      return fail(possible ? Errc::nodes_busy : Errc::invalid_gres, "generic resources of {}", node(i).config.name);
    if (!possible) ++gres_lacking_;
    ++memory_blocked_nodes_;
    return false;
  }

  Result<bool> has_memory(std::size_t i, std::uint64_t used) {
    if (r_.pn_min_memory == 0 || !(view_.settings.cr_type & kCountMemory)) return true;
    const std::uint64_t given = shares_[i].memory_mib, left = given - std::min(given, used);
    std::uint64_t cpus_ever = usable_[i], cpus_now = usable_[i];
    if (r_.pn_min_memory & model::kMemoryPerCpu) {
      const std::uint64_t each = r_.pn_min_memory & ~model::kMemoryPerCpu;
      cpus_ever = std::min(cpus_ever, given / each);
      cpus_now = std::min(cpus_now, left / each);
    } else {
      if (given < r_.pn_min_memory) cpus_ever = 0;
      if (left < r_.pn_min_memory) cpus_now = 0;
    }
    usable_[i] = static_cast<std::uint32_t>(cpus_now);
    memory_blocked_cpus_ += static_cast<std::uint32_t>(cpus_ever - std::min(cpus_ever, cpus_now));
    const std::uint32_t per_task = std::max<std::uint32_t>(per_task_, 1);
    if (cpus_now / per_task > 0) return true;
    if (r_.min_nodes == kInfinite32 || r_.min_nodes == shares_.size())  // every node is needed
      return fail(cpus_ever / per_task == 0 ? Errc::invalid_task_memory : Errc::nodes_busy, "memory of {}",
                  node(i).config.name);
    ++memory_blocked_nodes_;
    return false;
  }

  const StepUse& use_of(std::size_t i) const {
    static const StepUse kNone;
    const auto found = view_.uses.find(shares_[i].node);
    return found == view_.uses.end() ? kNone : found->second;
  }

  Result<void> take_named() {
    picked_.assign(shares_.size(), false);
    if (r_.node_list.empty()) return {};
    FLURM_TRY(const Set wanted, named(r_.node_list));
    for (std::size_t i = 0; i < shares_.size(); ++i)
      if (wanted[i] && !available_[i])
        return fail(blocked_nodes_ > 0 || memory_blocked_nodes_ > 0 ? Errc::nodes_busy : Errc::invalid_task_memory,
                    "{} is asked for", node(i).config.name);
    const std::uint32_t count = size(wanted);
    if ((r_.task_dist & dist::base_mask) == dist::arbitrary) r_.min_nodes = count;
    if (count > r_.max_nodes)
      return fail(Errc::requested_node_config_unavailable, "{} nodes asked for, at most {}", count, r_.max_nodes);
    if (r_.min_nodes > 0 && count > r_.min_nodes) {  // any of them
      available_ = wanted;
      return {};
    }
    picked_ = wanted;
    for (std::size_t i = 0; i < shares_.size(); ++i)
      if (wanted[i]) available_[i] = false;
    return {};
  }

  Result<void> leave_out_idle_and_relative() {
    idle_.assign(shares_.size(), false);
    if (r_.relative != kNoVal16) {
      if (r_.relative > shares_.size())
        return fail(Errc::requested_node_config_unavailable, "relative node {} of {}", r_.relative, shares_.size());
      std::fill_n(available_.begin(), r_.relative, false);
      return {};
    }
    for (std::size_t i = 0; i < shares_.size(); ++i) idle_[i] = available_[i] && !use_of(i).busy;
    return {};
  }

  /// Where all nodes gave the same number of CPUs, a number of CPUs is a number of nodes.
  Result<void> count_nodes_for_cpus() {
    const std::uint32_t each = shares_.front().cpus;
    const bool same = std::ranges::all_of(shares_, [&](const NodeShare& share) { return share.cpus == each; });
    if (r_.cpu_count == 0 || each == 0 || !same) return {};
    std::uint32_t cpus = r_.cpu_count;
    const std::uint32_t threads = node(0).config.threads;
    const std::uint32_t used =
        r_.threads_per_core != kNoVal16 && r_.threads_per_core != 0 ? r_.threads_per_core : threads;
    if (used < job_threads_per_core(view_.job, node(0)) && used < threads) cpus = (cpus + used - 1) / used * threads;
    r_.min_nodes = std::max(r_.min_nodes, (cpus + each - 1) / each);
    if (r_.task_dist & dist::pack_nodes) r_.max_nodes = r_.min_nodes;
    if (r_.max_nodes < r_.min_nodes)
      return fail(Errc::too_many_requested_cpus, "{} CPUs need {} nodes, at most {}", r_.cpu_count, r_.min_nodes,
                  r_.max_nodes);
    return {};
  }

  /// Idle nodes first, then the others. More than the least number where the most allows.
  Result<void> pick_nodes() {
    if (size(available_) + size(picked_) < r_.min_nodes)
      return fail(Errc::nodes_busy, "{} nodes are not free", r_.min_nodes);
    std::uint32_t needed = r_.min_nodes - std::min(r_.min_nodes, size(picked_));
    if (needed == 0) return {};
    if (size(idle_) >= needed && pick_from(idle_)) return {};
    if (size(available_) >= needed && pick_from(available_)) return {};
    return nothing_fits(size(available_) + size(picked_));
  }

  bool pick_from(const Set& set) {
    const std::uint32_t have = size(picked_);
    std::uint32_t target = r_.max_nodes > r_.min_nodes && r_.max_nodes != kNoVal32 ? r_.max_nodes : r_.min_nodes;
    target = std::min(target - std::min(target, have), size(set));
    std::uint32_t cpus = r_.cpu_count;
    for (std::size_t i = 0; i < shares_.size(); ++i)
      if (picked_[i]) cpus -= std::min(cpus, usable_[i]);
    const auto chosen = nodes_with(set, target, cpus);
    if (!chosen) return false;
    for (std::size_t i = 0; i < shares_.size(); ++i)
      if ((*chosen)[i]) {
        picked_[i] = true;
        available_[i] = false;
      }
    return true;
  }

  /// `count` nodes of the set with so many CPUs together: the first ones that have their part of them, then the largest
  /// of the others.
  std::optional<Set> nodes_with(const Set& set, std::uint32_t count, std::uint32_t cpus) const {
    if (count == 0) return std::nullopt;
    const std::uint32_t part = cpus > count ? (cpus + count - 1) / count : 0;
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < shares_.size(); ++i)
      if (set[i]) order.push_back(i);
    std::ranges::stable_sort(
        order, [&](std::size_t a, std::size_t b) { return std::min(usable_[a], part) > std::min(usable_[b], part); });
    if (order.size() < count) return std::nullopt;
    Set out(shares_.size());
    std::uint64_t sum = 0;
    for (std::size_t k = 0; k < count; ++k) {
      out[order[k]] = true;
      sum += usable_[order[k]];
    }
    if (part > 0 && sum < cpus) return std::nullopt;
    return out;
  }

  Result<void> add_for_cpus() {
    std::uint64_t cpus = 0;
    for (std::size_t i = 0; i < shares_.size(); ++i)
      if (picked_[i]) cpus += usable_[i];
    for (std::size_t i = 0; i < shares_.size() && cpus < r_.cpu_count && size(picked_) < r_.max_nodes; ++i)
      if (available_[i]) {
        picked_[i] = true;
        cpus += usable_[i];
      }
    if (cpus >= r_.cpu_count) return {};
    if (r_.cpu_count <= cpus + memory_blocked_cpus_ + blocked_cpus_)
      return fail(Errc::nodes_busy, "{} CPUs", r_.cpu_count);
    if (some_down_) return fail(Errc::nodes_busy, "a node of the job is down");
    return fail(Errc::requested_node_config_unavailable, "{} CPUs of {}", r_.cpu_count, cpus);
  }

  Result<void> nothing_fits(std::uint32_t nodes) const {
    if (r_.max_nodes <= nodes && memory_blocked_cpus_ == 0 && blocked_cpus_ == 0)
      return fail(Errc::too_many_requested_cpus, "{} CPUs on {} nodes", r_.cpu_count, r_.max_nodes);
    if (memory_blocked_cpus_ > 0 || r_.min_nodes <= nodes + memory_blocked_nodes_ + blocked_nodes_ || some_down_)
      return fail(Errc::nodes_busy, "{} CPUs on {} nodes", r_.cpu_count, r_.min_nodes);
    return fail(Errc::requested_node_config_unavailable, "{} CPUs on {} nodes", r_.cpu_count, r_.min_nodes);
  }

  const StepView& view_;
  model::StepRequest& r_;
  const std::vector<NodeShare>& shares_;
  const std::uint32_t per_task_;
  const StepGres& gres_;
  Set available_, idle_, picked_;
  std::vector<std::uint32_t> usable_;  // CPUs
  std::uint32_t blocked_nodes_ = 0, blocked_cpus_ = 0, memory_blocked_nodes_ = 0, memory_blocked_cpus_ = 0;
  std::uint32_t gres_lacking_ = 0;  // nodes that never have enough
  bool some_down_ = false;
};

/// Tasks a node takes without sharing CPUs.
std::uint32_t slots_on(const StepView& view, const model::StepRequest& r, const NodeShare& share,
                       std::uint32_t per_task) {
  const model::Node& node = *view.nodes.find(share.node);
  const auto found = view.uses.find(share.node);
  const StepUse use = found == view.uses.end() || r.flags & flag::overlap ? StepUse{} : found->second;
  std::uint32_t cpus = share.cpus - std::min<std::uint32_t>(share.cpus, use.cpus);
  std::uint32_t each = std::max<std::uint32_t>(per_task, 1);
  if (one_thread_per_core(view, r)) {
    cpus = std::max<std::uint32_t>(cpus / node.config.threads, 1);
  } else if (view.job.request->ntasks_per_core == 1) {
    each = std::max<std::uint32_t>(each, used_threads_per_core(view, r, node));
  }
  if (r.pn_min_memory & model::kMemoryPerCpu && view.settings.cr_type & kCountMemory) {
    const std::uint64_t left = share.memory_mib - std::min(share.memory_mib, use.memory_mib);
    cpus = static_cast<std::uint32_t>(std::min<std::uint64_t>(cpus, left / (r.pn_min_memory & ~model::kMemoryPerCpu)));
  }
  return cpus / each;
}

/// "srun -w n1,n1,n2 -m arbitrary": the chosen node of each task.
Result<std::vector<std::uint32_t>> nodes_of_tasks(const StepView& view, const model::StepRequest& r,
                                                  const std::vector<NodeShare>& chosen) {
  FLURM_TRY(const auto names, expand_hosts(r.node_list));
  std::vector<std::uint32_t> out;
  for (const std::string& name : names) {
    const auto at = std::ranges::find_if(
        chosen, [&](const NodeShare& share) { return view.nodes.find(share.node)->config.name == name; });
    if (at == chosen.end()) return fail(Errc::requested_node_config_unavailable, "{} is not the step's", name);
    out.push_back(static_cast<std::uint32_t>(at - chosen.begin()));
  }
  return out;
}

std::uint64_t memory_of(const StepView& view, const model::StepRequest& r, const NodeShare& share, std::uint32_t cpus,
                        const model::Node& node) {
  if (!(view.settings.cr_type & kCountMemory)) return 0;
  if (r.pn_min_memory == 0) return share.memory_mib;
  if (!(r.pn_min_memory & model::kMemoryPerCpu)) return r.pn_min_memory;
  const std::uint32_t used = used_threads_per_core(view, r, node), threads = node.config.threads;
  if (r.flags & flag::whole && used < threads) cpus = (cpus + threads - 1) / threads * used;
  return (r.pn_min_memory & ~model::kMemoryPerCpu) * cpus;
}

}  // namespace

Result<model::StepPlacement> place_step(const StepView& view, model::StepRequest r) {
  const model::Allocation& allocation = *view.job.allocation;
  if (r.threads_per_core != kNoVal16) {
    std::uint32_t most = 0;
    for (const NodeShare& share : allocation.shares)
      most = std::max(most, job_threads_per_core(view.job, *view.nodes.find(share.node)));
    if (r.threads_per_core > most) return fail(Errc::bad_thread_per_core, "{} of {}", r.threads_per_core, most);
  }
  if (r.pn_min_memory == model::kMemoryPerCpu || r.pn_min_memory == kNoVal64) r.pn_min_memory = 0;
  if ((r.task_dist & dist::base_mask) == dist::unknown && r.pn_min_memory == 0)
    r.task_dist = (r.task_dist & ~dist::base_mask) | dist::block;
  if (!known_distribution(r.task_dist)) return fail(Errc::bad_dist, "distribution {:#x}", r.task_dist);
  if (r.num_tasks == 0) return fail(Errc::bad_task_count, "no task");

  model::StepPlacement out;
  out.cpu_count = r.cpu_count;
  if (r.flags & flag::overcommit) r.cpu_count = 0;
  out.num_tasks = r.num_tasks;
  out.cpus_per_task = static_cast<std::uint16_t>(cpus_per_task(r, allocation));
  out.counts_cpus = !(r.flags & flag::overlap);
  out.counts_memory = out.counts_cpus && r.pn_min_memory != 0;

  FLURM_TRY(StepGres gres, StepGres::make(view, r));
  FLURM_TRY(const std::vector<bool> picked, NodeChoice(view, r, out.cpus_per_task, gres).choose());
  std::vector<NodeShare> chosen;
  for (std::size_t i = 0; i < picked.size(); ++i)
    if (picked[i]) chosen.push_back(allocation.shares[i]);
  if (chosen.empty()) return fail(Errc::nodes_busy, "no node of the job is free");
  if (out.num_tasks == kNoVal32)
    out.num_tasks = r.cpu_count == kNoVal32 ? static_cast<std::uint32_t>(chosen.size()) : r.cpu_count;
  if (out.num_tasks > std::uint64_t{chosen.size()} * view.settings.max_tasks_per_node)
    return fail(Errc::bad_task_count, "{} tasks on {} nodes", out.num_tasks, chosen.size());

  TaskLayoutRequest layout{.slots = {},
                           .num_tasks = out.num_tasks,
                           .task_dist = r.task_dist,
                           .plane_size = r.plane_size,
                           .pack_nodes = (view.settings.cr_type & kPackNodes) != 0,
                           .node_of_task = {}};
  for (const NodeShare& share : chosen)
    layout.slots.push_back(
        std::min(slots_on(view, r, share, out.cpus_per_task), gres.wanted() ? gres.tasks_on(share, false) : kNoVal32));
  if ((r.task_dist & dist::base_mask) == dist::arbitrary) {
    FLURM_TRY(layout.node_of_task, nodes_of_tasks(view, r, chosen));
  }
  FLURM_TRY(auto tasks, lay_out_tasks(layout));

  const bool everything = !(r.flags & flag::overcommit) && out.cpu_count == allocation.total_cpus();
  out.cpu_count = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const NodeShare& share = chosen[i];
    const model::Node& node = *view.nodes.find(share.node);
    model::StepShare& mine = out.shares.emplace_back();
    mine.node = share.node;
    mine.tasks = std::move(tasks[i]);
    const auto count = static_cast<std::uint32_t>(mine.tasks.size());
    const std::uint32_t asked = r.flags & flag::whole ? share.cpus : count * out.cpus_per_task;
    std::uint32_t cpus = asked;
    const std::uint32_t used = used_threads_per_core(view, r, node);
    if (!(r.flags & flag::whole) && used < node.config.threads) cpus = (cpus + used - 1) / used * node.config.threads;
    mine.cpus = static_cast<std::uint16_t>(std::min<std::uint32_t>(cpus, 0xffff));
    out.cpu_count += mine.cpus;
    mine.memory_mib = memory_of(view, r, share, asked, node);
    const auto use = view.uses.find(share.node);
    const CoreWish wish{.tasks = count,
                        .cpus_per_task = out.cpus_per_task,
                        .all = everything || (r.flags & flag::whole) != 0,
                        .overcommit = (r.flags & flag::overcommit) != 0,
                        .shares = (r.flags & flag::overlap) != 0,
                        .task_dist = r.task_dist,
                        .cpus_per_core = cpus_per_core(view, r, node)};
    FLURM_TRY(mine.cores, take_cores(node.config, share, use == view.uses.end() ? StepUse{} : use->second, wish));
    if (!gres.wanted()) continue;
    FLURM_TRY(mine.gres, gres.take(share, mine.cores, count, static_cast<std::uint32_t>(chosen.size() - i)));
    if (const std::uint64_t memory = gres.memory_for(mine.gres)) {
      mine.memory_mib = memory;
      out.counts_memory = out.counts_cpus;
    }
  }
  // The rule by which the state will take it: what it would refuse is not proposed.
  if (!model::fits(allocation, view.uses, r, out, (view.settings.cr_type & kCountMemory) != 0))
    return fail(Errc::nodes_busy, "its cores or memory are in use");
  return out;
}

model::StepPlacement interactive_placement(const model::Job& job) {
  model::StepPlacement out;
  const NodeShare& first = job.allocation->shares.front();
  out.num_tasks = 1;
  out.counts_cpus = out.counts_memory = false;
  out.shares.push_back({.node = first.node, .cpus = 0, .memory_mib = 0, .cores = first.cores, .tasks = {0}});
  return out;
}

}  // namespace flurm::sched
