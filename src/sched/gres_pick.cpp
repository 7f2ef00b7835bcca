// sched/gres_pick.cpp — which devices a job gets on the nodes that were chosen for it.
// Source: slurm 22.05 select/cons_common gres_select_filter.c gres_select_filter_select_and_set().
#include <algorithm>

#include "sched/gres.hpp"

namespace flurm::sched {
namespace {

using model::GresPool;
using model::GresWish;

/// One wish on one node: devices are taken out of the room's masks.
class Picking {
 public:
  Picking(const GresNode& node, const GresRoom& room, const Demand& d)
      : node_(*node.node), room_(room), cores_on_(node_.sockets), taken_(), tasks_on_(node_.sockets) {
    for (std::uint32_t s = 0; s < node_.sockets; ++s) cores_on_[s] = count(node.cores, s * node_.cores, node_.cores);
    deal_tasks(node, d.cpus_per_task);
    for (std::uint32_t cores : cores_on_) used_.push_back(cores != 0);
    reach_sockets(d.sockets);
    links_.assign(room.pool->links.empty() ? 0 : room.pool->devices, 0);
  }

  std::uint64_t taken() const { return count_; }
  const std::vector<Word>& devices() const { return taken_; }
  std::uint32_t total_cores() const {
    std::uint32_t sum = 0;
    for (std::uint32_t cores : cores_on_) sum += cores;
    return sum;
  }

  /// One near each socket that the job uses, more there, then any: those best linked to the ones taken come first.
  void for_node(std::uint64_t wanted) {
    for (std::int64_t s = -1; s < node_.sockets && count_ < wanted; ++s)
      if (s < 0 || uses(s)) take(s, 1, 0);
    for (int link = best_link(); link >= 0 && count_ < wanted; --link)
      for (std::int64_t s = -1; s < node_.sockets && count_ < wanted; ++s)
        if (s < 0 || uses(s)) take(s, wanted - count_, link);
    for (int link = best_link(); link >= 0 && count_ < wanted; --link)
      for (std::int64_t s = 0; s < node_.sockets && count_ < wanted; ++s)
        if (!uses(s)) take(s, wanted - count_, link);
  }

  void for_sockets(std::uint64_t each) {
    for (std::int64_t s = 0; s < node_.sockets; ++s) {
      if (!uses(s)) continue;
      const std::uint64_t before = count_;
      take(s, each, 0);
      take(-1, each - (count_ - before), 0);
    }
  }

  void for_tasks(std::uint64_t each) {
    std::uint64_t tasks = 0;
    for (std::int64_t s = -1; s < node_.sockets; ++s) {
      if (s >= 0) tasks += tasks_on_[static_cast<std::size_t>(s)];
      if (s < 0) tasks += tasks_on_.front();  // what is near no socket serves the first ones
      if (s > 0 && tasks_on_[static_cast<std::size_t>(s)] == 0) continue;
      if (s == 0) tasks = tasks_on_.front();
      if (count_ < tasks * each) take(s, tasks * each - count_, 0);
    }
    const std::uint64_t wanted = all_tasks() * each;
    for (int link = best_link(); link >= 0 && count_ < wanted; --link)
      for (std::int64_t s = -1; s < node_.sockets && count_ < wanted; ++s) take(s, wanted - count_, link);
  }
  std::uint64_t all_tasks() const {
    std::uint64_t sum = 0;
    for (std::uint32_t tasks : tasks_on_) sum += tasks;
    return sum;
  }

  /// Near the job's sockets; at least one wherever it lies. Of more than `wanted`, those are kept that are linked best.
  void for_job_near(std::uint64_t wanted) {
    const bool linked = wanted > 1 && !links_.empty();
    const std::uint64_t most = linked ? room_.pool->devices : wanted;
    for (std::int64_t s = -1; s < node_.sockets && count_ < most; ++s)
      if (s < 0 || uses(s)) take(s, most - count_, 0);
    for (std::int64_t s = 0; s < node_.sockets && count_ == 0; ++s) take(s, 1, 0);
    if (count_ > wanted) keep_best_linked(wanted);
  }
  void for_job_anywhere(std::uint64_t wanted) {
    for (std::int64_t s = -1; s < node_.sockets && count_ < wanted; ++s) take(s, wanted - count_, 0);
  }

  std::uint32_t sockets() const { return static_cast<std::uint32_t>(std::ranges::count(used_, true)); }
  bool uses(std::int64_t socket) const { return used_[static_cast<std::size_t>(socket)]; }

 private:
  /// A job that asks for more sockets than its cores lie on has devices near others, too.
  void reach_sockets(std::uint32_t wanted) {
    for (std::uint32_t s = 0; s < room_.socket_devices.size() && sockets() < wanted; ++s)
      if (const std::uint64_t free = model::device_count(room_.socket_devices[s]); free != 0 && !used_[s])
        used_[s] = free >= room_.wish->per_socket;
  }

  /// Tasks by socket, as the job's cores let them lie.
  void deal_tasks(const GresNode& node, std::uint32_t cpus_per_task) {
    std::uint32_t left = std::max(node.tasks, 1u);
    const std::uint32_t each = std::max(cpus_per_task, 1u);
    for (std::uint32_t s = 0; s < node_.sockets; ++s) {
      const std::uint32_t fit = std::max(cores_on_[s] * node_.cpus_per_core / each, cores_on_[s] != 0 ? 1u : 0u);
      tasks_on_[s] = std::min(left, fit);
      left -= tasks_on_[s];
    }
    for (std::uint32_t s = 0; left > 0 && s < node_.sockets; ++s)
      if (cores_on_[s] != 0) tasks_on_[s] += std::exchange(left, 0);
  }

  /// Up to `most` devices near a socket, -1: near none in particular, with at least so many links.
  void take(std::int64_t socket, std::uint64_t most, int link) {
    if (socket >= 0 && static_cast<std::size_t>(socket) >= room_.socket_devices.size()) return;
    const std::vector<Word>& from =
        socket < 0 ? room_.any_devices : room_.socket_devices[static_cast<std::size_t>(socket)];
    for (std::uint32_t device = 0; device < room_.pool->devices && most > 0; ++device) {
      if (!model::has_device(from, device) || model::has_device(taken_, device)) continue;
      if (!links_.empty() && links_[device] < link) continue;
      model::set_device(taken_, device);
      ++count_;
      --most;
      for (std::uint32_t other = 0; other < links_.size(); ++other)
        if (other != device) links_[other] += std::max(room_.pool->links[device][other], 0);
    }
  }

  int best_link() const {
    const auto best = std::ranges::max_element(links_);
    return best == links_.end() ? 0 : *best;
  }

  void keep_best_linked(std::uint64_t wanted) {
    const auto& links = room_.pool->links;
    std::uint32_t center = 0;
    int best = -1;
    for (std::uint32_t a = 0; a < links.size(); ++a)
      for (std::uint32_t b = a + 1; b < links.size(); ++b)
        if (model::has_device(taken_, a) && model::has_device(taken_, b) && links[a][b] > best) {
          best = links[a][b];
          center = a;
        }
    while (count_ > wanted) {
      std::uint32_t worst = room_.pool->devices;
      for (std::uint32_t device = 0; device < room_.pool->devices; ++device)
        if (device != center && model::has_device(taken_, device) &&
            (worst == room_.pool->devices || links[center][device] < links[center][worst]))
          worst = device;
      taken_[worst / 64] &= ~(Word{1} << (worst % 64));
      --count_;
    }
  }

  const NodeInfo& node_;
  const GresRoom& room_;
  std::vector<std::uint32_t> cores_on_;
  std::vector<bool> used_;  // sockets
  std::vector<Word> taken_;
  std::vector<std::uint32_t> tasks_on_;
  std::vector<int> links_;  // by device: to those taken
  std::uint64_t count_ = 0;
};

/// Shares of one device: near the job's sockets where there are enough.
bool pick_part(const GresNode& node, const GresRoom& room, const Picking& picking, std::uint64_t wanted,
               std::vector<Word>& mask) {
  model::GresUse held;
  held.on_device.resize(room.pool->devices);
  for (const model::GresShare& share : node.use->gres)
    if (share.name == room.pool->name) model::add_gres_use(held, *room.pool, share);
  const auto from = [&](const std::vector<Word>& devices) {
    for (const model::GresGroup& group : room.pool->groups)
      if (model::has_device(devices, group.first) && group.count >= held.on_device[group.first] + wanted) {
        model::set_device(mask, group.first);
        return true;
      }
    return false;
  };
  if (from(room.any_devices)) return true;
  for (const bool near : {true, false})
    for (std::uint32_t s = 0; s < room.socket_devices.size(); ++s)
      if (picking.uses(s) == near && from(room.socket_devices[s])) return true;
  return false;
}

/// Adds what was picked, a share for each type.
void add_devices(const GresRoom& room, const std::vector<Word>& mask, std::uint64_t part,
                 std::vector<model::GresShare>& out) {
  for (const model::GresGroup& group : room.pool->groups) {
    std::vector<Word> here;
    for (std::uint32_t device = group.first; device < group.first + group.devices; ++device)
      if (model::has_device(mask, device)) model::set_device(here, device);
    const std::uint32_t devices = model::device_count(here);
    if (devices == 0) continue;
    const auto same = std::ranges::find_if(
        out, [&](const model::GresShare& share) { return share.name == room.pool->name && share.type == group.type; });
    model::GresShare& share = same != out.end() ? *same
                                                : out.emplace_back(model::GresShare{.name = room.pool->name,
                                                                                    .type = group.type,
                                                                                    .count = 0,
                                                                                    .device_count = room.pool->devices,
                                                                                    .devices = {}});
    share.count += room.pool->shared ? part : devices;
    share.devices.resize(std::max(share.devices.size(), here.size()));
    for (std::size_t w = 0; w < here.size(); ++w) share.devices[w] |= here[w];
  }
}

/// The same where there are numbers only.
void add_counts(const GresNode& node, const GresRoom& room, std::uint64_t wanted, std::vector<model::GresShare>& out) {
  const GresPool& pool = *room.pool;
  const auto add = [&](const std::string& type, std::uint64_t count) {
    if (count != 0) out.push_back({.name = pool.name, .type = type, .count = count, .device_count = 0, .devices = {}});
  };
  if (pool.types.empty()) return add("", wanted);
  for (const model::GresType& type : pool.types) {
    if (!room.wish->type.empty() && type.name != room.wish->type) continue;
    std::uint64_t left = type.count;
    for (const model::GresShare& share : node.use->gres)
      if (share.name == pool.name && share.type == type.name) left -= std::min(left, share.count);
    const std::uint64_t here = std::min(left, wanted);
    add(type.name, here);
    wanted -= here;
  }
}

/// One wish of a job, on all of its nodes.
class WishPicker {
 public:
  WishPicker(const Demand& d, const GresWish& wish, std::vector<GresNode>& nodes) : d_(d), wish_(wish), nodes_(nodes) {}

  bool pick() {
    std::vector<const GresRoom*> rooms;
    std::vector<Picking> pickings;
    for (const GresNode& node : nodes_) {
      const auto room = std::ranges::find(node.rooms, &wish_, &GresRoom::wish);
      if (room == node.rooms.end()) return false;
      rooms.push_back(&*room);
      pickings.emplace_back(node, *room, d_);
    }
    std::uint64_t total = 0;
    std::vector<std::uint64_t> counts(nodes_.size());
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const std::uint64_t others = nodes_.size() - i - 1;  // each gets one at least
      if (!pick_on(i, *rooms[i], pickings[i], total, others, counts[i])) return false;
      total += counts[i];
    }
    if (counted_for_job())
      for (std::size_t i = 0; i < nodes_.size() && total < wish_.per_job; ++i) {
        if (rooms[i]->pool->devices == 0) continue;
        pickings[i].for_job_anywhere(counts[i] + wish_.per_job - total);
        total += pickings[i].taken() - counts[i];
        counts[i] = pickings[i].taken();
      }
    if (wish_.per_job != 0 && total < wish_.per_job) return false;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (rooms[i]->pool->devices == 0)
        add_counts(nodes_[i], *rooms[i], counts[i], nodes_[i].taken);
      else if (!rooms[i]->pool->shared)
        add_devices(*rooms[i], pickings[i].devices(), 0, nodes_[i].taken);
    }
    return true;
  }

 private:
  bool counted_for_job() const { return !wish_.per_node && !wish_.per_socket && !wish_.per_task; }

  bool pick_on(std::size_t i, const GresRoom& room, Picking& picking, std::uint64_t total, std::uint64_t others,
               std::uint64_t& count) {
    GresNode& node = nodes_[i];
    std::uint64_t wanted = 0;
    const std::uint64_t for_others = std::min(wish_.per_job - std::min(wish_.per_job, total), others);
    const std::uint64_t left = wish_.per_job - std::min(wish_.per_job, total) - for_others;
    if (wish_.per_node != 0)
      wanted = wish_.per_node;
    else if (wish_.per_socket != 0)
      wanted = wish_.per_socket * std::max(picking.sockets(), 1u);
    else if (wish_.per_task != 0)
      wanted = wish_.per_task * picking.all_tasks();
    else
      wanted = std::min(left, room.total);
    if (room.pool->devices == 0) {
      count = wanted;
      return wanted <= room.total;
    }
    if (room.pool->shared) {
      std::vector<Word> mask;
      if (!pick_part(node, room, picking, wanted, mask)) return false;
      add_devices(room, mask, wanted, node.taken);
      count = wanted;
      return true;
    }
    if (wish_.per_node != 0) {
      picking.for_node(wanted);
    } else if (wish_.per_socket != 0) {
      picking.for_sockets(wish_.per_socket);
    } else if (wish_.per_task != 0) {
      picking.for_tasks(wish_.per_task);
    } else {
      std::uint64_t most = left;
      const std::uint32_t cpus = wish_.cpus_each ? wish_.cpus_each : wish_.tasks_each * std::uint32_t{d_.cpus_per_task};
      if (cpus != 0) most = std::min<std::uint64_t>(most, picking.total_cores() * node.node->cpus_per_core / cpus);
      picking.for_job_near(most);
    }
    count = picking.taken();
    return counted_for_job() || count >= wanted;
  }

  const Demand& d_;
  const GresWish& wish_;
  std::vector<GresNode>& nodes_;
};

}  // namespace

bool pick_gres(const Demand& d, std::vector<GresNode>& nodes) {
  for (const GresWish& wish : d.gres)
    if (!WishPicker(d, wish, nodes).pick()) return false;
  for (GresNode& node : nodes) {
    const auto place = [&](const model::GresShare& share) {
      return std::ranges::find(node.node->gres, share.name, &GresPool::name) - node.node->gres.begin();
    };
    std::ranges::stable_sort(node.taken, {}, place);
  }
  return true;
}

std::vector<model::GresShare> all_gres(const NodeInfo& node) {
  std::vector<model::GresShare> out;
  for (const GresPool& pool : node.gres) {
    if (pool.shared || pool.count == 0) continue;
    if (pool.devices == 0) {
      for (const model::GresType& type : pool.types) out.push_back({pool.name, type.name, type.count, 0, {}});
      if (pool.types.empty()) out.push_back({pool.name, "", pool.count, 0, {}});
      continue;
    }
    GresRoom room;
    room.pool = &pool;
    std::vector<Word> all;
    for (std::uint32_t device = 0; device < pool.devices; ++device) model::set_device(all, device);
    add_devices(room, all, 0, out);
  }
  return out;
}

}  // namespace flurm::sched
