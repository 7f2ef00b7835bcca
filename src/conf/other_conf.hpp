// conf/other_conf.hpp — gres.conf, cgroup.conf, topology.conf and slurmdbd.conf. As with slurm.conf: text in, value or
// diagnostics out.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/types.hpp"
#include "conf/diagnostic.hpp"
#include "conf/lines.hpp"

namespace flurm::conf {

/// One line of gres.conf: devices of one kind, and the nodes that have them.
struct GresDef {
  std::vector<std::string> nodes;  ///< empty: every node that reads the file
  std::string name, type;
  std::uint64_t count = 1;         ///< from Count, or the number of files
  std::vector<std::string> files;  ///< device paths, expanded
  bool multiple_files = false;     ///< all files belong to one device
  std::string cores;               ///< abstract core numbers "0-3,8"; empty: all
  std::string links;
  std::string flags;
  std::string autodetect;  ///< only with nodes
  bool operator==(const GresDef&) const = default;
};
struct GresConf {
  std::string autodetect;  ///< for nodes without their own; empty or "off": none
  std::vector<GresDef> gres;
  bool operator==(const GresConf&) const = default;
};
Result<GresConf> parse_gres_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                 std::vector<Diagnostic>& out);

/// cgroup.conf. Percentages are of the amount allocated to the job unless the name says otherwise.
struct CgroupConf {
  bool automount = false;
  std::string mountpoint = "/sys/fs/cgroup", plugin = "autodetect", slice;
  bool constrain_cores = false, constrain_devices = false, constrain_ram = false, constrain_swap = false;
  double allowed_ram_percent = 100, max_ram_percent_of_node = 100;
  double allowed_swap_percent = 0, max_swap_percent_of_node = 100;
  std::uint64_t min_ram_mib = 30;
  std::uint64_t memory_swappiness = kNoVal64;  ///< 0 to 100, or kNoVal64: as the kernel has it
  bool ignore_systemd = false, ignore_systemd_on_failure = false, enable_controllers = false;
  bool signal_children_processes = false, cgroup_job_id_paths = false, root_owned_cgroups = true;
  std::string enable_extra_controllers;
  std::uint64_t systemd_timeout_ms = 1000;
  bool operator==(const CgroupConf&) const = default;
};
Result<CgroupConf> parse_cgroup_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                     std::vector<Diagnostic>& out);

/// job_container.conf: what each job has for itself (JobContainerType=job_container/tmpfs).
struct JobContainerConf {
  std::string base_path;  ///< below it jobs have their directories; empty: nothing is private here
  bool auto_base_path = false, shared = false;
  std::string init_script;
  std::vector<std::string> directories = {"/tmp", "/dev/shm"};
  bool operator==(const JobContainerConf&) const = default;
};
/// As the node reads it: lines with NodeName hold for those nodes.
Result<JobContainerConf> parse_job_container_conf(std::string_view text, std::string_view node_name,
                                                  const std::string& file, const IncludeText& include,
                                                  std::vector<Diagnostic>& out);

/// oci.conf: the commands that run containers, with patterns (%@, %b, …). `run`, or `create`, `start` and `query`.
struct OciConf {
  std::string create, start, run, query, kill, remove;
  bool create_env_file = false;
  bool operator==(const OciConf&) const = default;
};
Result<OciConf> parse_oci_conf(std::string_view text, const std::string& file, const IncludeText& include,
                               std::vector<Diagnostic>& out);

/// Kinds of samples (slurm 22.05 slurm/slurm.h ACCT_GATHER_PROFILE_*).
inline constexpr std::uint32_t kProfileNone = 1, kProfileEnergy = 2, kProfileTask = 4, kProfileLustre = 8,
                               kProfileNetwork = 16, kProfileAll = 0xffffffff;
/// acct_gather.conf of AcctGatherProfileType=acct_gather_profile/influxdb: where samples go.
struct InfluxConf {
  std::string host, path;  ///< of ProfileInfluxDBHost: "db" and "/prefix" of "http://db:8086/prefix"
  std::uint16_t port = 80;
  std::string database, retention_policy, user, password;
  std::uint32_t profile = kProfileAll;  ///< of jobs that do not say
  bool operator==(const InfluxConf&) const = default;
};
Result<InfluxConf> parse_influx_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                     std::vector<Diagnostic>& out);

/// One SwitchName line of topology.conf: a leaf with nodes, or a switch above other switches.
struct SwitchDef {
  std::string name;
  std::vector<std::string> nodes, switches;
  std::uint32_t link_speed = 1;
  bool operator==(const SwitchDef&) const = default;
};
/// One BlockName line.
struct BlockDef {
  std::string name;
  std::vector<std::string> nodes;
  bool operator==(const BlockDef&) const = default;
};
struct TopologyConf {
  std::vector<SwitchDef> switches;
  std::vector<BlockDef> blocks;
  std::string block_sizes;
  bool operator==(const TopologyConf&) const = default;
};
/// Checks that names are unique, that named switches exist, and that no switch stands above itself.
Result<TopologyConf> parse_topology_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                         std::vector<Diagnostic>& out);

/// slurmdbd.conf(5). StorageType is accounting_storage/sqlite, with a file as StorageLoc, or mysql or pgsql, with the
/// name of a database.
struct SlurmdbdConf {
  bool all_resources_absolute = false;
  std::string archive_dir = "/tmp", archive_script;
  bool archive_events = false, archive_jobs = false, archive_resvs = false, archive_steps = false;
  bool archive_suspend = false, archive_txn = false, archive_usage = false;
  std::string auth_type = "auth/munge", auth_info;
  bool commit_delay = false;
  std::string dbd_addr;  ///< numeric address to listen on; empty: all
  std::string dbd_host = "localhost", dbd_backup_host;
  std::uint16_t dbd_port = 6819;
  std::uint16_t debug_level = 3;  ///< as SlurmctldDebug
  std::string debug_flags, default_qos;
  std::string log_file;  ///< empty: standard error
  std::uint32_t max_query_time_range_s = kInfinite32;
  std::uint16_t message_timeout_s = 10;
  std::string parameters, pid_file = "/var/run/slurmdbd.pid", private_data;
  /// "12months", "3days", "1hour"; empty: records stay for ever.
  std::string purge_events, purge_jobs, purge_resvs, purge_steps, purge_suspend, purge_txn, purge_usage;
  std::string slurm_user = "root";
  std::string storage_type = "accounting_storage/sqlite", storage_loc = "/var/lib/flurm/accounting.sqlite";
  std::string storage_host = "localhost", storage_user, storage_pass;
  std::uint16_t storage_port = 0;
  bool track_slurmctld_down = false, track_wckey = false;
  bool operator==(const SlurmdbdConf&) const = default;
};
Result<SlurmdbdConf> parse_slurmdbd_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                         std::vector<Diagnostic>& out);

}  // namespace flurm::conf
