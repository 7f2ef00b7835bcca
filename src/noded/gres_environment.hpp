// noded/gres_environment.hpp — how jobs, steps, tasks, prologs and epilogs are told of their devices.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exec/device_filter.hpp"
#include "exec/environment.hpp"
#include "noded/gres.hpp"
#include "wire/cred.hpp"

namespace flurm::noded {

/// What a job or a step has of one kind on this node.
struct GresHeld {
  const GresKind* kind = nullptr;
  std::uint64_t count = 0;
  std::vector<bool> devices;  ///< by index; empty: they are not told apart
};

/// By the credential, in the order of GresTypes; kinds of which there is nothing are left out.
std::vector<GresHeld> gres_of_job(const NodeResources& resources, const wire::Cred& cred, std::string_view node_name);
std::vector<GresHeld> gres_of_step(const NodeResources& resources, const wire::Cred& cred, std::string_view node_name);
/// By what comes with the order to end a job on `hosts`.
std::vector<GresHeld> gres_of_prep(const NodeResources& resources, std::span<const wire::GresPrep> prep,
                                   std::string_view hosts, std::string_view node_name);

/// The node's device files that who holds `held` must not open. Kinds may share a file (gpu and mps), and then holding
/// one of them is enough.
std::vector<exec::DeviceNumber> denied_devices(const NodeResources& resources, std::span<const GresHeld> held);

enum class GresFor : std::uint8_t { job, step };

/// Sets or takes away CUDA_VISIBLE_DEVICES, SLURM_JOB_GPUS or SLURM_STEP_GPUS, SLURM_GPUS_ON_NODE,
/// SLURM_SHARDS_ON_NODE, CUDA_MPS_ACTIVE_THREAD_PERCENTAGE and their like. count_from_zero: tasks see no other devices
/// (ConstrainDevices), so that programs count those they see. Source: slurm 22.05 plugins/gres/{common,gpu,mps,shard}.
void set_gres(exec::Environment& env, const NodeResources& resources, std::span<const GresHeld> held, GresFor what,
              bool count_from_zero);
/// The same for prolog and epilog.
void set_script_gres(exec::Environment& env, std::span<const GresHeld> held);

/// --gpu-bind.
struct GpuBinding {
  enum class How : std::uint8_t { none, closest, single, per_task, map, mask } how = How::none;
  std::uint32_t number = 1;  ///< of tasks for a device (single), or of devices for a task
  std::string list;          ///< of map and mask
  bool verbose = false;
};
GpuBinding parse_gpu_binding(std::uint16_t accel_bind_type, std::string_view tres_bind);

struct GpuTask {
  std::vector<std::string> env;  ///< NAME=value; empty: as the step's
  std::string report;            ///< what verbose says
  std::optional<std::vector<bool>> devices;  ///< of the kind gpu, as GresHeld; none: as the step's
};
/// The devices of one task. near: for each device, whether it lies near a CPU of the task. count_from_zero: the task
/// sees no others.
GpuTask bind_gpus(const GpuBinding& binding, std::span<const GresHeld> held, std::uint32_t local_id,
                  const std::vector<bool>& near, bool count_from_zero);

/// The cores of `cores` ("0-3", as Slurm counts them) and the CPUs of a task, a mask by the system's numbers, have one
/// in common; true where one of them is not said.
bool lies_near(const std::string& cores, const std::vector<std::uint64_t>& cpus, std::uint32_t threads_per_core,
               const std::vector<std::uint32_t>& system_number);

}  // namespace flurm::noded
