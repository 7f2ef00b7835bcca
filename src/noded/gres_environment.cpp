// noded/gres_environment.cpp — see gres_environment.hpp.
#include "noded/gres_environment.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/bitmap.hpp"
#include "base/hostlist.hpp"
#include "conf/lines.hpp"
#include "fmt/format.h"

namespace flurm::noded {
namespace {

namespace flag = conf::gres_flag;

struct Variable {
  std::uint32_t flag;
  const char* name;
};
constexpr Variable kVendors[] = {{flag::env_nvml, "CUDA_VISIBLE_DEVICES"},
                                 {flag::env_rsmi, "ROCR_VISIBLE_DEVICES"},
                                 {flag::env_oneapi, "ZE_AFFINITY_MASK"},
                                 {flag::env_opencl, "GPU_DEVICE_ORDINAL"}};

std::optional<std::uint32_t> index_of(std::string_view hosts, std::string_view node_name) {
  const auto names = expand_hosts(hosts);
  if (!names) return std::nullopt;
  const auto at = std::ranges::find(*names, node_name);
  if (at == names->end()) return std::nullopt;
  return static_cast<std::uint32_t>(at - names->begin());
}

/// Records of one kind may be several: one for each type.
template <class Record>
std::vector<GresHeld> held_by(const NodeResources& resources, std::span<const Record> records,
                              std::optional<std::uint32_t> node) {
  std::vector<GresHeld> out;
  if (!node) return out;
  for (const GresKind& kind : resources.kinds) {
    GresHeld held{.kind = &kind, .count = 0, .devices = {}};
    for (const Record& record : records) {
      if (record.plugin_id != wire::gres_plugin_id(kind.name)) continue;
      if (record.gres_cnt_node_alloc && *node < record.gres_cnt_node_alloc->size())
        held.count += (*record.gres_cnt_node_alloc)[*node];
      if (!record.gres_bit_alloc || *node >= record.gres_bit_alloc->size()) continue;
      const wire::Bits& bits = (*record.gres_bit_alloc)[*node];
      if (held.devices.size() < bits.size()) held.devices.resize(bits.size());
      for (std::uint32_t bit = 0; bit < bits.size(); ++bit)
        if (bits.test(bit)) held.devices[bit] = true;
    }
    if (held.count != 0 || std::ranges::count(held.devices, true) != 0) out.push_back(std::move(held));
  }
  return out;
}

/// The first file of each device that is set, in order.
std::vector<const GresDevice*> devices_in(const GresKind& kind, const std::vector<bool>& set) {
  std::vector<const GresDevice*> out;
  for (const GresDevice& device : kind.devices)
    if (device.index < set.size() && set[device.index] && (out.empty() || out.back()->index != device.index))
      out.push_back(&device);
  return out;
}

struct Lists {
  std::string seen, global;  // as programs count, and as the node does
};

/// Of the devices in `held` those in `usable`.
Lists lists_of(const GresKind& kind, const std::vector<bool>& held, const std::vector<bool>& usable,
               bool count_from_zero) {
  Lists lists;
  std::uint32_t position = 0;
  for (const GresDevice* device : devices_in(kind, held)) {
    if (!usable[device->index]) continue;
    const std::uint32_t number = count_from_zero ? position++ : device->index;
    const char* comma = lists.global.empty() ? "" : ",";
    lists.seen += device->unique_id.empty() ? fmt::format("{}{}", comma, number) : comma + device->unique_id;
    lists.global += fmt::format("{}{}", comma, device->index);
  }
  return lists;
}

void set_gpus(exec::Environment& env, const GresHeld* held, std::uint32_t vendors, GresFor what, bool count_from_zero,
              bool leave_others) {
  const char* own = what == GresFor::job ? "SLURM_JOB_GPUS" : "SLURM_STEP_GPUS";
  Lists lists;
  if (held) lists = lists_of(*held->kind, held->devices, held->devices, count_from_zero);
  const auto set = [&](const char* name, const std::string& value) {
    if (!value.empty())
      env.set(name, value);
    else if (!leave_others)
      env.unset(name);
  };
  const auto count = held ? std::ranges::count(held->devices, true) : 0;
  set("SLURM_GPUS_ON_NODE", count == 0 ? "" : std::to_string(count));
  set(own, lists.global);
  for (const Variable& variable : kVendors)
    if (vendors & variable.flag) set(variable.name, lists.seen);
}

std::string percentage(const GresHeld& held) {
  const auto first = std::ranges::find(held.devices, true);
  std::uint64_t whole = 100;
  if (first != held.devices.end()) {
    const auto index = static_cast<std::size_t>(first - held.devices.begin());
    if (index < held.kind->counts.size()) whole = held.kind->counts[index];
  }
  return std::to_string(whole == 0 ? 0 : std::max<std::uint64_t>(held.count * 100 / whole, 1));
}

std::uint32_t number_at(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  }
  std::uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

/// "0*2,1": what stands for the task of that number; the list begins again at its end.
std::string_view part_for(std::string_view list, std::uint32_t task) {
  const std::vector<std::string_view> parts = conf::split_list(list);
  std::uint64_t sum = 0;
  std::vector<std::uint64_t> ends;
  for (std::string_view part : parts) {
    const std::size_t star = part.find('*');
    sum += std::max(star == part.npos ? 1 : number_at(part.substr(star + 1)), 1u);
    ends.push_back(sum);
  }
  if (sum == 0) return {};
  const auto at = std::ranges::upper_bound(ends, task % sum) - ends.begin();
  return parts[static_cast<std::size_t>(at)].substr(0, parts[static_cast<std::size_t>(at)].find('*'));
}

/// The devices that a task may use.
std::vector<bool> usable(const GpuBinding& binding, const GresHeld& held, std::uint32_t local_id,
                         const std::vector<bool>& near, bool count_from_zero) {
  using How = GpuBinding::How;
  std::vector<std::uint32_t> own;  // indexes, by position
  for (std::uint32_t i = 0; i < held.devices.size(); ++i)
    if (held.devices[i]) own.push_back(i);
  std::vector<bool> out(held.devices.size());
  const auto allow = [&](std::uint32_t named) {
    if (count_from_zero && named < own.size())
      out[own[named]] = true;
    else if (!count_from_zero && named < out.size() && held.devices[named])
      out[named] = true;
  };
  switch (binding.how) {
    case How::none:
      return held.devices;
    case How::closest:
    case How::single: {
      std::vector<std::uint32_t> close;
      for (std::uint32_t i : own)
        if (i >= near.size() || near[i]) close.push_back(i);
      if (binding.how == How::single && close.size() > 1)
        close = {close[local_id / std::max(binding.number, 1u) % close.size()]};
      for (std::uint32_t i : close) out[i] = true;
      break;
    }
    case How::per_task:
      for (std::uint64_t i = std::uint64_t{local_id} * binding.number;
           i < (std::uint64_t{local_id} + 1) * binding.number && i < own.size(); ++i)
        out[own[i]] = true;
      break;
    case How::map:
      allow(number_at(part_for(binding.list, local_id)));
      break;
    case How::mask: {
      const std::uint32_t mask = number_at(part_for(binding.list, local_id));
      for (std::uint32_t i = 0; i < 32; ++i)
        if (mask >> i & 1) allow(i);
      break;
    }
  }
  if (std::ranges::count(out, true) == 0 && !own.empty()) out[own.front()] = true;
  return out;
}

std::string hex_mask(const std::vector<bool>& bits) {
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < bits.size() && i < 64; ++i) mask |= std::uint64_t{bits[i]} << i;
  return fmt::format("0x{:X}", mask);
}

}  // namespace

std::vector<GresHeld> gres_of_job(const NodeResources& resources, const wire::Cred& cred, std::string_view node_name) {
  return held_by<wire::GresJobState>(resources, cred.job_gres_list, index_of(cred.job_hostlist, node_name));
}

std::vector<GresHeld> gres_of_step(const NodeResources& resources, const wire::Cred& cred, std::string_view node_name) {
  return held_by<wire::GresStepState>(resources, cred.step_gres_list, index_of(cred.job_hostlist, node_name));
}

std::vector<exec::DeviceNumber> denied_devices(const NodeResources& resources, std::span<const GresHeld> held) {
  const auto number_of = [](const GresDevice& device) {
    return exec::DeviceNumber{.is_block = device.is_block, .major = device.major, .minor = device.minor};
  };
  std::set<exec::DeviceNumber> denied;
  for (const GresKind& kind : resources.kinds)
    for (const GresDevice& device : kind.devices) denied.insert(number_of(device));
  for (const GresHeld& each : held)
    for (const GresDevice& device : each.kind->devices)
      if (device.index < each.devices.size() && each.devices[device.index]) denied.erase(number_of(device));
  return {denied.begin(), denied.end()};
}

std::vector<GresHeld> gres_of_prep(const NodeResources& resources, std::span<const wire::GresPrep> prep,
                                   std::string_view hosts, std::string_view node_name) {
  return held_by<wire::GresPrep>(resources, prep, index_of(hosts, node_name));
}

void set_gres(exec::Environment& env, const NodeResources& resources, std::span<const GresHeld> held, GresFor what,
              bool count_from_zero) {
  const auto find = [&](const GresKind& kind) {
    const auto found = std::ranges::find(held, &kind, &GresHeld::kind);
    return found == held.end() ? nullptr : &*found;
  };
  const bool whole_gpus = std::ranges::any_of(held, [](const GresHeld& each) { return each.kind->name == "gpu"; });
  for (const GresKind& kind : resources.kinds) {
    const GresHeld* mine = find(kind);
    if (kind.name == "gpu") set_gpus(env, mine, kind.flags, what, count_from_zero, false);
  }
  for (const GresKind& kind : resources.kinds) {  // which must not take away what gpus have set
    const GresHeld* mine = find(kind);
    const bool mps = kind.name == "mps";
    if (!mps && kind.name != "shard") continue;
    bool another = whole_gpus;
    for (const GresHeld& each : held) another = another || (each.kind != &kind && each.kind->flags & flag::shared);
    set_gpus(env, mine, mps ? flag::env_nvml : kind.flags, what, count_from_zero, another && !mine);
    const char* amount = mps ? "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE" : "SLURM_SHARDS_ON_NODE";
    if (mine)
      env.set(amount, mps ? percentage(*mine) : std::to_string(mine->count));
    else
      env.unset(amount);
  }
}

void set_script_gres(exec::Environment& env, std::span<const GresHeld> held) {
  for (const GresHeld& each : held) {
    const bool mps = each.kind->name == "mps";
    if (!mps && each.kind->name != "gpu" && each.kind->name != "shard") continue;
    const Lists lists = lists_of(*each.kind, each.devices, each.devices, false);
    if (lists.global.empty()) continue;
    for (const Variable& variable : kVendors)
      if ((mps ? flag::env_nvml : each.kind->flags) & variable.flag) env.set(variable.name, lists.global);
    env.set("SLURM_JOB_GPUS", lists.global);
    if (mps) env.set("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", percentage(each));
  }
}

GpuBinding parse_gpu_binding(std::uint16_t accel_bind_type, std::string_view tres_bind) {
  constexpr std::uint16_t kVerbose = 0x1, kClosest = 0x2;  // slurm 22.05 slurm/slurm.h ACCEL_BIND_*
  using How = GpuBinding::How;
  GpuBinding out;
  out.verbose = accel_bind_type & kVerbose;
  if (accel_bind_type & kClosest) {
    out.how = How::closest;
    return out;
  }
  const std::size_t at = tres_bind.find("gpu:");
  if (at == tres_bind.npos) return out;
  tres_bind.remove_prefix(at + 4);
  const auto starts = [&](std::string_view word) {
    if (tres_bind.size() < word.size() || !conf::same_word(tres_bind.substr(0, word.size()), word)) return false;
    tres_bind.remove_prefix(word.size());
    return true;
  };
  if (starts("verbose,")) out.verbose = true;
  if (starts("single:")) {
    out.how = How::single;
    out.number = std::max(number_at(tres_bind), 1u);
  } else if (starts("closest")) {
    out.how = How::closest;
  } else if (starts("map_gpu:")) {
    out.how = How::map;
    out.list = tres_bind;
  } else if (starts("mask_gpu:")) {
    out.how = How::mask;
    out.list = tres_bind;
  } else if (starts("per_task:")) {
    out.how = How::per_task;
    out.number = number_at(tres_bind);
  }
  return out;
}

GpuTask bind_gpus(const GpuBinding& binding, std::span<const GresHeld> held, std::uint32_t local_id,
                  const std::vector<bool>& near, bool count_from_zero) {
  GpuTask out;
  const auto gpus = std::ranges::find_if(held, [](const GresHeld& each) { return each.kind->name == "gpu"; });
  if (gpus == held.end() || gpus->devices.empty() || binding.how == GpuBinding::How::none) return out;
  const std::vector<bool> mine = usable(binding, *gpus, local_id, near, count_from_zero);
  const Lists lists = lists_of(*gpus->kind, gpus->devices, mine, count_from_zero);
  out.devices = mine;
  out.env.push_back("SLURM_STEP_GPUS=" + lists.global);
  for (const Variable& variable : kVendors)
    if (gpus->kind->flags & variable.flag) out.env.push_back(fmt::format("{}={}", variable.name, lists.seen));
  if (binding.verbose)
    out.report = fmt::format("gpu-bind: usable_gres={}; bit_alloc={}; local_inx={}; global_list={}; local_list={}",
                             hex_mask(mine), hex_mask(gpus->devices),
                             count_from_zero ? std::ranges::count(gpus->devices, true) : 0, lists.global, lists.seen);
  return out;
}

bool lies_near(const std::string& cores, const std::vector<std::uint64_t>& cpus, std::uint32_t threads_per_core,
               const std::vector<std::uint32_t>& system_number) {
  if (cores.empty() || cpus.empty()) return true;
  const auto near = Bitmap::from_list(cores, system_number.size());
  if (!near) return true;
  bool common = false;
  near->for_each([&](std::size_t core) {
    for (std::size_t cpu = core * threads_per_core; cpu < (core + 1) * threads_per_core; ++cpu) {
      if (cpu >= system_number.size()) continue;
      const std::uint32_t number = system_number[cpu];
      common = common || (number / 64 < cpus.size() && (cpus[number / 64] >> (number % 64) & 1));
    }
  });
  return common;
}

}  // namespace flurm::noded
