// conf/flurm_conf.hpp — flurm.conf: what FLURM needs and slurm.conf has no key for. Clients never read this file.
// Each key can also come from the environment as FLURM_<KEY IN CAPITALS>; the caller passes such values in.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "conf/diagnostic.hpp"
#include "conf/lines.hpp"

namespace flurm::conf {

struct FlurmConf {
  // Who the controllers are.
  std::string controller_name;           ///< this controller's name; empty: its host name. FLURM_NODE_NAME
  std::vector<std::string> controllers;  ///< all members, host or host:port; empty: this one alone. FLURM_CLUSTER_NODES
  std::string cookie;                    ///< the members' shared secret; never printed. FLURM_COOKIE
  std::string cookie_file;               ///< a file with it, which only its owner may read. FLURM_COOKIE_FILE
  std::uint16_t controller_port = 9101;  ///< controller to controller
  enum class LinkTls : std::uint8_t { no, prefer, require } link_tls = LinkTls::no;  ///< as cluster::LinkTls

  std::uint16_t http_port = 8080;  ///< the HTTP API; 0: none

  // Where things are.
  std::string config_file = "/etc/slurm/slurm.conf";  ///< FLURM_CONFIG_FILE
  std::string ra_data_dir = "/var/lib/flurm/ra";      ///< the Raft log and its snapshots. FLURM_RA_DATA_DIR
  std::string log_dir;  ///< for logs that slurm.conf names no file for; empty: standard error

  // Raft.
  std::uint32_t raft_election_timeout_min_ms = 150, raft_election_timeout_max_ms = 300;  ///< max: twice min acts
  std::uint32_t raft_heartbeat_interval_ms = 50;
  std::uint32_t raft_snapshot_interval = 10000;  ///< log entries between snapshots

  std::uint16_t state_format =
      0;  ///< the newest form of the state that may come into use; 0: what all controllers know

  bool operator==(const FlurmConf&) const = default;
};

/// Values of the environment that concern FLURM ("FLURM_NODE_NAME" …); they win over the file.
using Environment = std::map<std::string, std::string>;

/// Reads flurm.conf. An empty `text` gives the defaults with `environment` applied.
Result<FlurmConf> parse_flurm_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                   const Environment& environment, std::vector<Diagnostic>& out);

}  // namespace flurm::conf
