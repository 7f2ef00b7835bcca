// noded/node_config.cpp — see node_config.hpp.
#include "noded/node_config.hpp"

#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>

#include "base/bitmap.hpp"
#include "base/hostlist.hpp"
#include "conf/detected_gpus.hpp"
#include "conf/other_conf.hpp"
#include "conf/slurm_conf.hpp"
#include "exec/fd.hpp"
#include "noded/cpu_binding.hpp"
#include "noded/nvml.hpp"
#include "wire/versions.hpp"

namespace flurm::noded {
namespace {

Result<std::string> read_conf_file(const std::string& path) { return exec::read_file(path, conf::kConfTextMax); }

Result<conf::GresConf> read_gres_file(const std::string& file, std::vector<conf::Diagnostic>& problems) {
  const auto text = read_conf_file(file);
  return conf::parse_gres_conf(text.value_or(""), file, read_conf_file, problems);
}

Result<std::uint32_t> user_id(const std::string& name) {
  std::vector<char> buffer(64 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found) return entry.pw_uid;
  std::uint32_t uid = 0;
  const char* end = name.data() + name.size();
  if (const auto parsed = std::from_chars(name.data(), end, uid); parsed.ec == std::errc{} && parsed.ptr == end)
    return uid;
  return fail(Errc::einval, "SlurmUser: there is no user {}", name);
}

std::string host_name() {
  char name[256] = "localhost";
  gethostname(name, sizeof name - 1);
  return name;
}

/// A missing cgroup.conf means its defaults.
Result<void> read_cgroup_conf(const std::string& conf_file, StepSettings& settings,
                              std::vector<conf::Diagnostic>& problems) {
  const std::string file = conf_file.substr(0, conf_file.rfind('/') + 1) + "cgroup.conf";
  const auto text = read_conf_file(file);
  FLURM_TRY(const conf::CgroupConf cgroup, conf::parse_cgroup_conf(text.value_or(""), file, read_conf_file, problems));
  settings.cgroup_root = cgroup.mountpoint;
  settings.constrain_memory = cgroup.constrain_ram;
  settings.constrain_devices = cgroup.constrain_devices;
  return {};
}

/// A missing oci.conf means that containers are not run here.
Result<void> read_oci_conf(const std::string& conf_file, StepSettings& settings,
                           std::vector<conf::Diagnostic>& problems) {
  const std::string file = conf_file.substr(0, conf_file.rfind('/') + 1) + "oci.conf";
  if (access(file.c_str(), F_OK) != 0) return {};
  FLURM_TRY(const std::string text, read_conf_file(file));
  FLURM_TRY(settings.oci, conf::parse_oci_conf(text, file, read_conf_file, problems));
  return {};
}

Result<void> read_influx_conf(const std::string& conf_file, const conf::Config& config, StepSettings& settings,
                              std::vector<conf::Diagnostic>& problems) {
  if (config.acct_gather_profile_type != "acct_gather_profile/influxdb") return {};
  const std::string file = conf_file.substr(0, conf_file.rfind('/') + 1) + "acct_gather.conf";
  FLURM_TRY(const std::string text, read_conf_file(file));
  FLURM_TRY(settings.influx, conf::parse_influx_conf(text, file, read_conf_file, problems));
  return {};
}

Result<void> read_job_container_conf(const std::string& conf_file, const conf::Config& config,
                                     const conf::NodeDef& node, StepSettings& settings,
                                     std::vector<conf::Diagnostic>& problems) {
  if (config.job_container_plugin != "job_container/tmpfs") return {};
  const std::string file = conf_file.substr(0, conf_file.rfind('/') + 1) + "job_container.conf";
  FLURM_TRY(const std::string text, read_conf_file(file));
  FLURM_TRY(settings.job_container, conf::parse_job_container_conf(text, node.name, file, read_conf_file, problems));
  settings.job_container.base_path = conf::expand_node_path(settings.job_container.base_path, node);
  return {};
}

/// Cores as Slurm counts them. A node that is said to be another machine than this one has no map: numbers are kept.
CoresOf cores_by_cpu(const Hardware& hardware, const CpuMap& cpus) {
  std::vector<std::uint32_t> system_number = cpus.system_number;
  if (system_number.size() != hardware.cpus) {
    system_number.resize(hardware.cpus);
    std::iota(system_number.begin(), system_number.end(), 0);
  }
  return [system_number, threads = std::max<std::size_t>(hardware.threads_per_core, 1)](const std::vector<bool>& near) {
    Bitmap cores((system_number.size() + threads - 1) / threads);
    for (std::size_t i = 0; i < system_number.size(); ++i)
      if (system_number[i] < near.size() && near[system_number[i]]) cores.set(i / threads);
    return cores.list();
  };
}

/// The GPUs that AutoDetect finds; nothing where it is not asked to look, or cannot.
std::optional<std::vector<conf::NodeGres>> detect_gpus(const std::string& how, const CoresOf& cores_of,
                                                       const conf::Report& report) {
  if (how.empty() || how == "off") return std::nullopt;
  if (how != "nvml") {
    report.warning("AutoDetect", how + ": FLURM looks with nvml alone; the devices that File names are all");
    return std::nullopt;
  }
  auto gpus = find_nvidia_gpus(cores_of);
  if (gpus) return std::move(*gpus);
  report.warning("AutoDetect", gpus.error().text + "; the devices that File names are all");
  return std::nullopt;
}

/// A missing gres.conf means that counts of slurm.conf are all there is to say.
Result<NodeResources> read_gres_conf(const std::string& conf_file, const NodeSetup& setup, const conf::NodeDef& node,
                                     std::vector<conf::Diagnostic>& problems) {
  const std::string file = conf_file.substr(0, conf_file.rfind('/') + 1) + "gres.conf";
  FLURM_TRY(const conf::GresConf gres, read_gres_file(file, problems));
  const conf::Report report{problems, file, 0};
  const auto found =
      detect_gpus(conf::autodetect_of(gres, node.name), cores_by_cpu(setup.hardware, setup.cpus), report);
  const std::string& kinds = setup.config.gres_plugins;
  return look_at_devices(conf::node_gres(gres, kinds, node.name, node.gres, file, problems, found ? &*found : nullptr),
                         kinds, file, problems);
}

Result<Hardware> hardware_of(const conf::Config& config, const conf::NodeDef& node) {
  FLURM_TRY(Hardware hardware, detect_hardware());
  if (config.config_overrides()) {
    hardware.cpus = node.cpus;
    hardware.boards = node.boards;
    hardware.sockets = node.sockets;
    hardware.cores_per_socket = node.cores_per_socket;
    hardware.threads_per_core = node.threads_per_core;
  }
  return hardware;
}

/// The NodeName line of a node that no file names. What is said of it goes before what is found.
Result<std::string> dynamic_line(const NodeOptions& options) {
  const std::string name = options.node_name.empty() ? short_host_name() : options.node_name;
  FLURM_TRY(const Hardware found, detect_hardware());
  std::string line = "NodeName=" + name;
  const auto given = [&](std::string_view key) {
    std::string_view rest = options.dynamic_conf;
    while (!rest.empty()) {
      const std::size_t blank = std::min(rest.find(' '), rest.size());
      const std::string_view word = rest.substr(0, blank);
      if (conf::same_word(word.substr(0, word.find('=')), key)) return true;
      rest.remove_prefix(std::min(blank + 1, rest.size()));
    }
    return false;
  };
  const auto add = [&](std::string_view key, std::uint64_t value) {
    if (!given(key)) line += fmt::format(" {}={}", key, value);
  };
  const bool shape_given = given("CPUs") || given("Procs") || given("Sockets") || given("Boards") ||
                           given("CoresPerSocket") || given("ThreadsPerCore") || given("SocketsPerBoard");
  if (!shape_given) {
    add("CPUs", found.cpus);
    add("Boards", found.boards);
    add("SocketsPerBoard", found.sockets / std::max<std::uint16_t>(found.boards, 1));
    add("CoresPerSocket", found.cores_per_socket);
    add("ThreadsPerCore", found.threads_per_core);
  }
  add("RealMemory", found.memory_mib);
  return options.dynamic_conf.empty() ? line : line + " " + options.dynamic_conf;
}

}  // namespace

std::string short_host_name() {
  const std::string name = host_name();
  return name.substr(0, name.find('.'));
}

std::optional<std::size_t> find_node(const conf::Config& config, const std::string& name, const std::string& host) {
  const std::string short_host = host.substr(0, host.find('.'));
  for (std::size_t i = 0; i < config.nodes.size(); ++i) {
    const conf::NodeDef& node = config.nodes[i];
    if (!name.empty()
            ? node.name == name
            : node.hostname == host || node.hostname == short_host || node.name == host || node.name == short_host) {
      return i;
    }
  }
  return std::nullopt;
}

Result<LoadedNode> load_node(const NodeOptions& options, std::vector<conf::Diagnostic>& problems) {
  FLURM_TRY(const std::string text, read_conf_file(options.conf_file));
  LoadedNode loaded;
  NodeSetup& setup = loaded.setup;
  FLURM_TRY(setup.config, conf::parse_slurm_conf(text, options.conf_file, read_conf_file, problems));
  setup.booted = options.booted;
  if (options.dynamic) {
    FLURM_TRY(setup.dynamic_line, dynamic_line(options));
    const std::uint32_t hash = setup.config.hash_val;  // of the file as others have it
    problems.clear();
    FLURM_TRY(setup.config, conf::parse_slurm_conf(text + "\n" + setup.dynamic_line + "\n", options.conf_file,
                                                   read_conf_file, problems));
    setup.config.hash_val = hash;
  }
  const auto index = find_node(setup.config, options.node_name, host_name());
  if (!index) {
    return fail(Errc::invalid_node_name, "{} is no NodeName of {}",
                options.node_name.empty() ? host_name() : options.node_name, options.conf_file);
  }
  loaded.node = setup.config.nodes[*index];
  loaded.shares_machine = std::ranges::count(setup.config.nodes, loaded.node.hostname, &conf::NodeDef::hostname) > 1;
  conf::Config::has_option(setup.config.authinfo, "socket", &loaded.munge_socket);

  FLURM_TRY(setup.slurm_user_id, user_id(setup.config.slurm_user_name));
  FLURM_TRY(setup.hardware, hardware_of(setup.config, loaded.node));
  FLURM_TRY(setup.cpus, detect_cpus());
  setup.supervisor_program = options.supervisor_program;
  setup.facts.node_name = loaded.node.name;
  setup.facts.host_name = short_host_name();
  setup.facts.cluster_name = setup.config.cluster_name;
  setup.facts.slurm_conf = options.conf_file;
  if (!setup.config.slurmctld_addr.empty()) {
    setup.facts.controller_addr = setup.config.slurmctld_addr;
  } else if (!setup.config.controllers.empty()) {
    const conf::ControllerHost& first = setup.config.controllers.front();
    setup.facts.controller_addr = first.addr.empty() ? first.name : first.addr;
  }
  setup.facts.controller_port = setup.config.slurmctld_port;
  setup.facts.protocol = wire::kOldestVersion;  // what clients of every release here can be told
  setup.facts.select_plugin_id = select_plugin_id(setup.config.select_type);
  setup.settings.spool_directory = conf::expand_node_path(setup.config.slurmd_spooldir, loaded.node);
  setup.settings.log_file =
      !options.log_file.empty() ? options.log_file : conf::expand_node_path(setup.config.slurmd_logfile, loaded.node);
  setup.settings.own_nice = getpriority(PRIO_PROCESS, 0);
  setup.settings.plugstack = !setup.config.plugstack.empty()
                                 ? setup.config.plugstack
                                 : options.conf_file.substr(0, options.conf_file.rfind('/') + 1) + "plugstack.conf";
  setup.settings.plugin_dir = setup.config.plugindir;
  FLURM_TRY_VOID(read_cgroup_conf(options.conf_file, setup.settings, problems));
  FLURM_TRY_VOID(read_oci_conf(options.conf_file, setup.settings, problems));
  FLURM_TRY_VOID(read_influx_conf(options.conf_file, setup.config, setup.settings, problems));
  FLURM_TRY_VOID(read_job_container_conf(options.conf_file, setup.config, loaded.node, setup.settings, problems));
  FLURM_TRY(setup.gres, read_gres_conf(options.conf_file, setup, loaded.node, problems));
  return loaded;
}

Result<EmulatedSite> load_emulated(const std::string& conf_file, const std::string& nodes,
                                   std::vector<conf::Diagnostic>& problems) {
  FLURM_TRY(const std::string text, read_conf_file(conf_file));
  EmulatedSite site;
  FLURM_TRY(site.config, conf::parse_slurm_conf(text, conf_file, read_conf_file, problems));
  FLURM_TRY(site.slurm_user_id, user_id(site.config.slurm_user_name));
  conf::Config::has_option(site.config.authinfo, "socket", &site.munge_socket);
  FLURM_TRY(const Hardware hardware, detect_hardware());
  site.arch = hardware.arch;
  site.os = hardware.os;

  HostSet wanted;
  if (nodes != "ALL") {
    FLURM_TRY(wanted, HostSet::parse(nodes));
  }
  for (const std::string& name : wanted.names())
    if (std::ranges::find(site.config.nodes, name, &conf::NodeDef::name) == site.config.nodes.end())
      return fail(Errc::invalid_node_name, "{} is no NodeName of {}", name, conf_file);
  const std::string gres_file = conf_file.substr(0, conf_file.rfind('/') + 1) + "gres.conf";
  FLURM_TRY(const conf::GresConf gres, read_gres_file(gres_file, problems));
  std::map<std::uint16_t, std::string> ports;
  for (const conf::NodeDef& node : site.config.nodes) {
    if (nodes != "ALL" && !wanted.contains(node.name)) continue;
    // A message does not say which node it is for.
    if (const auto [taken, is_new] = ports.emplace(node.port, node.name); !is_new)
      return fail(Errc::einval, "{} and {} have port {}: to be emulated, each node needs a Port of its own",
                  taken->second, node.name, node.port);
    EmulatedSite::Node& out = site.nodes.emplace_back();
    out.definition = node;
    if (!node.gres.empty())
      out.gres.records = conf::node_gres(gres, site.config.gres_plugins, node.name, node.gres, gres_file, problems);
  }
  return site;
}

}  // namespace flurm::noded
