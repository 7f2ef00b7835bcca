// noded/profile.hpp — acct_gather_profile/influxdb: samples of a step's tasks, in InfluxDB's line protocol.
// Source: slurm 22.05 src/plugins/acct_gather_profile/influxdb, jobacct_gather/common/common_jag.c _record_profile().
#pragma once
#include <map>
#include <string>

#include "base/types.hpp"
#include "conf/other_conf.hpp"
#include "exec/step_messages.hpp"
#include "io/loop.hpp"
#include "noded/node_job.hpp"

namespace flurm::noded {

/// Makes lines of the states of one step. Times, reads and writes are those since the state before; the first has none.
class TaskSamples {
 public:
  explicit TaskSamples(std::string node_name) : node_name_(std::move(node_name)) {}
  /// Lines about the tasks that are new in it: those that run, and each that ended once more.
  std::string take(const exec::StepState& state, TimeS now);

 private:
  struct Last {
    exec::StepUsage usage;
    TimeS at;
    bool ended = false;
  };
  std::string node_name_;
  std::map<std::uint32_t, Last> last_;  ///< by global task id
};

/// The request that stores the lines; they end up in the body.
std::string influx_request(const conf::InfluxConf& conf, const std::string& lines);

/// Follows steps that are to be profiled, and sends what it sees when it is enough, and at their ends. Samples that
/// cannot be sent are lost, as Slurm's.
class Profiler {
 public:
  /// All outlive what it does.
  Profiler(io::Loop& loop, const std::string& node_name, const std::optional<conf::InfluxConf>& conf)
      : loop_(loop), node_name_(node_name), conf_(conf) {}
  void follow(const NodeJobPtr& job, const StepLink::Ptr& link);

 private:
  static io::Task<void> sample(Profiler& self, NodeJobPtr job, StepLink::Ptr link);
  io::Task<void> send(std::string lines);
  io::Task<Result<void>> post(std::string lines);

  io::Loop& loop_;
  const std::string& node_name_;
  const std::optional<conf::InfluxConf>& conf_;
  bool failing_ = false;
};

}  // namespace flurm::noded
