// noded/nvml.cpp — see nvml.hpp. What is declared here of NVML is its public, stable interface: names with their
// version, numbers, and two structures.
#include "noded/nvml.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <fstream>
#include <optional>

#include "base/log.hpp"
#include "fmt/format.h"

namespace flurm::noded {
namespace {

using Device = void*;

constexpr int kSuccess = 0, kNotSupported = 3;
constexpr unsigned kLinksMax = 18, kNameMax = 96;
constexpr std::size_t kCpuWords = 1024 / (8 * sizeof(unsigned long));

struct PciInfo {
  char bus_id_legacy[16];
  unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
  char bus_id[32];
};

struct Attributes {
  unsigned multiprocessors, copy_engines, decoders, encoders, jpegs, ofas, gpu_instance_slices, compute_instance_slices;
  unsigned long long memory_mib;
};

/// The library, and in it what is asked of it.
class Nvml {
 public:
  Nvml() = default;
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;
  ~Nvml() {
    if (running_) shutdown_();
    if (library_) dlclose(library_);
  }

  Result<void> open() {
    library_ = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library_) return fail(Errc::io, "{}", dlerror());
    const bool whole = get(init_, "nvmlInit_v2") && get(shutdown_, "nvmlShutdown") &&
                       get(error_text_, "nvmlErrorString") && get(count_, "nvmlDeviceGetCount_v2") &&
                       get(handle_, "nvmlDeviceGetHandleByIndex_v2") && get(name_, "nvmlDeviceGetName") &&
                       get(minor_, "nvmlDeviceGetMinorNumber") && get(affinity_, "nvmlDeviceGetCpuAffinity") &&
                       get(pci_, "nvmlDeviceGetPciInfo_v3");
    if (!whole) return fail(Errc::io, "libnvidia-ml.so.1 is too old");
    get(link_state_, "nvmlDeviceGetNvLinkState");
    get(link_pci_, "nvmlDeviceGetNvLinkRemotePciInfo_v2");
    get(mig_mode_, "nvmlDeviceGetMigMode");
    get(mig_max_, "nvmlDeviceGetMaxMigDeviceCount");
    get(mig_handle_, "nvmlDeviceGetMigDeviceHandleByIndex");
    get(gpu_instance_, "nvmlDeviceGetGpuInstanceId");
    get(compute_instance_, "nvmlDeviceGetComputeInstanceId");
    get(attributes_, "nvmlDeviceGetAttributes_v2");
    get(uuid_, "nvmlDeviceGetUUID");
    if (const int rc = init_(); rc != kSuccess) return fail(Errc::io, "NVML: {}", error_text_(rc));
    running_ = true;
    return {};
  }

  Result<std::vector<Device>> devices() const {
    unsigned count = 0;
    if (const int rc = count_(&count); rc != kSuccess) return fail(Errc::io, "NVML: {}", error_text_(rc));
    std::vector<Device> out;
    for (unsigned i = 0; i < count; ++i) {
      Device device = nullptr;
      if (const int rc = handle_(i, &device); rc == kSuccess)
        out.push_back(device);
      else
        log(Level::warn, "gres.gpu_not_told", {{"index", i}, {"error", error_text_(rc)}});
    }
    return out;
  }

  /// As Slurm writes types: small letters, no blanks.
  std::string name(Device device) const {
    std::array<char, kNameMax> text{};
    if (name_(device, text.data(), kNameMax) != kSuccess) return {};
    std::string out(text.data());
    for (char& c : out) c = c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
  }

  std::optional<unsigned> minor(Device device) const {
    unsigned number = 0;
    return minor_(device, &number) == kSuccess ? std::optional(number) : std::nullopt;
  }

  std::vector<bool> cpus_near(Device device) const {
    std::array<unsigned long, kCpuWords> words{};
    std::vector<bool> out;
    if (affinity_(device, kCpuWords, words.data()) != kSuccess) return out;
    constexpr std::size_t kBits = 8 * sizeof(unsigned long);
    for (std::size_t i = 0; i < kCpuWords * kBits; ++i) out.push_back(words[i / kBits] >> (i % kBits) & 1);
    return out;
  }

  std::string bus_id(Device device) const {
    PciInfo info{};
    return pci_(device, &info) == kSuccess ? std::string(info.bus_id, strnlen(info.bus_id, sizeof info.bus_id)) : "";
  }

  /// How many links lead to each of the others, which are named by their place on the bus; -1 for itself.
  std::string links(Device device, std::size_t own, const std::vector<std::string>& bus_ids) const {
    std::vector<int> links(bus_ids.size());
    links[own] = -1;
    for (unsigned link = 0; link_state_ && link_pci_ && link < kLinksMax; ++link) {
      int active = 0;
      const int rc = link_state_(device, link, &active);
      if (rc == kNotSupported) break;
      PciInfo remote{};
      if (rc != kSuccess || active == 0 || link_pci_(device, link, &remote) != kSuccess) continue;
      const auto other = std::ranges::find(bus_ids, std::string_view(remote.bus_id));
      if (other != bus_ids.end() && other != bus_ids.begin() + static_cast<std::ptrdiff_t>(own))
        ++links[static_cast<std::size_t>(other - bus_ids.begin())];
    }
    return fmt::format("{}", fmt::join(links, ","));
  }

  bool divided(Device device) const {
    unsigned current = 0, pending = 0;
    return mig_mode_ && mig_mode_(device, &current, &pending) == kSuccess && current == 1;
  }

  struct Instance {
    std::string profile, uuid;
    unsigned gpu_instance = 0, compute_instance = 0;
  };
  std::vector<Instance> instances(Device device) const {
    std::vector<Instance> out;
    unsigned most = 0;
    if (!mig_max_ || !mig_handle_ || !gpu_instance_ || !compute_instance_ || !attributes_ || !uuid_ ||
        mig_max_(device, &most) != kSuccess)
      return out;
    for (unsigned i = 0; i < most; ++i) {
      Device part = nullptr;
      Instance instance;
      Attributes about{};
      std::array<char, kNameMax> uuid{};
      if (mig_handle_(device, i, &part) != kSuccess) break;
      if (gpu_instance_(part, &instance.gpu_instance) != kSuccess ||
          compute_instance_(part, &instance.compute_instance) != kSuccess || attributes_(part, &about) != kSuccess ||
          uuid_(part, uuid.data(), kNameMax) != kSuccess)
        continue;
      const auto gib = static_cast<unsigned long>(std::lround(static_cast<double>(about.memory_mib) / 1024));
      instance.profile = fmt::format("_{}g.{}gb", about.gpu_instance_slices, gib);
      instance.uuid = uuid.data();
      out.push_back(std::move(instance));
    }
    return out;
  }

 private:
  template <class Function>
  bool get(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(dlsym(library_, name));
    return function != nullptr;
  }

  void* library_ = nullptr;
  bool running_ = false;
  int (*init_)() = nullptr;
  int (*shutdown_)() = nullptr;
  const char* (*error_text_)(int) = nullptr;
  int (*count_)(unsigned*) = nullptr;
  int (*handle_)(unsigned, Device*) = nullptr;
  int (*name_)(Device, char*, unsigned) = nullptr;
  int (*minor_)(Device, unsigned*) = nullptr;
  int (*affinity_)(Device, unsigned, unsigned long*) = nullptr;
  int (*pci_)(Device, PciInfo*) = nullptr;
  int (*link_state_)(Device, unsigned, int*) = nullptr;
  int (*link_pci_)(Device, unsigned, PciInfo*) = nullptr;
  int (*mig_mode_)(Device, unsigned*, unsigned*) = nullptr;
  int (*mig_max_)(Device, unsigned*) = nullptr;
  int (*mig_handle_)(Device, unsigned, Device*) = nullptr;
  int (*gpu_instance_)(Device, unsigned*) = nullptr;
  int (*compute_instance_)(Device, unsigned*) = nullptr;
  int (*attributes_)(Device, Attributes*) = nullptr;
  int (*uuid_)(Device, char*, unsigned) = nullptr;
};

/// The device file of an instance, by its name in the driver's list.
std::optional<unsigned> capability(const std::string& name) {
  std::ifstream list("/proc/driver/nvidia-caps/mig-minors");
  std::string word;
  for (unsigned number = 0; list >> word >> number;)
    if (word == name) return number;
  return std::nullopt;
}

/// The parts that a GPU is divided into, each with the files of the GPU and of its instances.
std::vector<conf::NodeGres> parts_of(const Nvml& nvml, Device device, unsigned minor, const conf::NodeGres& whole) {
  std::vector<conf::NodeGres> out;
  const std::vector<Nvml::Instance> instances = nvml.instances(device);
  for (std::size_t i = 0; i < instances.size(); ++i) {
    const Nvml::Instance& each = instances[i];
    const std::string gpu_instance = fmt::format("gpu{}/gi{}", minor, each.gpu_instance);
    const auto gi = capability(gpu_instance + "/access");
    const auto ci = capability(fmt::format("{}/ci{}/access", gpu_instance, each.compute_instance));
    if (!gi || !ci) {
      log(Level::warn, "gres.mig_without_file", {{"instance", gpu_instance}});
      continue;
    }
    conf::NodeGres part = whole;
    part.type = whole.type.substr(0, whole.type.find('-')) + each.profile;
    part.flags |= conf::gres_flag::several_files;
    for (unsigned number : {*gi, *ci}) part.files.push_back(fmt::format("/dev/nvidia-caps/nvidia-cap{}", number));
    part.unique_id = each.uuid;
    std::vector<int> links(instances.size());
    links[i] = -1;
    part.links = fmt::format("{}", fmt::join(links, ","));
    out.push_back(std::move(part));
  }
  return out;
}

}  // namespace

Result<std::vector<conf::NodeGres>> find_nvidia_gpus(const CoresOf& cores_of) {
  Nvml nvml;
  FLURM_TRY_VOID(nvml.open());
  FLURM_TRY(const std::vector<Device> devices, nvml.devices());
  std::vector<std::string> bus_ids;
  for (Device device : devices) bus_ids.push_back(nvml.bus_id(device));
  std::vector<conf::NodeGres> out;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const auto minor = nvml.minor(devices[i]);
    if (!minor) continue;
    conf::NodeGres gpu{.name = "gpu",
                       .type = nvml.name(devices[i]),
                       .count = 1,
                       .flags = conf::gres_flag::has_file | conf::gres_flag::has_type | conf::gres_flag::env_nvml,
                       .cores = cores_of(nvml.cpus_near(devices[i])),
                       .links = nvml.links(devices[i], i, bus_ids),
                       .files = {fmt::format("/dev/nvidia{}", *minor)},
                       .unique_id = {}};
    if (gpu.type.empty()) gpu.flags &= ~conf::gres_flag::has_type;
    if (nvml.divided(devices[i])) {
      for (conf::NodeGres& part : parts_of(nvml, devices[i], *minor, gpu)) out.push_back(std::move(part));
    } else {
      out.push_back(std::move(gpu));
    }
  }
  log(Level::info, "gres.gpus_found", {{"count", out.size()}});
  return out;
}

}  // namespace flurm::noded
