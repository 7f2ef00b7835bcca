// sched/script.hpp — placement scripts: configuration lines, scenarios of jobs, and what a real Slurm did with them
// (testdata/*.txt, written by testdata/record.py).
#pragma once
#include <string>
#include <vector>

#include "sched/world.hpp"

namespace flurm::sched::test {

struct ScriptJob {
  std::string options;   // of sbatch
  std::string request;   // fields of the request that sbatch made of them
  std::string expected;  // "running cpus=4 n[1-2]:0-1:200", "pending Resources", "refused invalid_feature"
  int line = 0;
};

struct ScriptNodeChange {
  std::string node, state;
};

struct Scenario {
  std::string name;
  std::vector<ScriptNodeChange> node_changes;  // before the jobs
  std::vector<ScriptJob> jobs;
};

struct Script {
  std::vector<std::string> configuration;
  std::vector<Scenario> scenarios;
};

Script read_script(const std::string& path);

/// A world with the script's nodes, partitions and settings.
World make_world(const Script& script);

/// What FLURM's planner does with the scenario's jobs, in the words of ScriptJob::expected.
std::vector<std::string> play(World world, const Scenario& scenario);

}  // namespace flurm::sched::test
