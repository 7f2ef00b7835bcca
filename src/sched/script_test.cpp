// sched/script_test.cpp — the planner beside a real Slurm: every scenario of testdata/*.txt, job by job.
#include "sched/script.hpp"

#include <gtest/gtest.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/bitmap.hpp"
#include "base/result.hpp"

namespace flurm::sched::test {
namespace {

using model::JobReason;

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

/// "key=value" words by key; a word without "=" has an empty value.
std::map<std::string, std::string> settings_of(const std::string& line) {
  std::map<std::string, std::string> found;
  for (const std::string& word : words(line)) {
    const auto equals = word.find('=');
    found[word.substr(0, equals)] = equals == word.npos ? "" : word.substr(equals + 1);
  }
  return found;
}

std::uint64_t number(const std::string& text) { return std::stoull(text); }

std::uint16_t cr_type(const std::string& text) {
  static const std::map<std::string, std::uint16_t> kBits = {{"CR_CPU", 0x1},
                                                             {"CR_Socket", 0x2},
                                                             {"CR_Core", 0x4},
                                                             {"CR_CPU_Memory", 0x11},
                                                             {"CR_Socket_Memory", 0x12},
                                                             {"CR_Core_Memory", 0x14},
                                                             {"CR_Memory", 0x10},
                                                             {"CR_LLN", 0x4000},
                                                             {"CR_ONE_TASK_PER_CORE", 0x100},
                                                             {"CR_Pack_Nodes", 0x200},
                                                             {"CR_CORE_DEFAULT_DIST_BLOCK", 0x1000}};
  std::uint16_t bits = 0;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, ',');) bits |= kBits.at(word);
  return bits;
}

std::uint16_t max_share(const std::string& text) {
  const auto colon = text.find(':');
  const std::uint16_t count = colon == text.npos ? 4 : static_cast<std::uint16_t>(number(text.substr(colon + 1)));
  const std::string kind = text.substr(0, colon);
  if (kind == "EXCLUSIVE") return 0;
  if (kind == "FORCE") return count | model::kShareForce;
  return kind == "YES" ? count : 1;
}

std::uint32_t minutes(const std::string& text) {
  if (text == "INFINITE" || text == "UNLIMITED") return kInfinite32;
  if (const auto dash = text.find('-'); dash != text.npos)
    return static_cast<std::uint32_t>(number(text.substr(0, dash)) * 1440 + number(text.substr(dash + 1)) * 60);
  return static_cast<std::uint32_t>(number(text));
}

void add_nodes(World& world, std::map<std::string, std::string> keys) {
  const auto or_one = [&](const char* key) {
    return static_cast<std::uint16_t>(keys.contains(key) ? number(keys[key]) : 1);
  };
  const std::vector<std::string> names = *expand_hosts(keys["NodeName"]);
  for (const std::string& name : names) {
    model::NodeConfig& config =
        world.add_node(name, or_one("Sockets"), or_one("CoresPerSocket"), or_one("ThreadsPerCore")).config;
    if (keys.contains("CPUs")) config.cpus = or_one("CPUs");
    config.real_memory = number(keys["RealMemory"]);
    if (keys.contains("TmpDisk")) config.tmp_disk = static_cast<std::uint32_t>(number(keys["TmpDisk"]));
    if (keys.contains("Weight")) config.weight = static_cast<std::uint32_t>(number(keys["Weight"]));
    if (keys.contains("CoreSpecCount")) config.core_spec_count = or_one("CoreSpecCount");
    if (keys.contains("MemSpecLimit")) config.mem_spec_limit = number(keys["MemSpecLimit"]);
    config.features = keys.contains("Feature") ? keys["Feature"] : keys["Features"];
  }
}

void add_partition(World& world, std::map<std::string, std::string> keys) {
  model::Partition& partition = world.partition(keys["PartitionName"], keys["Nodes"]);
  if (keys.contains("Default")) partition.flags |= model::partition_flag::is_default;
  if (keys.contains("MaxTime")) partition.max_time = minutes(keys["MaxTime"]);
  if (keys.contains("DefaultTime")) partition.default_time = minutes(keys["DefaultTime"]);
  if (keys.contains("PriorityTier")) partition.priority_tier = static_cast<std::uint16_t>(number(keys["PriorityTier"]));
  if (keys.contains("OverSubscribe")) partition.max_share = max_share(keys["OverSubscribe"]);
  if (keys.contains("MaxNodes")) partition.max_nodes = static_cast<std::uint32_t>(number(keys["MaxNodes"]));
  if (keys.contains("MinNodes")) partition.min_nodes = static_cast<std::uint32_t>(number(keys["MinNodes"]));
  if (keys.contains("MaxCPUsPerNode"))
    partition.max_cpus_per_node = static_cast<std::uint32_t>(number(keys["MaxCPUsPerNode"]));
  if (keys.contains("ExclusiveUser")) partition.flags |= model::partition_flag::exclusive_user;
  if (keys.contains("LLN")) partition.flags |= model::partition_flag::lln;
  if (keys.contains("SelectTypeParameters")) partition.cr_type = cr_type(keys["SelectTypeParameters"]);
  if (keys.contains("DefMemPerCPU")) partition.def_mem_per_cpu = number(keys["DefMemPerCPU"]) | model::kMemoryPerCpu;
  if (keys.contains("MaxMemPerCPU")) partition.max_mem_per_cpu = number(keys["MaxMemPerCPU"]) | model::kMemoryPerCpu;
}

std::uint32_t task_dist(const std::string& text) {
  static const std::map<std::string, std::uint32_t> kDists = {
      {"cyclic", 0x1},         {"block", 0x2},         {"arbitrary", 0x3},       {"plane", 0x4},
      {"cyclic:cyclic", 0x11}, {"cyclic:block", 0x21}, {"cyclic:fcyclic", 0x31}, {"block:cyclic", 0x12},
      {"block:block", 0x22},   {"block:fcyclic", 0x32}};
  return kDists.at(text.substr(0, text.find('=')));
}

template <class T>
void assign(std::map<std::string, std::string>& fields, const char* key, T& value) {
  if (fields.contains(key)) value = static_cast<T>(number(fields[key]));
}

model::JobRequest request_of(const ScriptJob& job) {
  model::JobRequest r;
  auto f = settings_of(job.request);
  assign(f, "min_cpus", r.min_cpus);
  assign(f, "max_cpus", r.max_cpus);
  assign(f, "pn_min_cpus", r.pn_min_cpus);
  assign(f, "min_nodes", r.min_nodes);
  assign(f, "max_nodes", r.max_nodes);
  assign(f, "sockets_per_node", r.sockets_per_node);
  assign(f, "cores_per_socket", r.cores_per_socket);
  assign(f, "threads_per_core", r.threads_per_core);
  assign(f, "mem", r.pn_min_memory);
  if (f.contains("mem_per_cpu")) r.pn_min_memory = number(f["mem_per_cpu"]) | model::kMemoryPerCpu;
  assign(f, "pn_min_tmp_disk", r.pn_min_tmp_disk);
  assign(f, "contiguous", r.contiguous);
  assign(f, "shared", r.shared);
  assign(f, "num_tasks", r.num_tasks);
  assign(f, "overcommit", r.overcommit);
  assign(f, "cpus_per_task", r.cpus_per_task);
  assign(f, "ntasks_per_node", r.ntasks_per_node);
  assign(f, "ntasks_per_socket", r.ntasks_per_socket);
  assign(f, "ntasks_per_core", r.ntasks_per_core);
  assign(f, "plane_size", r.plane_size);
  assign(f, "time_limit", r.time_limit);
  assign(f, "bitflags", r.bitflags);
  r.features = f["features"];
  r.req_nodes = f["req_nodes"];
  r.exc_nodes = f["exc_nodes"];
  r.licenses = f["licenses"];
  return r;
}

/// The part of a request that does not show in the log: read from the options.
void apply_options(const std::string& options, JobSpec& spec) {
  const std::vector<std::string> all = words(options);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] == "-p") spec.partition = all[i + 1];
    if (all[i] == "-m") spec.request.task_dist = task_dist(all[i + 1]);
    if (all[i] == "-a") {
      const auto percent = all[i + 1].find('%');
      spec.array = all[i + 1].substr(0, percent);
      if (percent != all[i + 1].npos)
        spec.array_max = static_cast<std::uint32_t>(number(all[i + 1].substr(percent + 1)));
    }
    if (all[i].starts_with("--priority=")) spec.priority = static_cast<std::uint32_t>(number(all[i].substr(11)));
  }
}

/// Core bits as the numbers of their CPUs, as scontrol shows them.
std::string cpu_ids(const model::NodeShare& share, const model::NodeConfig& config) {
  const std::size_t threads = std::max<std::size_t>(config.cpus / (config.sockets * config.cores), 1);
  Bitmap ids(config.sockets * config.cores * threads);
  for (std::size_t core = 0; core < std::size_t{config.sockets} * config.cores; ++core)
    if (share.cores[core / 64] >> (core % 64) & 1)
      for (std::size_t thread = 0; thread < threads; ++thread) ids.set(core * threads + thread);
  return ids.list();
}

std::string running_text(const World& world, const Placement& placement) {
  std::uint32_t cpus = 0;
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;  // what a node gives, nodes in a row
  for (const model::NodeShare& share : placement.shares) {
    const model::NodeConfig& config = world.view.nodes.find(share.node)->config;
    cpus += share.cpus;
    std::string given = ":" + cpu_ids(share, config) + ":" + std::to_string(share.memory_mib);
    if (groups.empty() || groups.back().first != given) groups.push_back({std::move(given), {}});
    groups.back().second.push_back(config.name);
  }
  std::string text = "running cpus=" + std::to_string(cpus);
  for (const auto& [given, nodes] : groups) text += " " + compress_hosts(nodes) + given;
  return text;
}

/// As scontrol shows it: a description in the reason's place.
std::string reason_text(const model::Job& job) {
  if (!job.state_desc.empty()) {
    std::string text = job.state_desc;
    std::ranges::replace(text, ' ', '_');
    return text;
  }
  static const std::map<JobReason, std::string> kNames = {{JobReason::none, "None"},
                                                          {JobReason::priority, "Priority"},
                                                          {JobReason::resources, "Resources"},
                                                          {JobReason::licenses, "Licenses"},
                                                          {JobReason::part_node_limit, "PartitionNodeLimit"},
                                                          {JobReason::part_time_limit, "PartitionTimeLimit"},
                                                          {JobReason::part_config, "PartitionConfig"},
                                                          {JobReason::bad_constraints, "BadConstraints"},
                                                          {JobReason::node_not_avail, "ReqNodeNotAvail"},
                                                          {JobReason::array_task_limit, "JobArrayTaskLimit"}};
  return kNames.contains(job.reason) ? kNames.at(job.reason) : std::to_string(static_cast<int>(job.reason));
}

/// The tests at submission, in every partition that the job names.
Result<void> admitted(const World& world, const JobSpec& spec) {
  std::istringstream in(spec.partition);
  for (std::string name; std::getline(in, name, ',');)
    for (const auto& partition : world.view.partitions)
      if (partition->name == name) {
        FLURM_TRY_VOID(within_limits(world.view, spec.request, *partition));
        FLURM_TRY_VOID(can_ever_run(world.view, spec.request, *partition));
      }
  return {};
}

}  // namespace

Script read_script(const std::string& path) {
  Script script;
  std::ifstream in(path);
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty() || line.starts_with("#")) continue;
    if (line.starts_with("scenario ")) {
      script.scenarios.push_back({line.substr(9), {}, {}});
    } else if (line.starts_with("submit")) {
      const auto bar = line.find(" | ");
      const std::string options = line.size() > 7 ? line.substr(7, bar - 7) : "";
      script.scenarios.back().jobs.push_back({options, bar == line.npos ? "" : line.substr(bar + 3), "", number});
    } else if (line.starts_with("node ")) {
      const auto parts = words(line);
      script.scenarios.back().node_changes.push_back({parts[1], parts[2]});
    } else if (line.starts_with("-> ")) {
      // where a waiting job is planned to run is not compared: Slurm plans whole nodes
      const auto parts = words(line.substr(3));
      script.scenarios.back().jobs.back().expected = parts[0] == "pending" ? parts[0] + " " + parts[1] : line.substr(3);
    } else {
      script.configuration.push_back(line);
    }
  }
  return script;
}

World make_world(const Script& script) {
  World world;
  world.view.settings.cr_type = 0;
  world.view.settings.def_mem_per_cpu = 0;
  for (const std::string& line : script.configuration) {
    auto keys = settings_of(line);
    model::Settings& settings = world.view.settings;
    if (keys.contains("NodeName"))
      add_nodes(world, keys);
    else if (keys.contains("PartitionName"))
      add_partition(world, keys);
    else if (keys.contains("SelectTypeParameters"))
      settings.cr_type = cr_type(keys["SelectTypeParameters"]);
    else if (keys.contains("SelectType"))
      settings.select_linear = keys["SelectType"] == "select/linear";
    else if (keys.contains("DefMemPerCPU"))
      settings.def_mem_per_cpu = number(keys["DefMemPerCPU"]) | model::kMemoryPerCpu;
    else if (keys.contains("MaxMemPerCPU"))
      settings.max_mem_per_cpu = number(keys["MaxMemPerCPU"]) | model::kMemoryPerCpu;
    else if (keys.contains("SchedulerType"))
      settings.backfill = keys["SchedulerType"] == "sched/backfill";
    else if (keys.contains("Licenses"))
      settings.licenses = keys["Licenses"];
  }
  return world;
}

std::vector<std::string> play(World world, const Scenario& scenario) {
  for (const ScriptNodeChange& change : scenario.node_changes)
    world.change_node(change.node, [&](model::Node& node) {
      if (change.state == "DOWN") node.base = model::NodeBase::down;
      if (change.state == "DRAIN") node.flags |= model::node_flag::drain;
    });
  std::vector<std::string> results;
  std::map<std::uint32_t, std::size_t> index;
  for (const ScriptJob& job : scenario.jobs) {
    JobSpec spec;
    spec.request = request_of(job);
    apply_options(job.options, spec);
    if (const auto result = admitted(world, spec); !result) {
      results.push_back("refused " + std::string(errc_name(result.error().code)));
      continue;
    }
    index[world.submit(std::move(spec)).v] = results.size();
    results.push_back("pending None");
    for (const Placement& placement : world.step().starts)
      results[index.at(placement.job.v)] = running_text(world, placement);
    world.view.pending.for_each([&](std::uint64_t id, const std::shared_ptr<const model::Job>& waiting) {
      if (index.contains(static_cast<std::uint32_t>(id)))
        results[index.at(static_cast<std::uint32_t>(id))] = "pending " + reason_text(*waiting);
      return true;
    });
  }
  return results;
}

TEST(Scripts, AreAsRealSlurmDid) {
  namespace fs = std::filesystem;
  int jobs = 0;
  for (const auto& entry : fs::directory_iterator(FLURM_SOURCE_DIR "/src/sched/testdata")) {
    if (entry.path().extension() != ".txt") continue;
    const Script script = read_script(entry.path());
    for (const Scenario& scenario : script.scenarios) {
      const std::vector<std::string> results = play(make_world(script), scenario);
      for (std::size_t i = 0; i < results.size(); ++i, ++jobs)
        EXPECT_EQ(results[i], scenario.jobs[i].expected)
            << entry.path().filename().string() << ":" << scenario.jobs[i].line << ": " << scenario.jobs[i].options;
    }
  }
  EXPECT_GT(jobs, 100);
}

}  // namespace flurm::sched::test
