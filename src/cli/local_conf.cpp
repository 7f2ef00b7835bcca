// cli/local_conf.cpp — see local_conf.hpp.
#include "cli/local_conf.hpp"

#include <vector>

#include "conf/lines.hpp"

namespace flurm::cli {
namespace {

/// "Key" of a line, or "Key=value" for lines of which there are many.
std::string identity(std::string_view line) {
  const auto equals = line.find('=');
  const std::string key = conf::lower(conf::split_list(line.substr(0, equals), " \t").empty()
                                          ? ""
                                          : conf::split_list(line.substr(0, equals), " \t")[0]);
  if (equals == line.npos || (key != "nodename" && key != "partitionname" && key != "nodeset" && key != "downnodes"))
    return key;
  const auto rest = conf::split_list(line.substr(equals + 1), " \t");
  return key + "=" + (rest.empty() ? "" : conf::lower(rest[0]));
}

bool is_default(const std::string& identity) { return identity.ends_with("=default"); }

}  // namespace

std::string local_slurm_conf(const Layout& layout, const Settings& settings, const std::string& host,
                             std::string_view extra) {
  const int port = settings.first_port;
  std::vector<std::string> lines = {"ClusterName=local"};
  if (settings.controllers == 1) lines.push_back(fmt::format("SlurmctldHost={}(127.0.0.1)", host));
  for (int i = 1; i <= settings.controllers && settings.controllers > 1; ++i)
    lines.push_back(fmt::format("SlurmctldHost={}({})", controller_name(settings, i), loopback_address(i)));
  const std::vector<std::string> rest = {
      fmt::format("SlurmctldPort={}", port),
      "AuthType=auth/munge",
      fmt::format("AuthInfo=socket={}", layout.munge_socket()),
      fmt::format("SlurmUser={}", settings.slurm_user),
      "SlurmdUser=" + current_user().name,
      fmt::format("StateSaveLocation={}/state", layout.dir),
      fmt::format("SlurmctldPidFile={}/run/flurmctld.pid", layout.dir),
      fmt::format("SlurmctldLogFile={}", layout.log("flurmctld")),
      fmt::format("SlurmdPidFile={}/run/%n.pid", layout.dir),
      fmt::format("SlurmdLogFile={}", layout.log("%n")),
      fmt::format("SlurmdSpoolDir={}/spool/%n", layout.dir),
      "SlurmdParameters=config_overrides",
      "SelectType=select/cons_tres",
      "SelectTypeParameters=CR_Core_Memory",
      "DefMemPerCPU=256",
      "ProctrackType=proctrack/linuxproc",
      "MpiDefault=none",
      "ReturnToService=2",
      "KillWait=5",
      "NodeName=DEFAULT CPUs=4 CoresPerSocket=4 RealMemory=4096 TmpDisk=1000 State=UNKNOWN",
      fmt::format("NodeName=n[1-{}] NodeHostname={} NodeAddr=127.0.0.1 Port=[{}-{}]", settings.nodes, host, port + 1,
                  port + settings.nodes),
      fmt::format("PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP"),
  };

  lines.insert(lines.end(), rest.begin(), rest.end());
  if (settings.dbd) {
    lines.push_back("AccountingStorageType=accounting_storage/slurmdbd");
    lines.push_back("AccountingStorageHost=127.0.0.1");
    lines.push_back("AccountingStoragePass=" + layout.munge_socket());
    lines.push_back(fmt::format("AccountingStoragePort={}", port + kDbdPortOffset));
  }
  // Several controllers cannot share a file that one of them may rotate; each writes what it prints.
  if (settings.controllers > 1)
    std::erase_if(lines, [](const std::string& line) { return line.starts_with("SlurmctldLogFile="); });

  std::vector<std::string> defaults, added;
  for (std::string_view line : conf::split_list(extra, "\n")) {
    if (line[0] == '#') continue;
    const std::string name = identity(line);
    if (!is_default(name)) std::erase_if(lines, [&](const std::string& old) { return identity(old) == name; });
    if (line.ends_with('=')) continue;
    (is_default(name) ? defaults : added).emplace_back(line);
  }

  std::string out = "# Written by `flurm local up`; give other values with --conf-extra.\n";
  for (const std::string& line : lines) {
    out += line + "\n";
    if (is_default(identity(line)))
      for (const std::string& one : defaults) out += one + "\n";
  }
  for (const std::string& line : added) out += line + "\n";
  return out;
}

std::string local_flurm_conf(const Layout& layout, const Settings& settings) {
  std::string out = fmt::format("# Written by `flurm local up`.\nRaDataDir={}\nHttpPort={}\n",
                                layout.raft(controller_name(settings, 1)), settings.first_port + kHttpPortOffset);
  if (settings.controllers > 1)
    out += fmt::format("ControllerPort={}\nCookieFile={}\n", settings.first_port + kLinkPortOffset, layout.cookie());
  return out;
}

std::string local_slurmdbd_conf(const Layout& layout, const Settings& settings, std::string_view extra) {
  std::vector<std::string> lines = {
      "AuthType=auth/munge",
      fmt::format("AuthInfo=socket={}", layout.munge_socket()),
      "DbdHost=localhost",
      "DbdAddr=127.0.0.1",
      fmt::format("DbdPort={}", settings.first_port + kDbdPortOffset),
      fmt::format("SlurmUser={}", settings.slurm_user),
      fmt::format("PidFile={}/run/flurmdbd.pid", layout.dir),
      "DebugLevel=info",
      "StorageType=accounting_storage/sqlite",
      fmt::format("StorageLoc={}/state/accounting.sqlite", layout.dir),
  };
  for (std::string_view line : conf::split_list(extra, "\n")) {
    if (line[0] == '#') continue;
    std::erase_if(lines, [&](const std::string& old) { return identity(old) == identity(line); });
    lines.emplace_back(line);
  }
  std::string out = "# Written by `flurm local up --dbd`; what stands in slurmdbd.extra replaces it.\n";
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

}  // namespace flurm::cli
