// exec/process_tracker_test.cpp — every mechanism finds and kills a process that became a daemon. The supervisor
// is a forked child, because a subreaper must not adopt the test program's own children.
#include "exec/process_tracker.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>

#include "exec/process_table.hpp"
#include "fmt/format.h"
#include "gtest/gtest.h"

namespace flurm::exec {
namespace {

void wait_ms(int ms) { usleep(static_cast<useconds_t>(ms) * 1000); }

/// Runs `body` in a child; true when it returned true.
bool in_child(const std::function<bool()>& body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body() ? 0 : 1);
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Forks a task whose grandchild leaves its session and outlives its parent.
pid_t fork_task_with_daemon(ProcessTracker& tracker) {
  const pid_t task = fork();
  if (task != 0) return task;
  if (!tracker.join()) _exit(9);
  setsid();
  if (fork() == 0) {
    setsid();
    if (fork() == 0) {
      pause();
      _exit(0);
    }
    _exit(0);
  }
  wait_ms(50);
  _exit(3);
}

bool daemon_is_killed(ProcessTracker& tracker) {
  const pid_t task = fork_task_with_daemon(tracker);
  int status = 0;
  if (waitpid(task, &status, 0) != task || WEXITSTATUS(status) != 3) return false;
  if (tracker.pids().size() != 1) return false;
  tracker.freeze();
  wait_ms(20);
  tracker.thaw();
  for (int i = 0; i < 200 && !tracker.empty(); ++i) {
    tracker.kill_all();
    wait_ms(5);
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
  const bool empty = tracker.empty();
  tracker.remove();
  return empty && waitpid(-1, nullptr, WNOHANG) == -1;
}

TEST(SessionTracker, finds_and_kills_daemons) {
  EXPECT_TRUE(in_child([] {
    std::string note;
    auto tracker = *make_tracker({}, &note);
    return note.empty() && daemon_is_killed(*tracker);
  }));
}

TEST(SessionTracker, usage_counts_descendants) {
  EXPECT_TRUE(in_child([] {
    std::string note;
    auto tracker = *make_tracker({}, &note);
    const pid_t task = fork();
    if (task == 0) {
      while (getppid() != 0) {
      }
    }
    bool counted = false;
    for (int i = 0; i < 200 && !counted; ++i) {
      wait_ms(10);
      const ResourceUsage usage = tracker->usage();
      counted = usage.user_us > 0 && usage.rss_bytes > 0;
    }
    kill(task, SIGKILL);
    return counted && waitpid(task, nullptr, 0) == task;
  }));
}

TEST(CgroupTracker, finds_and_kills_daemons) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  for (const std::string root : {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
    EXPECT_TRUE(in_child([&] {
      std::string note;
      auto tracker = *make_tracker({.kind = TrackerKind::cgroup,
                                    .cgroup_root = root,
                                    .job_path = fmt::format("flurm_test_{}/job_7", getpid()),
                                    .step_name = "step_batch",
                                    .memory_limit_bytes = 64u << 20},
                                   &note);
      return daemon_is_killed(*tracker);
    })) << root;
  }
}

/// A task that takes 96 MiB, under limits of its job and its step. True when it is killed for that and it is noticed.
bool is_killed_for_memory(std::uint64_t job_limit, std::uint64_t step_limit) {
  return in_child([=] {
    std::string note;
    auto tracker = *make_tracker({.kind = TrackerKind::cgroup,
                                  .job_path = fmt::format("flurm_test_{}/job_8", getpid()),
                                  .step_name = "step_batch",
                                  .memory_limit_bytes = job_limit,
                                  .step_limit_bytes = step_limit},
                                 &note);
    if (!tracker->limits_memory()) return false;
    const pid_t task = fork();
    if (task == 0) {
      if (!tracker->join()) _exit(9);
      std::string much(96u << 20, 'x');
      _exit(much[5] == 'x' ? 0 : 1);
    }
    int status = 0;
    waitpid(task, &status, 0);
    const bool noticed = tracker->out_of_memory();
    tracker->remove();
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && noticed;
  });
}

TEST(CgroupTracker, memory_limit_is_noticed) {
  if (geteuid() != 0 || access("/sys/fs/cgroup/memory/memory.limit_in_bytes", F_OK) != 0)
    GTEST_SKIP() << "no v1 memory";
  EXPECT_TRUE(is_killed_for_memory(32u << 20, 0));
  EXPECT_TRUE(is_killed_for_memory(1u << 30, 32u << 20)) << "a step may have less than its job";
  EXPECT_FALSE(is_killed_for_memory(1u << 30, 512u << 20));
}

/// 0 where `path` can be opened, else why not.
int opening(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  close(fd);
  return 0;
}

/// In a container the groups, or BPF, may be out of reach.
bool is_forbidden(const Error& error) {
  return std::ranges::any_of(std::array{EPERM, EACCES, EROFS, ENOSYS}, [&](int number) {
    return error.text.find(std::strerror(number)) != std::string::npos;
  });
}

/// Of /dev/full and /dev/zero the step is denied the first, and its second task the other as well. What is another's
/// stays as it was.
void devices_are_denied(const std::string& root) {
  const std::string job = fmt::format("flurm_test_{}/job_9", getpid());
  const auto look = [&](const std::function<bool(ProcessTracker&)>& task) {
    return in_child([&] {
      std::string note;
      auto tracker = make_tracker({.kind = TrackerKind::cgroup,
                                   .cgroup_root = root,
                                   .job_path = job,
                                   .step_name = "step_0",
                                   .denied_devices = {{.is_block = false, .major = 1, .minor = 7}}},
                                  &note);
      if (!tracker) return is_forbidden(tracker.error());
      const bool right = in_child([&] { return (*tracker)->join() && task(**tracker); });
      (*tracker)->remove();
      return right && opening("/dev/full") == 0 && access((root + "/" + job).c_str(), F_OK) != 0;
    });
  };
  EXPECT_TRUE(look([](ProcessTracker&) {
    return opening("/dev/full") == EPERM && opening("/dev/zero") == 0 && opening("/dev/null") == 0;
  })) << root;
  EXPECT_TRUE(look([](ProcessTracker& tracker) {
    const DeviceNumber zero{.is_block = false, .major = 1, .minor = 5};
    const DeviceNumber block_of_that_number{.is_block = true, .major = 1, .minor = 3};
    return tracker.deny_to_task(1, std::vector{zero, block_of_that_number}) && opening("/dev/zero") == EPERM &&
           opening("/dev/full") == EPERM && opening("/dev/null") == 0 && tracker.pids() == std::vector<pid_t>{getpid()};
  })) << root;
}

TEST(CgroupTracker, devices_are_denied_to_step_and_task) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  for (const std::string root : {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
    if (access((root + "/cgroup.procs").c_str(), F_OK) != 0 && access((root + "/devices").c_str(), F_OK) != 0) continue;
    devices_are_denied(root);
  }
}

TEST(MakeTracker, devices_that_cannot_be_denied_are_an_error) {
  EXPECT_TRUE(in_child([] {
    std::string note;
    const std::vector<DeviceNumber> denied = {{.is_block = false, .major = 1, .minor = 7}};
    return !make_tracker({.kind = TrackerKind::cgroup, .cgroup_root = "/nonexistent", .denied_devices = denied},
                         &note) &&
           !make_tracker({.denied_devices = denied}, &note);
  }));
}

TEST(MakeTracker, falls_back_with_a_note) {
  EXPECT_TRUE(in_child([] {
    std::string note;
    auto tracker = *make_tracker({.kind = TrackerKind::cgroup, .cgroup_root = "/nonexistent"}, &note);
    return note.find("/nonexistent") != std::string::npos && tracker->empty();
  }));
}

TEST(ProcessTable, names_with_brackets_are_read) {
  const auto self = process_info(getpid());
  ASSERT_TRUE(self);
  EXPECT_EQ(self->parent, getppid());
  EXPECT_GT(self->rss_bytes, 1000u);
  EXPECT_FALSE(process_info(-5));
}

}  // namespace
}  // namespace flurm::exec
