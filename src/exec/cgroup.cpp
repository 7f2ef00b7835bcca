// exec/cgroup.cpp — see cgroup.hpp. Directories are made as <root>/<job_path>/<step_name>; a memory limit belongs
// to the job's directory, so that all its steps share it. Devices are denied to a step's directory, and to those of
// tasks in it.
#include "exec/cgroup.hpp"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "exec/fd.hpp"
#include "exec/process_table.hpp"
#include "fmt/format.h"

namespace flurm::exec {
namespace {

constexpr std::size_t kPidListMax = 16u << 20;

Result<void> make_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
    return fail(Errc::io, "mkdir {}: {}", path, std::strerror(errno));
  return {};
}

Result<void> make_directories(const std::string& root, std::string_view below) {
  std::string path = root;
  while (!below.empty()) {
    const auto slash = below.find('/');
    path.append(1, '/').append(below.substr(0, slash));
    FLURM_TRY_VOID(make_directory(path));
    below = slash == std::string_view::npos ? std::string_view{} : below.substr(slash + 1);
  }
  return {};
}

constexpr std::string_view kTaskPrefix = "task_";

std::string task_directory(const std::string& step, std::size_t local_id) {
  return fmt::format("{}/{}{}", step, kTaskPrefix, local_id);
}

std::vector<std::string> task_directories(const std::string& step) {
  std::vector<std::string> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(step.c_str()), closedir);
  if (!directory) return found;
  while (const dirent* entry = readdir(directory.get()))
    if (std::string_view(entry->d_name).starts_with(kTaskPrefix)) found.push_back(step + "/" + entry->d_name);
  return found;
}

bool remove_step(const std::string& step) {
  for (const std::string& task : task_directories(step)) rmdir(task.c_str());
  return rmdir(step.c_str()) == 0;
}

/// Removes the step's directory and those above it that became empty, but not the root.
void remove_directories(const std::string& root, std::string below) {
  if (!remove_step(root + "/" + below)) return;
  below.resize(below.rfind('/'));
  while (!below.empty() && rmdir((root + "/" + below).c_str()) == 0) {
    const auto slash = below.rfind('/');
    below = slash == std::string::npos ? std::string() : below.substr(0, slash);
  }
}

std::uint64_t number_after(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return 0;
  const std::string_view digits = text.substr(at + key.size());
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

class CgroupTracker : public ProcessTracker {
 public:
  std::vector<pid_t> pids() override {
    std::vector<pid_t> pids;
    add_pids(processes_directory(), pids);
    for (const std::string& task : task_directories(processes_directory())) add_pids(task, pids);
    return pids;
  }

  int signal(int signal) override {
    int sent = 0;
    for (const pid_t pid : pids()) sent += ::kill(pid, signal) == 0;
    return sent;
  }

 protected:
  virtual std::string processes_directory() const = 0;

  static void add_pids(const std::string& directory, std::vector<pid_t>& pids) {
    const auto text = read_file(directory + "/cgroup.procs", kPidListMax);
    if (!text) return;
    const char* at = text->data();
    const char* end = at + text->size();
    while (at < end) {
      pid_t pid = 0;
      const auto [stop, error] = std::from_chars(at, end, pid);
      if (error != std::errc{}) break;
      if (pid > 0) pids.push_back(pid);
      at = stop + 1;
    }
  }

  ResourceUsage usage_from_proc() {
    ResourceUsage usage;
    for (const pid_t pid : pids()) {
      const auto info = process_info(pid);
      if (!info) continue;
      usage.user_us += info->user_ticks * 1'000'000 / ticks_per_second();
      usage.system_us += info->system_ticks * 1'000'000 / ticks_per_second();
      usage.rss_bytes += info->rss_bytes;
      usage.virtual_bytes += info->virtual_bytes;
    }
    return usage;
  }
};

class CgroupV2Tracker final : public CgroupTracker {
 public:
  CgroupV2Tracker(std::string root, std::string path, bool limits_memory)
      : root_(std::move(root)),
        path_(std::move(path)),
        directory_(root_ + "/" + path_),
        limits_memory_(limits_memory) {}

  Result<void> join() override { return adopt(0); }  // 0 is who writes it
  Result<void> adopt(pid_t pid) override {
    return write_kernel_file(directory_ + "/cgroup.procs", std::to_string(pid));
  }
  Result<void> deny_to_task(std::size_t local_id, std::span<const DeviceNumber> devices) override {
    const std::string task = task_directory(directory_, local_id);
    FLURM_TRY_VOID(make_directory(task));
    FLURM_TRY_VOID(deny_devices_v2(task, devices));
    return write_kernel_file(task + "/cgroup.procs", "0");
  }

  void kill_all() override {
    if (write_kernel_file(directory_ + "/cgroup.kill", "1")) return;
    freeze();  // kernels before 5.14
    signal(SIGKILL);
    thaw();
  }
  void freeze() override { (void)write_kernel_file(directory_ + "/cgroup.freeze", "1"); }
  void thaw() override { (void)write_kernel_file(directory_ + "/cgroup.freeze", "0"); }

  ResourceUsage usage() override {
    ResourceUsage usage = usage_from_proc();
    const std::string cpu = read_small_file(directory_ + "/cpu.stat");
    if (!cpu.empty()) {  // counts processes that ended, too
      usage.user_us = number_after(cpu, "user_usec ");
      usage.system_us = number_after(cpu, "system_usec ");
    }
    return usage;
  }

  bool out_of_memory() override {
    return limits_memory_ && number_after(read_small_file(directory_ + "/memory.events"), "oom_kill ") > 0;
  }
  bool limits_memory() const override { return limits_memory_; }
  void remove() override { remove_directories(root_, path_); }

 private:
  std::string processes_directory() const override { return directory_; }

  std::string root_, path_, directory_;
  bool limits_memory_;
};

class CgroupV1Tracker final : public CgroupTracker {
 public:
  CgroupV1Tracker(std::string root, std::string path, bool limits_memory, bool denies_devices)
      : root_(std::move(root)),
        path_(std::move(path)),
        limits_memory_(limits_memory),
        denies_devices_(denies_devices) {}

  Result<void> join() override { return adopt(0); }  // 0 is who writes it
  Result<void> adopt(pid_t pid) override {
    FLURM_TRY_VOID(write_kernel_file(freezer() + "/cgroup.procs", std::to_string(pid)));
    if (limits_memory_) FLURM_TRY_VOID(write_kernel_file(memory() + "/cgroup.procs", std::to_string(pid)));
    if (denies_devices_) FLURM_TRY_VOID(write_kernel_file(devices() + "/cgroup.procs", std::to_string(pid)));
    return {};
  }
  Result<void> deny_to_task(std::size_t local_id, std::span<const DeviceNumber> denied) override {
    const std::string task = task_directory(devices(), local_id);
    FLURM_TRY_VOID(make_directories(root_ + "/devices", path_));
    FLURM_TRY_VOID(make_directory(task));
    FLURM_TRY_VOID(deny_devices_v1(task, denied));
    return write_kernel_file(task + "/cgroup.procs", "0");
  }

  void kill_all() override {
    freeze();
    signal(SIGKILL);
    thaw();
  }
  void freeze() override { (void)write_kernel_file(freezer() + "/freezer.state", "FROZEN"); }
  void thaw() override { (void)write_kernel_file(freezer() + "/freezer.state", "THAWED"); }

  ResourceUsage usage() override { return usage_from_proc(); }

  bool out_of_memory() override {
    return limits_memory_ && number_after(read_small_file(memory() + "/memory.oom_control"), "oom_kill ") > 0;
  }
  bool limits_memory() const override { return limits_memory_; }
  void remove() override {
    remove_directories(root_ + "/freezer", path_);
    if (limits_memory_) remove_directories(root_ + "/memory", path_);
    remove_directories(root_ + "/devices", path_);
  }

 private:
  std::string processes_directory() const override { return freezer(); }
  std::string freezer() const { return root_ + "/freezer/" + path_; }
  std::string memory() const { return root_ + "/memory/" + path_; }
  std::string devices() const { return root_ + "/devices/" + path_; }

  std::string root_, path_;
  bool limits_memory_, denies_devices_;
};

/// Hands the memory controller down to the children of every directory on the way to the job.
bool enable_memory(const std::string& root, std::string_view job_path) {
  std::string directory = root;
  while (true) {
    if (!write_kernel_file(directory + "/cgroup.subtree_control", "+memory")) return false;
    if (job_path.empty()) return true;
    const auto slash = job_path.find('/');
    directory.append(1, '/').append(job_path.substr(0, slash));
    job_path = slash == std::string_view::npos ? std::string_view{} : job_path.substr(slash + 1);
  }
}

}  // namespace

Result<std::unique_ptr<ProcessTracker>> make_cgroup_v2_tracker(const TrackerOptions& options) {
  constexpr long kCgroup2Magic = 0x63677270;
  struct statfs about {};
  if (statfs(options.cgroup_root.c_str(), &about) != 0 || about.f_type != kCgroup2Magic) {
    return fail(Errc::io, "{}: no cgroup v2", options.cgroup_root);
  }
  const std::string path = options.job_path + "/" + options.step_name;
  // What an earlier run of the step was denied does not hold for this one.
  (void)remove_step(options.cgroup_root + "/" + path);
  FLURM_TRY_VOID(make_directories(options.cgroup_root, path));
  if (!options.denied_devices.empty())
    FLURM_TRY_VOID(deny_devices_v2(options.cgroup_root + "/" + path, options.denied_devices));
  bool limits_memory = false;
  if (options.memory_limit_bytes != 0 && enable_memory(options.cgroup_root, options.job_path)) {
    limits_memory = write_kernel_file(options.cgroup_root + "/" + options.job_path + "/memory.max",
                                      std::to_string(options.memory_limit_bytes))
                        .has_value();
    if (limits_memory && options.step_limit_bytes != 0) {
      FLURM_TRY_VOID(write_kernel_file(options.cgroup_root + "/" + path + "/memory.max",
                                       std::to_string(options.step_limit_bytes)));
    }
  }
  return std::make_unique<CgroupV2Tracker>(options.cgroup_root, path, limits_memory);
}

Result<std::unique_ptr<ProcessTracker>> make_cgroup_v1_tracker(const TrackerOptions& options) {
  const std::string path = options.job_path + "/" + options.step_name;
  if (access((options.cgroup_root + "/freezer/cgroup.procs").c_str(), W_OK) != 0) {
    return fail(Errc::io, "{}/freezer: {}", options.cgroup_root, std::strerror(errno));
  }
  FLURM_TRY_VOID(make_directories(options.cgroup_root + "/freezer", path));
  bool limits_memory = false;
  if (options.memory_limit_bytes != 0) {
    const std::string memory = options.cgroup_root + "/memory";
    const std::string job = memory + "/" + options.job_path;
    FLURM_TRY_VOID(make_directories(memory, options.job_path));
    // Already so, and not writable, where the kernel or a sibling step set it.
    (void)write_kernel_file(job + "/memory.use_hierarchy", "1");
    limits_memory =
        write_kernel_file(job + "/memory.limit_in_bytes", std::to_string(options.memory_limit_bytes)).has_value() &&
        make_directories(memory, path).has_value();
    if (limits_memory && options.step_limit_bytes != 0) {
      FLURM_TRY_VOID(
          write_kernel_file(memory + "/" + path + "/memory.limit_in_bytes", std::to_string(options.step_limit_bytes)));
    }
  }
  const bool denies_devices = !options.denied_devices.empty();
  if (denies_devices) {
    const std::string devices = options.cgroup_root + "/devices";
    (void)remove_step(devices + "/" + path);
    FLURM_TRY_VOID(make_directories(devices, path));
    FLURM_TRY_VOID(deny_devices_v1(devices + "/" + path, options.denied_devices));
  }
  return std::make_unique<CgroupV1Tracker>(options.cgroup_root, path, limits_memory, denies_devices);
}

bool clear_cgroup(const std::string& root, const std::string& path) {
  const auto exists = [&](const char* hierarchy) { return access((root + hierarchy + path).c_str(), F_OK) == 0; };
  const auto clear = [](CgroupTracker&& left) {
    left.kill_all();
    left.remove();
  };
  if (exists("/")) clear(CgroupV2Tracker(root, path, false));
  const bool memory = exists("/memory/"), devices = exists("/devices/");
  if (exists("/freezer/") || memory || devices) clear(CgroupV1Tracker(root, path, memory, devices));
  return !exists("/") && !exists("/freezer/") && !exists("/memory/") && !exists("/devices/");
}

}  // namespace flurm::exec
