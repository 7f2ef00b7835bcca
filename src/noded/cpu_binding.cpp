// noded/cpu_binding.cpp — see cpu_binding.hpp.
#include "noded/cpu_binding.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "fmt/format.h"

namespace flurm::noded {
namespace {

/// CPUs by number; abstract or the system's.
using Cpus = std::vector<bool>;

constexpr std::uint16_t kUnits = cpu_bind_to_threads | cpu_bind_to_cores | cpu_bind_to_sockets | cpu_bind_to_ldoms;
constexpr std::uint16_t kModes =
    cpu_bind_none | cpu_bind_rank | cpu_bind_map | cpu_bind_mask | cpu_bind_ldrank | cpu_bind_ldmap | cpu_bind_ldmask;
constexpr std::uint32_t kAutoThreads = 0x04000, kAutoCores = 0x10000, kAutoSockets = 0x20000;
/// Distribution over nodes and sockets (slurm 22.05 slurm/slurm.h SLURM_DIST_*).
constexpr std::uint32_t kNodeSocketMask = 0xf0ff, kCyclic = 0x1, kBlock = 0x2, kArbitrary = 0x3, kPlane = 0x4,
                        kCyclicBlock = 0x21, kBlockBlock = 0x22, kCyclicFull = 0x31, kBlockFull = 0x32,
                        kUnknown = 0x2000;
constexpr std::uint16_t kThreadSpec = 0x8000;

std::size_t count(const Cpus& cpus) { return static_cast<std::size_t>(std::ranges::count(cpus, true)); }

/// "0x0f": a digit per four CPUs, the last one first.
std::string hex_mask(const Cpus& cpus) {
  std::string digits;
  for (std::size_t digit = (cpus.size() + 3) / 4; digit-- > 0;) {
    unsigned value = 0;
    for (std::size_t bit = 0; bit < 4; ++bit) {
      if (digit * 4 + bit < cpus.size() && cpus[digit * 4 + bit]) value |= 1u << bit;
    }
    digits.push_back("0123456789ABCDEF"[value]);
  }
  return "0x" + digits;
}

std::optional<Cpus> parse_mask(std::string_view text, std::size_t size) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  Cpus cpus(size);
  std::size_t at = 0;
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, at += 4) {
    unsigned value = 0;
    if (std::from_chars(&*digit, &*digit + 1, value, 16).ec != std::errc{}) return std::nullopt;
    for (std::size_t bit = 0; bit < 4; ++bit) {
      if (value & (1u << bit) && at + bit < size) cpus[at + bit] = true;
    }
  }
  return cpus;
}

std::optional<std::uint32_t> parse_number(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> items;
  while (!list.empty()) {
    const auto comma = list.find(',');
    items.push_back(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  }
  return items;
}

std::vector<std::uint64_t> words(const Cpus& cpus) {
  std::vector<std::uint64_t> out((cpus.size() + 63) / 64);
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    if (cpus[i]) out[i / 64] |= std::uint64_t{1} << (i % 64);
  }
  return out;
}

class Binder {
 public:
  Binder(const wire::LaunchTasks& order, std::uint32_t node_rank, const CoreRange& cores, const NodeShape& node,
         const CpuMap& map, const BindDefaults& defaults)
      : order_(order),
        cores_(cores),
        node_(node),
        map_(map),
        defaults_(defaults),
        size_(map.system_number.size()),
        tasks_(order.tasks[node_rank].global_task_ids.size()),
        cpus_per_task_(std::max<std::size_t>(order.cpus_per_task == kNoVal16 ? 1 : order.cpus_per_task, 1)),
        type_(order.cpu_bind_type) {
    if (node_.cpus == node_.sockets * node_.cores_per_socket) type_ |= cpu_bind_one_thread_per_core;
    find_available();
    count_whole();
  }

  Result<Binding> bind() {
    if (type_ & kModes) return as_asked();
    if (!(type_ & kUnits)) {
      const std::uint16_t unit = natural_unit();
      if (unit == 0) return all_of_the_step();
      type_ |= unit;
    }
    return distribute();
  }

 private:
  std::size_t threads() const { return std::max<std::size_t>(node_.threads_per_core, 1); }
  std::size_t per_socket() const { return node_.cores_per_socket * threads(); }

  /// The step's CPUs. The credential knows cores alone, of a node that may look larger than it is: numbers wrap around.
  void find_available() {
    available_.assign(size_, false);
    const std::size_t real = std::size_t{node_.sockets} * node_.cores_per_socket;
    const std::size_t known = std::min<std::size_t>(std::size_t{cores_.sockets} * cores_.cores_per_socket, real);
    for (std::uint32_t i = 0; i < cores_.count && known > 0; ++i) {
      if (!order_.cred.step_core_bitmap.test(cores_.first + i)) continue;
      for (std::size_t t = 0; t < threads(); ++t) {
        available_[((i % known) % size_ * threads() + t) % size_] = true;
      }
    }
    // Threads that the job set aside for the system, from the last of each kind on.
    if (order_.job_core_spec == kNoVal16 || !(order_.job_core_spec & kThreadSpec)) return;
    std::size_t spared = order_.job_core_spec & ~kThreadSpec;
    for (std::size_t t = threads(); t-- > 0;) {
      for (std::size_t c = node_.cores_per_socket; c-- > 0;) {
        for (std::size_t s = node_.sockets; s-- > 0 && spared > 0; --spared) {
          available_[((s * node_.cores_per_socket + c) * threads() + t) % size_] = false;
        }
      }
    }
  }

  void count_whole() {
    std::size_t i = 0;
    for (std::size_t s = 0; s < node_.sockets; ++s) {
      std::size_t of_socket = 0;
      for (std::size_t c = 0; c < node_.cores_per_socket; ++c) {
        std::size_t of_core = 0;
        for (std::size_t t = 0; t < threads(); ++t, ++i) of_core += available_[i % size_];
        whole_threads_ += of_core;
        of_socket += of_core;
        if (of_core == threads())
          ++whole_cores_;
        else if (of_core > 0)
          ++part_cores_;
      }
      if (of_socket == per_socket())
        ++whole_sockets_;
      else if (of_socket > 0)
        ++part_sockets_;
    }
  }
  bool whole_node() const { return whole_threads_ == node_.sockets * per_socket(); }

  Cpus to_system(const Cpus& abstract) const {
    Cpus out(size_);
    for (std::size_t i = 0; i < abstract.size(); ++i) {
      if (abstract[i] && map_.system_number[i] < size_) out[map_.system_number[i]] = true;
    }
    return out;
  }

  Binding all_of_the_step() {
    Binding binding;
    binding.type = static_cast<std::uint16_t>((type_ & ~kModes) | cpu_bind_mask);
    const Cpus cpus = to_system(available_);
    binding.list = hex_mask(cpus);
    binding.cpus.assign(tasks_, words(cpus));
    return binding;
  }

  // --- as the user said ---------------------------------------------------------------------------------------------

  Result<Binding> as_asked() {
    const Cpus allowed = to_system(available_);
    const bool by_list = type_ & (cpu_bind_map | cpu_bind_mask);
    const bool specialized = order_.job_core_spec != kNoVal16;
    if (!whole_node() && !specialized && !by_list) {
      if (!(type_ & cpu_bind_none)) return fail(Errc::node_cpu_bind, "Entire node must be allocated");
      return all_of_the_step();
    }
    Binding binding{.type = type_, .list = order_.cpu_bind, .cpus = {}};
    if (by_list && !specialized) FLURM_TRY_VOID(stay_inside(allowed, binding));
    for (std::size_t task = 0; task < tasks_; ++task) {
      FLURM_TRY(Cpus cpus, cpus_asked_for(binding.list, task));
      binding.cpus.push_back(type_ & cpu_bind_none ? std::vector<std::uint64_t>{} : words(cpus));
    }
    return binding;
  }

  Result<void> stay_inside(const Cpus& allowed, const Binding& binding) const {
    for (const std::string_view item : split(binding.list)) {
      bool inside = true;
      if (type_ & cpu_bind_mask) {
        const Cpus wanted = parse_mask(item, size_).value_or(Cpus(size_));
        for (std::size_t i = 0; i < size_; ++i) inside = inside && (!wanted[i] || allowed[i]);
      } else {
        const auto number = parse_number(item);
        inside = number && *number < size_ && allowed[*number];
      }
      if (inside) continue;
      return fail(Errc::node_cpu_bind, "CPU binding outside of job step allocation, allocated CPUs are: {}.",
                  hex_mask(allowed));
    }
    if (binding.list.empty()) return fail(Errc::node_cpu_bind, "No list of CPU IDs or masks provided to --cpu-bind");
    return {};
  }

  /// Tasks beyond the list begin it anew.
  Result<Cpus> cpus_asked_for(const std::string& list, std::size_t task) const {
    Cpus cpus(size_);
    if (type_ & cpu_bind_none) return cpus;
    if (type_ & cpu_bind_rank) {
      cpus[task % std::max<std::size_t>(std::size_t{order_.node_cpus} * threads(), 1) % size_] = true;
      return cpus;
    }
    if (type_ & cpu_bind_ldrank) {
      add_numa_node(cpus, task);
      return cpus;
    }
    const auto items = split(list);
    if (items.empty()) return fail(Errc::node_cpu_bind, "No list provided to --cpu-bind");
    const std::string_view item = items[task % items.size()];
    if (type_ & (cpu_bind_mask | cpu_bind_ldmask)) {
      const auto mask = parse_mask(item, size_);
      if (!mask) return fail(Errc::node_cpu_bind, "mask {}", item);
      if (type_ & cpu_bind_mask) return *mask;
      for (std::size_t i = 0; i < size_; ++i) {
        if ((*mask)[i]) add_numa_node(cpus, i);
      }
      return cpus;
    }
    const auto number = parse_number(item);
    if (!number) return fail(Errc::node_cpu_bind, "number {}", item);
    if (type_ & cpu_bind_ldmap) {
      add_numa_node(cpus, *number);
    } else if (*number < size_) {
      cpus[*number] = true;
    }
    return cpus;
  }

  void add_numa_node(Cpus& cpus, std::size_t node) const {
    const std::size_t nodes = *std::ranges::max_element(map_.numa_node) + 1;
    for (std::size_t i = 0; i < size_ && i < map_.numa_node.size(); ++i) {
      if (map_.numa_node[i] == node % nodes) cpus[i] = true;
    }
  }

  // --- by Slurm's rules ---------------------------------------------------------------------------------------------

  std::uint16_t natural_unit() const {
    const std::size_t wanted = tasks_ * cpus_per_task_;
    const bool threads_spared =
        order_.job_core_spec != kNoVal16 && (order_.job_core_spec & kThreadSpec) && order_.job_core_spec != kThreadSpec;
    if ((wanted == whole_sockets_ && part_sockets_ == 0) ||
        (threads_spared && wanted == whole_sockets_ + part_sockets_)) {
      return cpu_bind_to_sockets;
    }
    if ((wanted == whole_cores_ && part_cores_ == 0) || (threads_spared && wanted == whole_cores_ + part_cores_)) {
      return cpu_bind_to_cores;
    }
    if (wanted == whole_threads_) return cpu_bind_to_threads;
    if (defaults_.task_plugin_param & kAutoThreads) return cpu_bind_to_threads;
    if (defaults_.task_plugin_param & kAutoCores) return cpu_bind_to_cores;
    if (defaults_.task_plugin_param & kAutoSockets) return cpu_bind_to_sockets;
    return 0;
  }

  Result<Binding> distribute() {
    const std::uint32_t distribution = order_.task_dist & kNodeSocketMask;
    const bool plain =
        distribution == kArbitrary || distribution == kBlock || distribution == kCyclic || distribution == kUnknown;
    const bool block = distribution == kBlockBlock || distribution == kCyclicBlock || distribution == kPlane ||
                       (plain && defaults_.block_by_default);
    if (order_.threads_per_core != 0 && order_.threads_per_core != kNoVal16) {
      threads_used_ = order_.threads_per_core;
    } else if (type_ & cpu_bind_one_thread_per_core) {
      threads_used_ = 1;
    }
    const std::size_t have = count(available_);
    const bool too_few = have < tasks_ || (threads_used_ != 0 && have < cpus_per_task_ * (threads() / threads_used_));
    std::vector<Cpus> masks(tasks_, Cpus(size_));
    if (!too_few) cpus_per_task_ = std::min(cpus_per_task_, have / std::max<std::size_t>(tasks_, 1));
    if (too_few || !(block ? by_block(masks) : by_turns(masks, distribution))) {
      if (order_.flags & wire::launch_overcommit) return all_of_the_step();
      return fail(Errc::node_cpu_layout, "{} tasks of {} CPUs on {}", tasks_, cpus_per_task_, have);
    }
    widen(masks);
    Binding binding;
    for (const Cpus& mask : masks) {
      const Cpus cpus = to_system(mask);
      binding.list += (binding.list.empty() ? "" : ",") + hex_mask(cpus);
      binding.cpus.push_back(words(cpus));
    }
    binding.type = static_cast<std::uint16_t>((type_ | cpu_bind_mask) & ~kUnits);
    return binding;
  }

  bool core_is_full(std::size_t core) const {
    return (order_.ntasks_per_core != 0 && tasks_on_core_[core] >= order_.ntasks_per_core) ||
           (threads_used_ != 0 && threads_on_core_[core] >= threads_used_);
  }
  /// A task bound to cores leaves the rest of its last core to nobody.
  std::size_t threads_left_over() const {
    if (!(type_ & cpu_bind_to_cores) && order_.ntasks_per_core != 1) return 0;
    return cpus_per_task_ < threads() ? threads() - cpus_per_task_ : cpus_per_task_ % threads();
  }
  void forget_counts() {
    const std::size_t units = std::max<std::size_t>(node_.sockets * node_.cores_per_socket, size_);
    tasks_on_core_.assign(units, 0);
    threads_on_core_.assign(units, 0);
    tasks_on_socket_.assign(units, 0);
  }

  /// One task after the other over the CPUs in their order.
  bool by_block(std::vector<Cpus>& masks) {
    std::size_t task = 0, taken = 0;
    while (task < tasks_) {
      const std::size_t before = task;
      forget_counts();
      for (std::size_t i = 0; i < size_ && task < tasks_; ++i) {
        const std::size_t core = i / threads(), socket = i / per_socket();
        if (!available_[i] || core_is_full(core)) continue;
        if (order_.ntasks_per_socket != 0 && tasks_on_socket_[socket] >= order_.ntasks_per_socket) continue;
        masks[task][i] = true;
        ++threads_on_core_[core];
        if (++taken < cpus_per_task_) continue;
        taken = 0;
        ++tasks_on_core_[core];
        ++tasks_on_socket_[socket];
        i += threads_left_over();
        ++task;
      }
      if (task == before) return false;
    }
    return true;
  }

  /// Task after task, each on the next socket; with "fcyclic" each CPU on the next socket.
  bool by_turns(std::vector<Cpus>& masks, std::uint32_t distribution) {
    const bool each_cpu = distribution == kCyclicFull || distribution == kBlockFull;
    std::vector<std::size_t> next(node_.sockets, 0);
    std::size_t task = 0, taken = 0, socket = 0, before = 0;
    forget_counts();
    // A round has as many looks as the machine has CPUs, and a task must come out of each. Where the node is said to be
    // larger than the machine, a round does not see all of it, and fails earlier than it had to: as in slurmd.
    for (std::size_t looks = 0; task < tasks_; ++looks) {
      if (looks != 0 && looks % size_ == 0) {
        if (task == before) return false;
        before = task;
      }
      const std::size_t first = socket;
      while (next[socket] >= per_socket()) {
        socket = (socket + 1) % node_.sockets;
        if (socket != first) continue;
        forget_counts();  // all are full: the next round begins
        std::ranges::fill(next, 0);
      }
      const std::size_t cpu = (next[socket]++ + socket * per_socket()) % size_, core = cpu / threads();
      if (!available_[cpu] || core_is_full(core)) continue;
      masks[task][cpu] = true;
      ++threads_on_core_[core];
      const std::size_t on = socket;
      if (each_cpu) socket = (socket + 1) % node_.sockets;
      if (++taken < cpus_per_task_) continue;
      taken = 0;
      ++tasks_on_core_[core];
      next[each_cpu ? socket : on] += threads_left_over();
      if (!each_cpu) socket = (socket + 1) % node_.sockets;
      ++task;
    }
    return true;
  }

  /// From the CPUs a task got to all of the step's in the same core, socket or NUMA node.
  void widen(std::vector<Cpus>& masks) const {
    std::size_t unit = 1;
    if (type_ & cpu_bind_to_threads)
      unit = 1;
    else if (type_ & cpu_bind_to_cores)
      unit = threads();
    else if (type_ & cpu_bind_to_sockets)
      unit = std::max<std::size_t>(size_ / node_.sockets, 1);
    for (Cpus& mask : masks) {
      const Cpus before = mask;
      for (std::size_t i = 0; i < size_ && unit > 1; ++i) {
        if (!before[i]) continue;
        const std::size_t start = i / unit * unit;
        for (std::size_t j = start; j < std::min(start + unit, size_); ++j) mask[j] = mask[j] || available_[j];
      }
      if (!(type_ & cpu_bind_to_ldoms)) continue;
      Cpus whole(size_);
      for (std::size_t i = 0; i < size_; ++i) {
        if (before[i]) add_numa_node(whole, map_.numa_node[map_.system_number[i]]);
      }
      for (std::size_t i = 0; i < size_; ++i) mask[i] = whole[map_.system_number[i]];
    }
  }

  const wire::LaunchTasks& order_;
  const CoreRange& cores_;
  const NodeShape& node_;
  const CpuMap& map_;
  const BindDefaults& defaults_;
  std::size_t size_, tasks_, cpus_per_task_;
  std::uint16_t type_;
  Cpus available_;
  std::size_t whole_sockets_ = 0, part_sockets_ = 0, whole_cores_ = 0, part_cores_ = 0, whole_threads_ = 0;
  std::size_t threads_used_ = 0;  ///< of each core; 0: all
  std::vector<std::size_t> tasks_on_core_, threads_on_core_, tasks_on_socket_;
};

}  // namespace

Result<Binding> bind_tasks(const wire::LaunchTasks& order, std::uint32_t node_rank, const CoreRange& cores,
                           const NodeShape& node, const CpuMap& map, const BindDefaults& defaults) {
  const bool usable = !map.system_number.empty() && node.sockets > 0 && node.cores_per_socket > 0 &&
                      map.numa_node.size() >= map.system_number.size();
  if (!usable) return fail(Errc::node_cpu_layout, "the CPUs of this machine are not known");
  return Binder(order, node_rank, cores, node, map, defaults).bind();
}

std::string bind_report(const Binding& binding, const std::string& node_name, std::uint32_t global_id,
                        std::uint32_t local_id) {
  if (!(binding.type & cpu_bind_verbose)) return {};
  struct Name {
    std::uint16_t bit;
    std::string_view text;
  };
  constexpr Name kNames[] = {{cpu_bind_none, "NONE"},    {cpu_bind_rank, "RANK"},     {cpu_bind_map, "MAP "},
                             {cpu_bind_mask, "MASK"},    {cpu_bind_ldrank, "LDRANK"}, {cpu_bind_ldmap, "LDMAP "},
                             {cpu_bind_ldmask, "LDMASK"}};
  const auto* name = std::ranges::find_if(kNames, [&](const Name& each) { return binding.type & each.bit; });
  const std::vector<std::uint64_t>& cpus = binding.cpus[local_id];
  std::string mask;
  for (auto word = cpus.rbegin(); word != cpus.rend(); ++word) {
    if (mask.empty() && *word == 0) continue;
    mask += mask.empty() ? fmt::format("{:X}", *word) : fmt::format("{:016X}", *word);
  }
  return fmt::format("cpu-bind={} - {}, task {:2} {:2} [{{}}]: mask 0x{}{}",
                     name == std::end(kNames) ? "NULL" : name->text, node_name, global_id, local_id,
                     mask.empty() ? "0" : mask, binding.type & cpu_bind_none || name == std::end(kNames) ? "" : " set");
}

}  // namespace flurm::noded
