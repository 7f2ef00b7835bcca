// sched/gres.hpp — generic resources of one node for one job: how many it may have, near which cores, and which it
// gets.
//
// A device may lie near some sockets. Where it can, a job gets cores there; with --gres-flags=enforce-binding it must.
// Source: slurm 22.05 select/cons_tres gres_sched.c, select/cons_common gres_select_filter.c.
#pragma once
#include <cstdint>
#include <vector>

#include "model/gres.hpp"
#include "sched/cluster.hpp"
#include "sched/cores.hpp"
#include "sched/demand.hpp"

namespace flurm::sched {

/// What a node can give of one wish.
struct GresRoom {
  const model::GresWish* wish = nullptr;
  const model::GresPool* pool = nullptr;
  std::uint64_t any = 0;                 // not near any socket in particular
  std::vector<std::uint64_t> by_socket;  // near one; empty: the node's devices are not told apart
  std::uint64_t total = 0;
  std::uint64_t most = 0;         // of them for this job; 0: no limit but the total
  std::vector<Word> any_devices;  // masks of free devices
  std::vector<std::vector<Word>> socket_devices;
};

/// Whether cores must lie near devices, should, or need not.
enum class Near : std::uint8_t { must, should, need_not };

/// What the node can give of each of the demand's wishes; empty when it cannot give enough of one.
/// `free`: cores that are free; with Near::must those that lie near nothing useful are taken out.
std::vector<GresRoom> gres_rooms(const Demand& demand, const NodeInfo& node, const NodeUse& use, Near near, Cores free);

/// Leaves of `free` the cores that the job takes for its devices, and of `cpus`, the job's on this node, what those
/// have. False when the node cannot serve the job.
bool fit_cores(const Demand& demand, const NodeInfo& node, std::vector<GresRoom>& rooms, Near near, Cores free,
               std::uint32_t& cpus);

/// A chosen node.
struct GresNode {
  const NodeInfo* node = nullptr;
  const NodeUse* use = nullptr;
  std::vector<GresRoom> rooms;
  std::vector<Word> cores;              // the job's
  std::uint32_t tasks = 0;              // the job's there
  std::vector<model::GresShare> taken;  // out
};
/// Picks the devices on all of a job's nodes. False when counts for the whole job cannot be reached.
bool pick_gres(const Demand& demand, std::vector<GresNode>& nodes);

/// All that a node has, but for shared kinds: for a job that has the node for itself.
std::vector<model::GresShare> all_gres(const NodeInfo& node);

}  // namespace flurm::sched
