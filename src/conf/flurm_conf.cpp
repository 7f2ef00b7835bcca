// conf/flurm_conf.cpp — flurm.conf and its environment variables.
#include "conf/flurm_conf.hpp"

#include "conf/records.hpp"

namespace flurm::conf {
namespace {

Result<void> election_timeout(std::string_view value, FlurmConf& out) {
  const auto dash = value.find('-');
  auto low = parse_number(value.substr(0, dash), 10, 60000);
  auto high = dash == value.npos ? low : parse_number(value.substr(dash + 1), 10, 120000);
  if (!low || !high || *high < *low)
    return fail(Errc::einval, "'{}' is not allowed; allowed: milliseconds from 10, as min-max", value);
  out.raft_election_timeout_min_ms = static_cast<std::uint32_t>(*low);
  out.raft_election_timeout_max_ms = static_cast<std::uint32_t>(dash == value.npos ? *low * 2 : *high);
  return {};
}

Result<void> controllers(std::string_view value, FlurmConf& out) {
  out.controllers.clear();
  for (std::string_view part : split_list(value)) out.controllers.emplace_back(part);
  if (out.controllers.size() % 2 == 0 || out.controllers.size() > 7)
    return fail(Errc::einval, "{} controllers; allowed: 1, 3, 5 or 7", out.controllers.size());
  return {};
}

Result<void> link_tls(std::string_view value, FlurmConf& out) {
  using Tls = FlurmConf::LinkTls;
  for (const auto& [word, tls] : {std::pair{"no", Tls::no}, {"prefer", Tls::prefer}, {"require", Tls::require}})
    if (same_word(value, word)) {
      out.link_tls = tls;
      return {};
    }
  return fail(Errc::einval, "'{}' is not allowed; allowed: no, prefer, require", value);
}

struct FlurmKey {
  Key<FlurmConf> key;
  std::string_view variable;  // of the environment; empty: FLURM_ and the key in capitals
};

std::span<const FlurmKey> keys() {
  using C = FlurmConf;
  static const FlurmKey kKeys[] = {
      {{.name = "ControllerName", .support = Support::acted, .field = &C::controller_name}, "FLURM_NODE_NAME"},
      {{.name = "Controllers", .support = Support::acted, .custom = controllers}, "FLURM_CLUSTER_NODES"},
      {{.name = "Cookie", .support = Support::acted, .field = &C::cookie}, {}},
      {{.name = "CookieFile", .support = Support::acted, .field = &C::cookie_file}, {}},
      {{.name = "ControllerPort", .support = Support::acted, .field = &C::controller_port, .low = 1, .high = 65535},
       {}},
      {{.name = "LinkTls", .support = Support::acted, .custom = link_tls}, {}},
      {{.name = "HttpPort", .support = Support::acted, .field = &C::http_port, .low = 0, .high = 65535}, {}},
      {{.name = "ConfigFile", .support = Support::acted, .field = &C::config_file}, {}},
      {{.name = "RaDataDir", .support = Support::acted, .field = &C::ra_data_dir}, "FLURM_RA_DATA_DIR"},
      {{.name = "LogDir", .support = Support::acted, .field = &C::log_dir}, {}},
      {{.name = "RaftElectionTimeout", .support = Support::acted, .custom = election_timeout}, {}},
      {{.name = "RaftHeartbeatInterval",
        .support = Support::acted,
        .field = &C::raft_heartbeat_interval_ms,
        .low = 1,
        .high = 60000},
       {}},
      {{.name = "RaftSnapshotInterval",
        .support = Support::acted,
        .field = &C::raft_snapshot_interval,
        .low = 16,
        .high = 100000000},
       {}},
      {{.name = "StateFormat", .support = Support::acted, .field = &C::state_format, .low = 0, .high = 65535}, {}},
  };
  return kKeys;
}

/// Parameters of the deployment guide that have their home elsewhere.
struct Elsewhere {
  std::string_view key, home;
};
constexpr Elsewhere kElsewhere[] = {
    {"ClusterName", "slurm.conf: ClusterName"},
    {"SlurmctldHost", "slurm.conf: SlurmctldHost"},
    {"SlurmctldPort", "slurm.conf: SlurmctldPort"},
    {"SlurmdPort", "slurm.conf: SlurmdPort"},
    {"StateDir", "slurm.conf: StateSaveLocation"},
    {"SpoolDir", "slurm.conf: SlurmdSpoolDir"},
    {"SchedulerPlugin", "slurm.conf: SchedulerType"},
    {"ScheduleInterval", "slurm.conf: SchedulerParameters=sched_interval"},
    {"MaxJobCount", "slurm.conf: MaxJobCount"},
    {"DefaultTimeLimit", "slurm.conf: DefaultTime of a PartitionName line"},
    {"MaxTimeLimit", "slurm.conf: MaxTime of a PartitionName line"},
    {"Partitions", "slurm.conf: PartitionName lines"},
    {"AuthType", "slurm.conf: AuthType"},
    {"LogLevel", "slurm.conf: SlurmctldDebug"},
    {"HeartbeatInterval", "slurm.conf: SlurmdTimeout, a third of which is the interval"},
    {"HeartbeatTimeout", "slurm.conf: SlurmdTimeout"},
    {"NodeDownThreshold", "slurm.conf: SlurmdTimeout"},
    {"CheckpointDir", "flurm.conf: RaDataDir"},
    {"CheckpointInterval", "flurm.conf: RaftSnapshotInterval, in log entries"},
};

std::string variable_name(const FlurmKey& key) {
  if (!key.variable.empty()) return std::string(key.variable);
  std::string name = "FLURM_";
  for (std::size_t i = 0; i < key.key.name.size(); ++i) {
    const char c = key.key.name[i];
    const bool capital = c >= 'A' && c <= 'Z';
    if (capital && i > 0) name += '_';
    name += capital ? c : static_cast<char>(c - 'a' + 'A');
  }
  return name;
}

void read_line(const Line& line, const Report& report, FlurmConf& conf) {
  const auto& [name, value] = line.pairs[0];
  if (line.pairs.size() > 1) report.error(name, fmt::format("'{}' does not belong on this line", line.pairs[1].key));
  for (const Elsewhere& other : kElsewhere)
    if (same_word(other.key, name)) return report.error(name, fmt::format("is set elsewhere; {}", other.home));
  for (const FlurmKey& one : keys()) {
    if (!same_word(one.key.name, name)) continue;
    const FlurmConf old = conf;
    if (auto done = apply(one.key, value, conf); !done)
      report.error(one.key.name, done.error().text);
    else if (one.key.support == Support::later && !(conf == old))
      report.warning(one.key.name, "is accepted but has no effect in FLURM yet");
    return;
  }
  report.error(name, "is not a key of flurm.conf");
}

}  // namespace

Result<FlurmConf> parse_flurm_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                   const Environment& environment, std::vector<Diagnostic>& out) {
  const std::size_t before = out.size();
  FlurmConf conf;
  for (const Line& line : read_lines(text, file, include, out).lines)
    read_line(line, {out, line.file, line.number}, conf);
  for (const FlurmKey& one : keys()) {
    const std::string name = variable_name(one);
    auto it = environment.find(name);
    if (it == environment.end()) continue;
    if (auto done = apply(one.key, it->second, conf); !done)
      Report{out, "environment", 0}.error(name, done.error().text);
  }
  if (auto error = first_error(out, before); !error.empty()) return fail(Errc::einval, "{}", error);
  return conf;
}

}  // namespace flurm::conf
