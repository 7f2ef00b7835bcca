// noded/container_test.cpp — what becomes of a step's plan and of its bundle's config.json.
#include "noded/container.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace flurm::noded {
namespace {

class Container : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/flurm-container-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    std::filesystem::create_directory(folder_ + "/bundle");
    bundle(R"({"root": {"path": "files"}, "process": {"terminal": true, "args": ["sh"], "env": ["A=1"]}})");
    plan_.key = {.job_id = 7, .step_id = 0};
    plan_.user = {.uid = geteuid(), .gid = getegid(), .gids = {}, .name = "u"};
    plan_.node_name = "n1";
    plan_.env = {"B=2"};
    plan_.tasks.emplace_back().argv = {"echo", "it's"};
    conf_.run = "run %n.%u.%j.%s.%t -b %b -r %r -- %@ 100%%";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void bundle(const std::string& text) { std::ofstream(folder_ + "/bundle/config.json") << text; }
  Result<void> put() { return put_in_container(plan_, folder_ + "/bundle", conf_, folder_); }

  std::string folder_;
  exec::StepLaunch plan_;
  conf::OciConf conf_;
};

TEST_F(Container, RunsWhatTheUserWantsWithTheStepsEnvironment) {
  const auto done = put();
  ASSERT_TRUE(done) << done.error().text;
  const std::string directory = folder_ + "/oci-job00007-00000";
  EXPECT_EQ(plan_.work_dir, directory);
  EXPECT_EQ(plan_.tasks[0].argv, (std::vector<std::string>{"/bin/sh", "-c",
                                                           "run n1.u.7.0.0 -b " + directory + " -r '" + folder_ +
                                                               "/bundle/files' -- 'echo' 'it'\"'\"'s' 100%"}));
  std::ifstream file(directory + "/config.json");
  const auto config = nlohmann::json::parse(file);
  EXPECT_EQ(config["process"]["args"], (nlohmann::json{"echo", "it's"}));
  EXPECT_EQ(config["process"]["env"], (nlohmann::json{"A=1", "B=2"}));
  EXPECT_EQ(config["process"]["terminal"], false);
  EXPECT_EQ(config["root"]["path"], folder_ + "/bundle/files");
}

TEST_F(Container, ABatchScriptIsShownInside) {
  plan_.key.step_id = kBatchStep;
  plan_.tasks[0].argv = {"/spool/slurm_script", "x"};
  ASSERT_TRUE(put());
  std::ifstream file(folder_ + "/oci-job00007-batch/config.json");
  const auto config = nlohmann::json::parse(file);
  EXPECT_EQ(config["process"]["args"], (nlohmann::json{"/tmp/slurm/startup", "x"}));
  EXPECT_EQ(config["mounts"][0]["source"], "/spool/slurm_script");
}

TEST_F(Container, RefusesWhatCannotBeRun) {
  for (const char* text : {"", "[]", "{", R"({"root": {}})", R"({"root": {"path": 3}})",
                           R"({"root": {"path": "x"}, "process": 3})", R"({"root": {"path": "x"}, "mounts": 3})"}) {
    bundle(text);
    plan_.key.step_id = kBatchStep;  // the one that needs mounts
    EXPECT_FALSE(put()) << text;
  }
  bundle(R"({"root": {"path": "x"}})");
  conf_.run = "run %z";
  EXPECT_FALSE(put());
  conf_.run = "run";
  plan_.tasks.emplace_back();
  EXPECT_FALSE(put());
}

}  // namespace
}  // namespace flurm::noded
