// conf/slurm_conf.cpp — slurm.conf from text to Config: single keys by table, then records, then what must agree.
#include "conf/slurm_conf.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "conf/records.hpp"
#include "conf/slurm_keys.hpp"

namespace flurm::conf {
namespace {

constexpr std::string_view kRecords[] = {"NodeName", "PartitionName", "NodeSet", "DownNodes", "SlurmctldHost"};
/// Older spelling of SlurmctldHost.
constexpr std::string_view kOldHosts[] = {"ControlMachine", "ControlAddr", "BackupController", "BackupAddr"};

bool is_one_of(std::string_view key, std::span<const std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view name) { return same_word(name, key); });
}

/// Edits needed to turn a into b, for suggestions.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row.back();
}

std::string unknown_key(std::string_view key) {
  std::string_view best;
  std::size_t best_distance = 3;
  if (key.size() <= 64)
    for (const KeyInfo& known : slurm_conf_keys())
      if (std::size_t d = distance(lower(key), lower(known.name)); d < best_distance) {
        best = known.name;
        best_distance = d;
      }
  return best.empty() ? "is not a key of slurm.conf"
                      : fmt::format("is not a key of slurm.conf; did you mean {}?", best);
}

class Reader {
 public:
  Reader(const std::vector<Line>& lines, const std::string& file, std::vector<Diagnostic>& out)
      : lines_(lines), file_(file), out_(out) {}

  Config read() {
    for (const Line& line : lines_) single(line);
    hosts();
    read_nodes(lines_, out_, config_);
    read_partitions(lines_, out_, config_);
    derive();
    check();
    return std::move(config_);
  }

 private:
  void single(const Line& line) {
    const Report report{out_, line.file, line.number};
    const auto& [name, value] = line.pairs[0];
    if (is_one_of(name, kRecords)) return;
    if (line.pairs.size() > 1)
      report.error(
          name, fmt::format("'{}' does not belong on this line; quote a value that holds blanks", line.pairs[1].key));
    const bool again = !given_.emplace(lower(name), line.number).second;
    if (again) report.warning(name, "given before; the last one counts");
    if (is_one_of(name, kOldHosts)) {
      old_hosts_[lower(name)] = value;
      return;
    }
    if (same_word(name, "PowerAction")) return report.warning(name, "is accepted but has no effect in FLURM yet");
    const Key<Config>* key = find_key(slurm_keys(), name);
    if (key == nullptr) return report.error(name, unknown_key(name));
    Config before = config_;
    if (auto done = apply(*key, value, config_); !done) {
      report.error(key->name, done.error().text);
      config_ = std::move(before);
    } else if (key->support == Support::later && !again && !(config_ == before)) {
      report.warning(key->name, "is accepted but has no effect in FLURM yet");
    }
  }

  void hosts() {
    for (const Line& line : lines_) {
      if (!same_word(line.pairs[0].key, "SlurmctldHost")) continue;
      const Report report{out_, line.file, line.number};
      const std::string& value = line.pairs[0].value;
      ControllerHost host{value, value};
      if (auto open = value.find('('); open != value.npos) {
        if (!value.ends_with(')') || value.find_first_of("()", open + 1) != value.size() - 1) {
          report.error("SlurmctldHost", fmt::format("'{}' is not allowed; allowed: name or name(address)", value));
          continue;
        }
        host = {value.substr(0, open), value.substr(open + 1, value.size() - open - 2)};
      }
      if (host.name.empty() || host.addr.empty() || value.find(')') < value.find('('))
        report.error("SlurmctldHost", fmt::format("'{}' is not allowed; allowed: name or name(address)", value));
      if (std::ranges::any_of(config_.controllers, [&](const auto& other) { return other.name == host.name; }))
        report.error("SlurmctldHost", fmt::format("{} is configured twice", host.name));
      config_.controllers.push_back(std::move(host));
    }
    auto old = [&](std::string_view key, const std::string& otherwise) {
      auto it = old_hosts_.find(std::string(key));
      return it == old_hosts_.end() ? otherwise : it->second;
    };
    if (!config_.controllers.empty()) {
      if (!old_hosts_.empty()) whole_.warning("ControlMachine", "and kin have no effect beside SlurmctldHost");
      return;
    }
    if (auto name = old("controlmachine", ""); !name.empty())
      config_.controllers.push_back({name, old("controladdr", name)});
    if (auto name = old("backupcontroller", ""); !name.empty())
      config_.controllers.push_back({name, old("backupaddr", name)});
    else if (old_hosts_.contains("backupaddr"))
      whole_.error("BackupAddr", "needs BackupController");
  }

  bool given(std::string_view key) const { return given_.contains(lower(key)); }

  /// Values that follow from others.
  void derive() {
    Config& c = config_;
    c.cluster_name = lower(c.cluster_name);
    const bool dbd = c.accounting_storage_type == "accounting_storage/slurmdbd";
    if (dbd) {
      if (!given("AccountingStoragePort")) c.accounting_storage_port = 6819;
      c.accounting_storage_user = "N/A";
    }
    if (c.job_comp_type == "jobcomp/mysql" && !given("JobCompLoc")) c.job_comp_loc = "slurm_jobcomp_db";
    if (given("PropagateResourceLimitsExcept")) c.propagate_rlimits.clear();
    if (auto at = c.acct_gather_energy_type.find("rsmi"); at != std::string::npos)
      c.acct_gather_energy_type.replace(at, 4, "gpu");
    const std::uint32_t ids = c.max_job_id - c.first_job_id + 1;
    if (c.first_job_id <= c.max_job_id) c.max_job_cnt = std::min(c.max_job_cnt, ids);
    for (auto option : {"NoInAddrAny", "NoCtldInAddrAny"})
      if (Config::has_option(c.topology_param, option) && !Config::has_option(c.comm_params, option))
        c.comm_params += (c.comm_params.empty() ? "" : ",") + std::string(option);
    keepalive("keepaliveinterval", c.keepalive_interval);
    keepalive("keepaliveprobes", c.keepalive_probes);
    keepalive("keepalivetime", c.keepalive_time);
  }

  void keepalive(std::string_view option, std::uint32_t& member) {
    std::string value;
    if (!Config::has_option(config_.comm_params, option, &value)) return;
    if (auto number = parse_number(value, 0, 0x7fffffff))
      member = static_cast<std::uint32_t>(*number);
    else
      error("CommunicationParameters", fmt::format("{}: {}", option, number.error().text));
  }

  /// An error about a key, at the line where it stands.
  void error(std::string_view key, std::string message) {
    for (const Line& line : lines_)
      if (same_word(line.pairs[0].key, key)) return Report{out_, line.file, line.number}.error(key, std::move(message));
    whole_.error(key, std::move(message));
  }

  /// Combinations that Slurm refuses to start with.
  void check() {
    const Config& c = config_;
    if (c.cluster_name.empty()) whole_.error("ClusterName", "is missing");
    if (c.controllers.empty()) whole_.error("SlurmctldHost", "is missing");
    if (c.nodes.empty() && c.max_node_cnt == 0) whole_.error("NodeName", "is missing; a cluster needs a node");
    if (c.first_job_id > c.max_job_id) error("FirstJobId", fmt::format("must not be above MaxJobId={}", c.max_job_id));
    if (c.slurmctld_port == c.slurmd_port) error("SlurmdPort", "must differ from SlurmctldPort");
    if (c.preempt_type == "preempt/none" && (c.preempt_mode & ~kPreemptGang) != kPreemptOff)
      error("PreemptMode", "needs PreemptType=preempt/partition_prio or preempt/qos");
    if (c.preempt_type != "preempt/none" && (c.preempt_mode & ~(kPreemptGang | kPreemptWithin)) == kPreemptOff)
      error("PreemptType", "needs PreemptMode CANCEL, REQUEUE or SUSPEND,GANG");
    if (c.mcs_plugin == "mcs/group" && c.mcs_plugin_params.empty()) error("MCSPlugin", "mcs/group needs MCSParameters");
    if (!given("MCSPlugin") && !c.mcs_plugin_params.empty()) error("MCSParameters", "needs MCSPlugin");
    if (c.sched_log_level > 0 && c.sched_logfile.empty()) error("SlurmSchedLogLevel", "needs SlurmSchedLogFile");
    if (c.priority_decay_hl == 0 && c.priority_reset_period == 0)
      error("PriorityDecayHalfLife", "0 needs a PriorityUsageResetPeriod, or usage grows without end");
    if (c.priority_calc_period == 0) error("PriorityCalcPeriod", "must be at least one minute");
    if ((c.prolog_flags & kPrologNoHold) != 0 && (c.prolog_flags & kPrologContain) != 0)
      error("PrologFlags", "NoHold does not go with Contain or X11");
    if ((c.prolog_flags & kPrologX11) != 0 && c.proctrack_type == "proctrack/linuxproc")
      error("PrologFlags", "X11 does not go with ProctrackType=proctrack/linuxproc");
    if (c.job_container_plugin == "job_container/tmpfs" && (c.prolog_flags & kPrologContain) == 0)
      error("JobContainerType", "job_container/tmpfs needs PrologFlags=Contain");
    if (c.max_node_cnt > 0 && c.select_type != "select/cons_tres")
      error("MaxNodeCount", "needs SelectType=select/cons_tres");
    if (Config::has_option(c.comm_params, "DisableIPv4") && !Config::has_option(c.comm_params, "EnableIPv6"))
      error("CommunicationParameters", "DisableIPv4 needs EnableIPv6");
    if (Config::has_option(c.job_acct_gather_params, "UsePss") &&
        Config::has_option(c.job_acct_gather_params, "NoShared"))
      error("JobAcctGatherParams", "UsePss does not go with NoShared");
    if (Config::has_option(c.launch_params, "enable_nss_slurm") &&
        Config::has_option(c.launch_params, "disable_send_gids"))
      error("LaunchParameters", "enable_nss_slurm does not go with disable_send_gids");
    std::string script;
    if (Config::has_option(c.sched_params, "max_script_size", &script))
      if (auto size = parse_number(script, 0, 512 << 20); !size)
        error("SchedulerParameters", "max_script_size: " + size.error().text);
  }

  const std::vector<Line>& lines_;
  const std::string& file_;
  std::vector<Diagnostic>& out_;
  const Report whole_{out_, file_, 0};
  Config config_;
  std::map<std::string, int> given_;  // keys in lower case, first line
  std::map<std::string, std::string> old_hosts_;
};

}  // namespace

Result<Config> parse_slurm_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                std::vector<Diagnostic>& out) {
  const std::size_t before = out.size();
  const Lines lines = read_lines(text, file, include, out);
  Config config = Reader(lines.lines, file, out).read();
  config.hash_val = lines.hash;
  if (auto error = first_error(out, before); !error.empty()) return fail(Errc::einval, "{}", error);
  return config;
}

std::vector<KeyInfo> slurm_conf_keys() {
  std::vector<KeyInfo> keys;
  for (const auto& key : slurm_keys()) keys.push_back({key.name, key.support});
  for (auto name : kRecords) keys.push_back({name, Support::acted});
  for (auto name : kOldHosts) keys.push_back({name, Support::acted});
  keys.push_back({"PowerAction", Support::later});
  std::ranges::sort(keys, [](const KeyInfo& a, const KeyInfo& b) { return lower(a.name) < lower(b.name); });
  return keys;
}

bool Config::config_overrides() const { return has_option(slurmd_params, "config_overrides"); }

bool Config::has_option(const std::string& list, std::string_view option, std::string* value) {
  for (std::string_view part : split_list(list)) {
    const auto equals = part.find('=');
    if (!same_word(part.substr(0, equals), option)) continue;
    if (value != nullptr) *value = equals == part.npos ? "" : std::string(part.substr(equals + 1));
    return true;
  }
  return false;
}

std::string expand_node_path(std::string path, const NodeDef& node) {
  if (auto at = path.find("%h"); at != path.npos) path.replace(at, 2, node.hostname);
  if (auto at = path.find("%n"); at != path.npos) path.replace(at, 2, node.name);
  return path;
}

}  // namespace flurm::conf
