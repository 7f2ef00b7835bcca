// sched/gres.cpp — what a node can give of generic resources, and the cores that go with it.
#include "sched/gres.hpp"

#include <algorithm>
#include <numeric>

#include "sched/offer.hpp"

namespace flurm::sched {
namespace {

using model::GresGroup;
using model::GresPool;
using model::GresUse;
using model::GresWish;

GresUse use_of(const GresPool& pool, const NodeUse& use) {
  GresUse sum;
  sum.on_device.resize(pool.devices);
  sum.of_type.resize(pool.types.size());
  for (const model::GresShare& share : use.gres)
    if (share.name == pool.name) model::add_gres_use(sum, pool, share);
  return sum;
}

/// Devices that are in use in another form: as parts of gpus, or as gpus.
std::vector<Word> used_otherwise(const NodeInfo& node, const GresPool& pool, const NodeUse& use) {
  std::vector<Word> mask;
  if (!pool.shared && pool.name != "gpu") return mask;
  for (const GresPool& other : node.gres) {
    if (&other == &pool || !(pool.shared ? other.name == "gpu" || other.shared : other.shared)) continue;
    for (const model::GresShare& share : use.gres)
      if (share.name == other.name)
        for (std::uint32_t device = 0; device < pool.devices; ++device)
          if (model::has_device(share.devices, device)) model::set_device(mask, device);
  }
  return mask;
}

bool socket_has(const NodeInfo& node, std::span<const Word> cores, std::uint32_t socket) {
  for (std::uint32_t core = socket * node.cores; core < (socket + 1u) * node.cores; ++core)
    if (model::has_device(cores, core)) return true;
  return false;
}

/// The one socket that a group is counted for; node.sockets when it lies near all, or (must) none that has a free core.
std::uint32_t socket_of(const NodeInfo& node, const GresGroup& group, Near near, ConstCores free, bool& everywhere) {
  everywhere = true;
  for (std::uint32_t s = 0; s < node.sockets && everywhere && !group.cores.empty(); ++s)
    everywhere = socket_has(node, group.cores, s);
  if (everywhere) return node.sockets;
  for (std::uint32_t s = 0; s < node.sockets; ++s) {
    if (near == Near::must && count(free, s * node.cores, node.cores) == 0) continue;
    if (socket_has(node, group.cores, s)) return s;
  }
  return node.sockets;
}

void count_devices(const NodeInfo& node, const NodeUse& use, Near near, ConstCores free, GresRoom& room) {
  const GresPool& pool = *room.pool;
  const GresUse held = use_of(pool, use);
  const std::vector<Word> elsewhere = used_otherwise(node, pool, use);
  room.by_socket.assign(node.sockets, 0);
  room.socket_devices.assign(node.sockets, {});
  for (const GresGroup& group : pool.groups) {
    if (!room.wish->type.empty() && group.type != room.wish->type) continue;
    bool everywhere = false;
    const std::uint32_t socket = socket_of(node, group, near, free, everywhere);
    if (socket == node.sockets && !everywhere) continue;
    std::vector<Word>& devices = everywhere ? room.any_devices : room.socket_devices[socket];
    std::uint64_t available = 0;
    for (std::uint32_t device = group.first; device < group.first + group.devices; ++device) {
      if (model::has_device(elsewhere, device)) continue;
      const std::uint64_t used = held.on_device[device];
      if (pool.shared && pool.one_sharing && held.count != 0 && used == 0) continue;
      const std::uint64_t here =
          (pool.shared ? group.count : 1) - std::min<std::uint64_t>(used, pool.shared ? group.count : 1);
      if (here == 0) continue;
      model::set_device(devices, device);
      available += here;
    }
    if (pool.shared) room.most = std::max(room.most, available);  // all of it lies on one device
    (everywhere ? room.any : room.by_socket[socket]) += available;
    room.total += available;
  }
}

/// Where devices are not told apart, there are only numbers.
void count_types(const NodeUse& use, std::uint64_t least, GresRoom& room) {
  const GresPool& pool = *room.pool;
  const GresUse held = use_of(pool, use);
  const std::uint64_t left = pool.count - std::min(pool.count, held.count);
  if (pool.types.empty()) {
    room.any = room.wish->type.empty() && left >= least ? left : 0;
  } else {
    for (std::size_t t = 0; t < pool.types.size(); ++t) {
      const model::GresType& type = pool.types[t];
      if (!room.wish->type.empty() && type.name != room.wish->type) continue;
      const std::uint64_t here = std::min(left, type.count - std::min(type.count, held.of_type[t]));
      if (here >= least) room.any += here;
    }
    room.any = std::min(room.any, left);
  }
  room.total = room.any;
}

/// --gpus-per-socket: sockets that have too few give none, the others no more than wanted.
void keep_to_sockets(const NodeInfo& node, Near near, Cores free, GresRoom& room) {
  const std::uint64_t wanted = room.wish->per_socket;
  if (wanted == 0 || room.by_socket.empty()) return;
  for (std::uint32_t s = 0; s < node.sockets; ++s) {
    std::uint64_t& here = room.by_socket[s];
    const std::uint64_t kept = here < wanted ? 0 : wanted;
    if (kept == 0 && room.any == 0 && near == Near::must) clear(free, s * node.cores, node.cores);
    room.total -= here - kept;
    here = kept;
  }
}

std::uint32_t cpus_each(const Demand& d, const GresWish& wish) {
  if (wish.cpus_each != 0) return wish.cpus_each;
  return wish.tasks_each * std::uint32_t{d.cpus_per_task};
}

std::uint64_t least_here(const Demand& d, const GresWish& wish) {
  std::uint64_t least = std::max<std::uint64_t>(wish.per_node, 1);
  if (wish.per_socket != 0) least = std::max(least, wish.per_socket * std::max<std::uint64_t>(d.sockets, 1));
  if (wish.per_task != 0) least = std::max(least, wish.per_task * std::max<std::uint64_t>(d.tasks_per_node, 1));
  return least;
}

/// Limits by CPUs and memory for each; false when too few are left.
bool limit(const Demand& d, const NodeInfo& node, const NodeUse& use, Near near, ConstCores free, GresRoom& room) {
  const GresWish& wish = *room.wish;
  if (near == Near::must)
    for (std::uint32_t s = 0; s < room.by_socket.size(); ++s)
      if (count(free, s * node.cores, node.cores) == 0) room.total -= std::exchange(room.by_socket[s], 0);
  const auto at_most = [&](std::uint64_t most) { room.most = room.most == 0 ? most : std::min(room.most, most); };
  if (!d.all_gres && wish.per_node != 0)
    at_most(wish.per_node);
  else if (!d.all_gres && wish.per_job != 0)
    at_most(wish.per_job);
  if (const std::uint32_t cpus = cpus_each(d, wish)) {
    const std::uint64_t most = std::uint64_t{count(free)} * node.cpus_per_core / cpus;
    if (most == 0) return false;
    at_most(most);
  }
  if (wish.memory_each_mib != 0 && d.counts_memory) {
    const std::uint64_t most = (node.memory_mib - std::min(node.memory_mib, use.memory_mib)) / wish.memory_each_mib;
    if (most == 0) return false;
    at_most(most);
    room.total = std::min(room.total, most);
  }
  const std::uint64_t least =
      d.all_gres && !room.pool->shared ? std::max<std::uint64_t>(wish.per_node, 1) : least_here(d, wish);
  return room.total >= least && (room.most == 0 || room.most >= least);
}

/// Cores by socket, while those that the job does not take are given up.
class CoreLimit {
 public:
  CoreLimit(const Demand& d, const NodeInfo& node, Cores free, std::uint32_t& cpus)
      : d_(d), node_(node), free_(free), cpus_(cpus), on_socket_(node.sockets), required_(node.sockets) {
    for (std::uint32_t s = 0; s < node.sockets; ++s) on_socket_[s] = count(free, s * node.cores, node.cores);
    total_ = std::accumulate(on_socket_.begin(), on_socket_.end(), 0u);
    set_tasks();
  }

  bool keep(GresRoom& room, Near near) {
    const GresWish& wish = *room.wish;
    if (tasks_max_ == 0) return false;
    if (wish.per_node && wish.per_task && (wish.per_node / wish.per_task < tasks_min_)) return false;
    const std::uint32_t each = cpus_each(d_, wish);
    const std::uint64_t available = gather(room, near, each);
    std::uint64_t usable = available;
    if (each != 0) {
      usable = std::min<std::uint64_t>(usable, cpus_ / each);
      if (room.most != 0) usable = std::min(usable, room.most);
    }
    if (usable == 0 || wish.per_node > usable || wish.per_task > usable) return false;
    if (wish.per_task != 0)
      tasks_max_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(tasks_max_, usable / wish.per_task));
    tasks_max_ -= tasks_max_ % tasks_min_;
    if (tasks_max_ == 0) return false;
    if (near != Near::need_not)
      for (std::uint32_t s = 0; s < node_.sockets; ++s)
        while (!required_[s] && on_socket_[s] > 0) drop_from(s);
    if (tasks_max_ == kNoVal32) {
      if (each != 0) room.total = std::min<std::uint64_t>(room.total, cpus_ / each);
      return true;
    }
    return trim(room, near, each, usable);
  }

  void finish() {
    if (!has_cpus_each_) cpus_ = std::min<std::uint64_t>(cpus_, std::uint64_t{tasks_max_} * d_.cpus_per_task);
  }
  void note_cpus_each() { has_cpus_each_ = true; }

 private:
  void set_tasks() {
    if (d_.tasks_per_node != 0) {
      tasks_min_ = tasks_max_ = d_.tasks_per_node;
    } else if (d_.tasks_per_socket != 0) {
      tasks_min_ = d_.tasks_per_socket;
      tasks_max_ = std::uint32_t{d_.tasks_per_socket} * node_.sockets;
    } else if (d_.tasks != 0 && (d_.max_nodes == 1 || d_.asked_max_nodes == 1)) {
      tasks_min_ = tasks_max_ = d_.tasks;
    } else if (d_.tasks == 1 || (d_.tasks == d_.min_nodes && d_.tasks == d_.asked_max_nodes)) {
      tasks_min_ = tasks_max_ = 1;
    }
    if (d_.overcommit) return;
    const std::uint32_t fitting = cpus_ / d_.cpus_per_task;
    tasks_max_ = fitting < tasks_min_ ? 0 : std::min(tasks_max_, fitting);
  }

  void drop_from(std::uint32_t socket) {
    for (std::uint32_t core = (socket + 1u) * node_.cores; core-- > socket * node_.cores;) {
      if (!has(free_, core)) continue;
      clear(free_, core);
      --on_socket_[socket];
      --total_;
      if (total_ * node_.cpus_per_core < cpus_) cpus_ -= std::min<std::uint32_t>(cpus_, node_.cpus_per_core);
      return;
    }
  }

  /// Which sockets the devices come from: those with most free cores first, until they are enough.
  std::uint64_t gather(GresRoom& room, Near near, std::uint32_t each) {
    const GresWish& wish = *room.wish;
    std::vector<std::uint32_t> order(node_.sockets);
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, [&](std::uint32_t a, std::uint32_t b) { return on_socket_[a] > on_socket_[b]; });
    const std::uint32_t cores_least =
        (std::max(tasks_min_, 1u) * d_.cpus_per_task + node_.cpus_per_core - 1) / node_.cpus_per_core;
    std::uint64_t sum = room.any;
    bool enough = false;
    for (std::uint32_t s : order) {
      std::uint64_t here = s < room.by_socket.size() ? room.by_socket[s] : 0;
      if (near != Near::need_not && each != 0)
        here = std::min<std::uint64_t>(here, std::uint64_t{on_socket_[s]} * node_.cpus_per_core / each);
      const std::uint64_t with_any = room.any + here;
      if (with_any == 0 || wish.per_socket > with_any) {
        if (s < room.by_socket.size() && (wish.per_socket > with_any || near == Near::must))
          room.total -= std::exchange(room.by_socket[s], 0);
        while (near != Near::need_not && on_socket_[s] > 0 && total_ > cores_least) drop_from(s);
      }
      if (near != Near::need_not && on_socket_[s] == 0) continue;
      sum += here;
      if ((!enough && here != 0) || room.any != 0) required_[s] = true;
      enough = enough || (room.most != 0 && sum >= room.most) || (wish.per_node != 0 && sum >= wish.per_node);
    }
    return sum;
  }

  /// Leaves as many cores as the tasks and devices need, spread over the sockets that are required.
  bool trim(GresRoom& room, Near near, std::uint32_t each, std::uint64_t usable) {
    const GresWish& wish = *room.wish;
    const std::uint32_t per_core = cpus_per_core(d_, node_);
    std::uint64_t cores = 0;
    for (;; --tasks_max_) {
      if (tasks_max_ < tasks_min_) return false;
      cores = (std::uint64_t{tasks_max_} * d_.cpus_per_task + per_core - 1) / per_core;
      if (cores <= total_) break;
    }
    if (each != 0) {
      const auto sockets = static_cast<std::uint64_t>(std::ranges::count(required_, true));
      const std::uint64_t wanted = wish.per_node     ? wish.per_node
                                   : wish.per_socket ? wish.per_socket * sockets
                                   : wish.per_task   ? wish.per_task * tasks_max_
                                                     : usable;
      cores = std::max(cores, (wanted * each + node_.cpus_per_core - 1) / node_.cpus_per_core);
    }
    if (near == Near::must) cores = std::max<std::uint64_t>(cores, std::ranges::count(required_, true));
    if (cores > total_ || (near == Near::must && cores * per_core > cpus_)) return false;
    for (std::uint32_t s = 0; near == Near::need_not && s < node_.sockets; ++s)
      while (!required_[s] && on_socket_[s] > 0 && total_ > cores) drop_from(s);
    while (total_ > cores) {
      std::uint32_t fullest = node_.sockets;
      for (std::uint32_t s = 0; s < node_.sockets; ++s)
        if (required_[s] && on_socket_[s] > 0 && (fullest == node_.sockets || on_socket_[s] > on_socket_[fullest]))
          fullest = s;
      if (fullest == node_.sockets) break;
      drop_from(fullest);
    }
    if (each != 0) {
      room.total = std::min<std::uint64_t>(room.total, cpus_ / each);
      if (wish.per_node > room.total || wish.per_task > room.total) return false;
    }
    return true;
  }

  const Demand& d_;
  const NodeInfo& node_;
  Cores free_;
  std::uint32_t& cpus_;
  std::vector<std::uint32_t> on_socket_;
  std::vector<bool> required_;
  std::uint32_t total_ = 0, tasks_min_ = 1, tasks_max_ = kNoVal32;
  bool has_cpus_each_ = false;
};

}  // namespace

std::vector<GresRoom> gres_rooms(const Demand& d, const NodeInfo& node, const NodeUse& use, Near near, Cores free) {
  std::vector<GresRoom> rooms;
  for (const GresWish& wish : d.gres) {
    GresRoom room;
    room.wish = &wish;
    const auto pool = std::ranges::find(node.gres, wish.name, &GresPool::name);
    if (pool == node.gres.end() || pool->count == 0) return {};
    room.pool = &*pool;
    if (pool->devices != 0)
      count_devices(node, use, near, free, room);
    else
      count_types(use, std::max({wish.per_node, wish.per_socket, wish.per_task, std::uint64_t{1}}), room);
    keep_to_sockets(node, near, free, room);
    if (room.total < std::max(wish.per_node, wish.per_task) || room.total == 0) return {};
    if (!limit(d, node, use, near, free, room)) return {};
    rooms.push_back(std::move(room));
  }
  // Kinds that are near some sockets choose first.
  std::ranges::stable_sort(rooms, {}, [](const GresRoom& room) {
    return (room.pool->told_apart ? 0 : 2) + (room.wish->per_socket != 0 ? 0 : 1);
  });
  return rooms;
}

bool fit_cores(const Demand& d, const NodeInfo& node, std::vector<GresRoom>& rooms, Near near, Cores free,
               std::uint32_t& cpus) {
  CoreLimit limit(d, node, free, cpus);
  for (GresRoom& room : rooms) {
    if (room.wish->cpus_each != 0) limit.note_cpus_each();
    if (!limit.keep(room, near)) return false;
  }
  limit.finish();
  return cpus != 0;
}

}  // namespace flurm::sched
