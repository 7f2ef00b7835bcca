// exec/job_space.cpp — see job_space.hpp.
#include "exec/job_space.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "exec/spawn.hpp"
#include "fmt/format.h"

namespace flurm::exec {
namespace {

constexpr int kInitScriptMs = 10'000;
constexpr std::string_view kShm = "/dev/shm";  // always a file system of its own

Error trouble(std::string_view what) {
  return {Errc::node_setup_environment, fmt::format("{}: {}", what, std::strerror(errno))};
}

std::string place_of(const std::string& base, std::uint32_t job_id) { return fmt::format("{}/{}", base, job_id); }

bool holds_namespace(int fd) {
  struct statfs about {};
  return fstatfs(fd, &about) == 0 && about.f_type == NSFS_MAGIC;
}

/// What the job sees as `directory`.
std::string source_of(const std::string& private_dir, const std::string& directory) {
  std::string name = directory;
  std::ranges::replace(name, '/', '_');
  return fmt::format("{}/{}", private_dir, name);
}

Result<void> make_directory(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return std::unexpected(trouble(path));
  return {};
}

Result<void> make_base(const std::string& base) {
  for (std::size_t slash = base.find('/', 1); slash != std::string::npos; slash = base.find('/', slash + 1))
    FLURM_TRY_VOID(make_directory(base.substr(0, slash), 0755));
  return make_directory(base, 0755);
}

Result<void> run_init_script(const StepSpace& space, const std::string& private_dir) {
  if (space.init_script.empty()) return {};
  SpawnSpec script{.program = space.init_script, .env = space.init_env};
  script.env.push_back("SLURM_JOB_MOUNTPOINT_SRC=" + private_dir);
  FLURM_TRY(const pid_t pid, spawn(script));
  int status = -1;
  for (int waited_ms = 0; waitpid(pid, &status, WNOHANG) == 0; waited_ms += 10) {
    poll(nullptr, 0, 10);
    if (waited_ms < kInitScriptMs) continue;
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    break;
  }
  if (status != 0) return fail(Errc::node_setup_environment, "{} ended with status {}", space.init_script, status);
  return {};
}

/// In the process that becomes the first in the namespace. Returns the step that failed, or null.
const char* mount_all(const StepSpace& space, const std::string& private_dir) {
  if (unshare(CLONE_NEWNS) != 0) return "unshare";
  // What is mounted inside stays inside; with `shared`, what is mounted outside comes in.
  if (mount(nullptr, "/", nullptr, MS_REC | (space.shared ? MS_SLAVE : MS_PRIVATE), nullptr) != 0) return "private /";
  for (const std::string& directory : space.directories) {
    if (directory == kShm) {
      if (mount("tmpfs", directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") != 0) return "tmpfs";
    } else if (mount(source_of(private_dir, directory).c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      return directory.c_str();
    }
  }
  return nullptr;
}

/// Forks the namespace's first process, and keeps the namespace under `holder` when that has mounted everything.
Result<void> make_namespace(const StepSpace& space, const std::string& private_dir, const std::string& holder) {
  int ready[2], done[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return std::unexpected(trouble("pipe"));
  Fd ready_read(ready[0]), ready_write(ready[1]);
  if (pipe2(done, O_CLOEXEC) != 0) return std::unexpected(trouble("pipe"));
  Fd done_read(done[0]), done_write(done[1]);
  const pid_t pid = fork();
  if (pid < 0) return std::unexpected(trouble("fork"));
  if (pid == 0) {
    done_write.reset();
    const char* failed = mount_all(space, private_dir);
    if (failed) {
      (void)write_all(ready_write.get(), fmt::format("{}: {}", failed, std::strerror(errno)));
      _exit(1);
    }
    (void)write_all(ready_write.get(), "+");
    char nothing;
    (void)!read(done_read.get(), &nothing, 1);  // until it is held
    _exit(0);
  }
  ready_write.reset();
  char answer[256];
  const ssize_t n = read(ready_read.get(), answer, sizeof answer);
  Result<void> result;
  if (n != 1 || answer[0] != '+')
    result =
        fail(Errc::node_setup_environment, "{}", std::string_view(answer, n > 0 ? static_cast<std::size_t>(n) : 0));
  else if (mount(fmt::format("/proc/{}/ns/mnt", pid).c_str(), holder.c_str(), nullptr, MS_BIND, nullptr) != 0)
    result = std::unexpected(trouble(holder));
  done_write.reset();
  waitpid(pid, nullptr, 0);
  return result;
}

Result<void> make_space(const StepSpace& space, const std::string& place, std::uint32_t job_id, const Identity& owner) {
  // A mount of a namespace can stand only where mounts do not spread.
  if (mount(place.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
      mount(nullptr, place.c_str(), nullptr, MS_PRIVATE | MS_REC, nullptr) != 0)
    return std::unexpected(trouble(place));
  const std::string holder = place + "/.ns", private_dir = fmt::format("{}/.{}", place, job_id);
  const Fd file(open(holder.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return std::unexpected(trouble(holder));
  FLURM_TRY_VOID(run_init_script(space, private_dir));
  FLURM_TRY_VOID(make_directory(private_dir, 0711));
  for (const std::string& directory : space.directories) {
    const std::string source = source_of(private_dir, directory);
    if (directory == kShm) continue;
    FLURM_TRY_VOID(make_directory(source, 0700));
    if (lchown(source.c_str(), owner.uid, static_cast<gid_t>(-1)) != 0) return std::unexpected(trouble(source));
  }
  return make_namespace(space, private_dir, holder);
}

Fd open_holder(const std::string& place) {
  Fd fd(open((place + "/.ns").c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  return fd && holds_namespace(fd.get()) ? std::move(fd) : Fd{};
}

}  // namespace

Result<Fd> open_job_space(const StepSpace& space, std::uint32_t job_id, const Identity& owner) {
  if (space.make_base) {
    FLURM_TRY_VOID(make_base(space.base));
  }
  const std::string place = place_of(space.base, job_id);
  const Fd lock(open(space.base.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock || flock(lock.get(), LOCK_EX) != 0) return std::unexpected(trouble(space.base));
  if (Fd there = open_holder(place)) return there;
  if (mkdir(place.c_str(), 0700) != 0) {
    if (errno != EEXIST) return std::unexpected(trouble(place));
    FLURM_TRY_VOID(remove_job_space(space.base, job_id));  // half made, or of a job before the machine restarted
    FLURM_TRY_VOID(make_directory(place, 0700));
  }
  if (auto made = make_space(space, place, job_id, owner); !made) {
    (void)remove_job_space(space.base, job_id);
    return std::unexpected(made.error());
  }
  Fd there = open_holder(place);
  if (!there) return std::unexpected(trouble(place));
  return there;
}

bool has_job_space(const std::string& base, std::uint32_t job_id) {
  return !base.empty() && access(place_of(base, job_id).c_str(), F_OK) == 0;
}

Result<void> remove_job_space(const std::string& base, std::uint32_t job_id) {
  const std::string place = place_of(base, job_id);
  if (!has_job_space(base, job_id)) return {};
  while (umount2((place + "/.ns").c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  while (umount2(place.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  std::error_code error;
  std::filesystem::remove_all(place, error);  // does not follow links, nor into directories that change under it
  if (error) return fail(Errc::io, "{}: {}", place, error.message());
  return {};
}

std::vector<std::uint32_t> job_spaces(const std::string& base) {
  std::vector<std::uint32_t> jobs;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(base, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::uint32_t job = 0;
    const auto [rest, problem] = std::from_chars(name.data(), name.data() + name.size(), job);
    if (problem == std::errc{} && rest == name.data() + name.size()) jobs.push_back(job);
  }
  return jobs;
}

}  // namespace flurm::exec
