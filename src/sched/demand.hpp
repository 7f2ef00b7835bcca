// sched/demand.hpp — what a job asks of one partition, as plain numbers with all defaults filled in.
#pragma once
#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "model/gres_request.hpp"
#include "model/job.hpp"
#include "model/partition.hpp"

namespace flurm::sched {

/// Bits of JobRequest::bitflags that --gres-flags sets (slurm 22.05 slurm/slurm.h GRES_*_BIND).
inline constexpr std::uint64_t kGresEnforceBinding = 1u << 4, kGresDisableBinding = 1u << 19;

/// Most nodes a job may ask for, so that sums of node counts stay small.
inline constexpr std::uint32_t kNodesMax = 500000;

/// What is given out: logical CPUs, cores, sockets, or nodes (select/linear).
enum class Unit : std::uint8_t { cpu, core, socket, node };

/// With whom a job may share the nodes that it gets.
enum class Sharing : std::uint8_t {
  cores,      // others may use the cores it leaves free
  row,        // as many jobs as the partition has rows may use the same cores (OverSubscribe=FORCE:n, or YES and asked)
  exclusive,  // nobody (OverSubscribe=EXCLUSIVE)
};

struct Demand {
  // size; max_nodes and wanted_nodes already within the partition's limits
  std::uint32_t min_nodes = 1, max_nodes = kNodesMax, wanted_nodes = 1;
  std::uint32_t asked_max_nodes = 0;  // 0: not asked for
  std::uint32_t min_cpus = 1;
  std::uint32_t max_cpus = kNoVal32;
  std::uint32_t tasks = 0;  // 0: not asked for
  std::uint16_t cpus_per_task = 1;
  std::uint16_t tasks_per_node = 0, tasks_per_socket = 0, tasks_per_core = 0;  // 0: not asked for
  std::uint16_t sockets = 0, cores = 0, threads = 0;                           // least hardware; 0: not asked for
  std::uint16_t cpus_per_node = 1;                                             // at least
  std::uint16_t core_spec = kNoVal16;                                          // cores the job leaves to the system
  std::uint64_t memory_mib = 0;                                                // 0: all of each node
  bool memory_per_cpu = false;
  std::uint32_t tmp_disk_mib = 0;
  std::uint32_t task_dist = 0;  // SLURM_DIST_*
  std::uint16_t plane_size = 0;
  bool overcommit = false, contiguous = false, spread = false;
  std::uint32_t leaf_switches_max = 0;  // 0: as many as it takes
  std::vector<model::GresWish> gres;
  bool gres_unknown = false;      // the cluster has no such kind, so that no node can serve
  bool memory_by_gres = false;    // what each device brings along, in place of memory_mib
  bool all_gres = false;          // whatever was asked for, the job has all that its nodes have
  bool enforce_binding = false;   // cores lie near devices or the job does not start
  bool disable_binding = false;   // or it does not matter where they lie

  // with whom
  Sharing sharing = Sharing::cores;
  bool whole_node = false;
  bool idle_nodes_only = false;
  bool same_user_only = false;
  std::uint64_t label = 0;  // its nodes are for jobs of this label (label_number()); 0: it goes with those of none

  // the partition's part
  std::uint32_t partition_cpus_per_node_max = kInfinite32;
  std::uint16_t rows = 1;
  bool least_loaded = false;
  Unit unit = Unit::core;
  bool counts_memory = true;
  bool block_cores = false;  // cores of one socket before those of the next
};

/// Stands for the MCS label of a job that keeps its nodes apart; 0: it does not.
std::uint64_t label_number(const model::JobRequest& request, model::McsSelect select);

/// `request` in `partition`. A job's node limits may leave no room (min_nodes > max_nodes): it cannot run there.
/// Sources: slurm 22.05 src/slurmctld/job_mgr.c _copy_job_desc_to_job_record(), node_scheduler.c get_node_cnts() and
/// _resolve_shared_status(), select/cons_common job_test.c _get_job_node_req().
Demand make_demand(const model::JobRequest& request, const model::Partition& partition,
                   const model::Settings& settings);

}  // namespace flurm::sched
