// model/step.hpp — a step: tasks that srun starts inside an allocation, and what of the allocation they take.
//
// What was asked for is a StepRequest. Where it can go is decided by sched/step_place.hpp, outside the log; a Step carries
// the decision. Steps of one job are told apart by their slot: the step's number, or for one that waits its place in line.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "model/job.hpp"
#include "model/step_usage.hpp"

namespace flurm::model {

/// Numbers from here on have a meaning of their own (base/types.hpp): they are not given to steps that srun asks for.
inline constexpr std::uint32_t kFirstReservedStep = 0xfffffff0;
/// Slots of steps that wait; numbers of steps stay below.
inline constexpr std::uint32_t kFirstStepInLine = 0x80000000;

/// srun may start several programs as one step ("srun a : b"). Inside one allocation each of these components is a Step
/// of its own: they share the number, and a component's slot has its place, counted from one, in the bits above it.
inline constexpr std::uint32_t kStepNumberBits = 24, kStepNumberMax = (1u << kStepNumberBits) - 1;
inline constexpr std::uint32_t kStepComponentsMax = 127;

/// component: NO_VAL, or below kStepComponentsMax and the number no more than kStepNumberMax.
constexpr std::uint32_t step_slot(std::uint32_t number, std::uint32_t component) {
  return component == kNoVal32 ? number : (component + 1) << kStepNumberBits | number;
}
constexpr std::uint32_t component_of_slot(std::uint32_t slot) {
  return slot < kFirstStepInLine && slot > kStepNumberMax ? (slot >> kStepNumberBits) - 1 : kNoVal32;
}
constexpr std::uint32_t number_of_slot(std::uint32_t slot) {
  return component_of_slot(slot) == kNoVal32 ? slot : slot & kStepNumberMax;
}

/// Bits of StepRequest::flags (slurm 22.05 slurm/slurm.h SSF_*).
namespace step_flag {
inline constexpr std::uint32_t exclusive = 1 << 0, no_kill = 1 << 1, overcommit = 1 << 2, whole = 1 << 3,
                               interactive = 1 << 4, memory_zero = 1 << 5, overlap = 1 << 6;
}

/// How tasks are spread, in StepRequest::task_dist (slurm 22.05 slurm/slurm.h enum task_dist_states).
namespace task_dist {
inline constexpr std::uint32_t cyclic = 1, block = 2, arbitrary = 3, plane = 4;  // over nodes
inline constexpr std::uint32_t socket_mask = 0xf0, socket_cyclic = 0x10, socket_block = 0x20, socket_full = 0x30;
inline constexpr std::uint32_t node_mask = 0xf00f, base_mask = 0xffff, unknown = 0x2000;
inline constexpr std::uint32_t pack_nodes = 0x800000, no_pack_nodes = 0x400000;
}

/// What srun asked for. Numbers that were not asked for are NO_VAL.
struct StepRequest {
  std::uint32_t user_id = 0;
  std::string name, network, container, submit_line, features, node_list, exc_nodes;
  std::uint32_t min_nodes = 0, max_nodes = 0;
  std::uint32_t cpu_count = 0, num_tasks = 0;
  std::uint64_t pn_min_memory = 0;  // MiB, kMemoryPerCpu may be set; 0: that of the job
  std::uint32_t time_limit = kInfinite32;  // minutes
  std::uint16_t threads_per_core = kNoVal16, relative = kNoVal16, plane_size = kNoVal16, resv_port_cnt = kNoVal16;
  std::uint32_t task_dist = 0, flags = 0;
  std::uint32_t cpu_freq_min = kNoVal32, cpu_freq_max = kNoVal32, cpu_freq_gov = kNoVal32;
  std::string cpus_per_tres, mem_per_tres, tres_bind, tres_freq, tres_per_step, tres_per_node, tres_per_socket,
      tres_per_task;
  std::uint16_t ntasks_per_tres = 0;  // 0: not asked for
  // where srun waits for news
  std::string host;
  std::uint16_t port = 0;
  std::uint32_t srun_pid = 0;
  bool operator==(const StepRequest&) const = default;
};

/// What a step has on one node of its job.
struct StepShare {
  NodeId node = 0;
  std::uint16_t cpus = 0;             // what it keeps from other steps; 0 when it shares
  std::uint64_t memory_mib = 0;
  std::vector<std::uint64_t> cores;   // bit mask over the node's cores
  std::vector<std::uint32_t> tasks;   // their numbers
  std::vector<GresShare> gres;        // of the job's
  bool operator==(const StepShare&) const = default;
};

/// The decision where a step runs.
struct StepPlacement {
  std::vector<StepShare> shares;      // in node order, or for an arbitrary distribution in the order of the nodes' ranks
  std::uint32_t num_tasks = 0;
  std::uint16_t cpus_per_task = 0;
  std::uint32_t cpu_count = 0;        // as shown
  bool counts_cpus = true;            // its CPUs and cores are kept from other steps
  bool counts_memory = true;
  bool operator==(const StepPlacement&) const = default;
};

struct Step {
  enum class State : std::uint8_t { pending, running, timed_out };

  JobId job;
  std::uint32_t slot = 0;  // step_slot(), or place in line
  State state = State::running;
  std::shared_ptr<const StepRequest> request;
  std::shared_ptr<const StepPlacement> placement;  // empty while pending
  std::string nodes;                  // of the placement, as a hostlist
  std::string resv_ports;
  std::uint16_t protocol_version = 0; // the oldest of its nodes' and srun's
  std::uint32_t time_limit = kInfinite32;  // minutes
  TimeS start_time;                   // of waiting, while pending
  std::int64_t suspended_s = 0, ran_before_suspend_s = 0;
  std::uint32_t exit_code = kNoVal32;  // wait status, the worst so far
  std::vector<std::uint32_t> ended;   // ranks of nodes where it is over, sorted
  std::uint32_t killed_by = kNoVal32; // user id
  std::shared_ptr<const StepUsage> usage;  // of the nodes where it is over; only kept for accounting

  /// Its own time limit has run out at `now`.
  bool time_over(TimeS now) const {
    return state == State::running && time_limit != kInfinite32 && time_limit != kNoVal32 &&
           (now - start_time - suspended_s) / 60 >= std::int64_t{time_limit};
  }
  /// As clients know it.
  std::uint32_t number() const { return state == State::pending ? kPendingStep : number_of_slot(slot); }
  /// Of those that srun started as one step; NO_VAL: it is the whole step.
  std::uint32_t component() const { return component_of_slot(slot); }
  bool reserved() const { return slot >= kFirstReservedStep; }
  /// It has tasks that srun laid out, on nodes that it may keep from others.
  bool running() const { return state != State::pending; }
  bool counts_cpus() const { return running() && placement && placement->counts_cpus; }
  bool counts_memory() const { return running() && placement && placement->counts_memory; }
};

/// What steps have taken of one node's share.
struct StepUse {
  std::uint32_t cpus = 0;
  std::uint64_t memory_mib = 0;
  std::vector<std::uint64_t> cores;
  std::vector<GresShare> gres;        // of each step
  bool busy = false;                  // a step runs there, be it one that shares
};
using StepUses = std::map<NodeId, StepUse>;

/// Adds what `step` takes.
void add_use(StepUses& uses, const Step& step);
/// Whether the placement leaves to other steps what is theirs, and asks for no more than the job has.
bool fits(const Allocation& allocation, const StepUses& uses, const StepRequest& request, const StepPlacement& placement,
          bool memory_counts);

void fields(codec::Archive& ar, StepRequest& request);
void fields(codec::Archive& ar, StepShare& share);
void fields(codec::Archive& ar, StepPlacement& placement);
void fields(codec::Archive& ar, Step& step);

}  // namespace flurm::model
