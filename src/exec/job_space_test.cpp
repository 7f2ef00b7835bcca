// exec/job_space_test.cpp — a job's own directories: made once, entered, and gone without a trace.
#include "exec/job_space.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace flurm::exec {
namespace {

class JobSpace : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || unshare_is_refused()) GTEST_SKIP() << "needs root, and mount namespaces";
    std::string pattern = "/var/tmp/flurm-space-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    space_ = {.base = folder_ + "/deep/base", .make_base = true, .directories = {"/tmp", "/dev/shm"}};
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  static bool unshare_is_refused() {
    const pid_t pid = fork();
    if (pid == 0) _exit(unshare(CLONE_NEWNS) == 0 ? 0 : 1);
    int status = 0;
    waitpid(pid, &status, 0);
    return status != 0;
  }
  /// Runs `act` in the namespace; whether it said yes.
  static bool inside(const Fd& space, bool (*act)()) {
    const pid_t pid = fork();
    if (pid == 0) _exit(setns(space.get(), CLONE_NEWNS) == 0 && act() ? 0 : 1);
    int status = 0;
    waitpid(pid, &status, 0);
    return status == 0;
  }
  std::string folder_;
  StepSpace space_;
  Identity nobody_{.uid = 65534, .gid = 65534, .gids = {}, .name = "nobody"};
};

bool writes() { return static_cast<bool>(std::ofstream("/tmp/flurm-space-test") << "x"); }
bool finds() { return std::filesystem::exists("/tmp/flurm-space-test"); }

TEST_F(JobSpace, IsMadeOnceAndShownToAllWhoEnter) {
  const auto first = open_job_space(space_, 7, nobody_);
  ASSERT_TRUE(first) << first.error().text;
  EXPECT_TRUE(inside(*first, writes));
  const auto second = open_job_space(space_, 7, nobody_);
  ASSERT_TRUE(second) << second.error().text;
  EXPECT_TRUE(inside(*second, finds));
  EXPECT_FALSE(finds());
  const auto other = open_job_space(space_, 8, nobody_);
  ASSERT_TRUE(other);
  EXPECT_FALSE(inside(*other, finds));
  EXPECT_EQ(job_spaces(space_.base).size(), 2u);
  for (const std::uint32_t job : {7u, 8u}) EXPECT_TRUE(remove_job_space(space_.base, job));
  EXPECT_TRUE(job_spaces(space_.base).empty());
}

TEST_F(JobSpace, IsMadeAnewWhereOnlyRemainsAre) {
  std::filesystem::create_directories(space_.base + "/7/.7/_tmp/old");
  const auto made = open_job_space(space_, 7, nobody_);
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_FALSE(inside(*made, [] { return std::filesystem::exists("/tmp/old"); }));
  EXPECT_TRUE(remove_job_space(space_.base, 7));
}

TEST_F(JobSpace, IsNotMadeWhenItsScriptFails) {
  space_.init_script = "/bin/false";
  EXPECT_FALSE(open_job_space(space_, 7, nobody_));
  EXPECT_TRUE(job_spaces(space_.base).empty());
}

}  // namespace
}  // namespace flurm::exec
