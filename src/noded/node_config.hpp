// noded/node_config.hpp — which node this is, and what slurm.conf and cgroup.conf say about it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "conf/config.hpp"
#include "conf/diagnostic.hpp"
#include "noded/node_context.hpp"

namespace flurm::noded {

struct NodeOptions {
  std::string conf_file;  ///< absolute path of slurm.conf
  std::string node_name;  ///< -N; empty: found by the host's name
  std::string log_file;   ///< -L; empty: SlurmdLogFile
  std::string supervisor_program;
  bool dynamic = false;      ///< -Z: no file names this node
  std::string dynamic_conf;  ///< --conf: more about it, as on a NodeName line
  bool booted = false;       ///< -b: as if the machine had booted when this daemon started
};

struct LoadedNode {
  NodeSetup setup;
  conf::NodeDef node;           ///< our line of slurm.conf
  bool shares_machine = false;  ///< other nodes of the cluster are this host too
  std::string munge_socket;     ///< AuthInfo socket=; empty: the system's
};

/// Reads the files and looks at the machine. Problems of the configuration go to `problems`.
/// Errors: einval (the configuration cannot be used), invalid_node_name (we are none of its nodes), io.
Result<LoadedNode> load_node(const NodeOptions& options, std::vector<conf::Diagnostic>& problems);

/// Nodes to be emulated.
struct EmulatedSite {
  struct Node {
    conf::NodeDef definition;
    NodeResources gres;  ///< as configured; no device files are looked at
  };
  conf::Config config;
  std::uint32_t slurm_user_id = 0;
  std::string munge_socket;  ///< as LoadedNode's
  std::string arch, os;      ///< of this machine
  std::vector<Node> nodes;
};

/// nodes: a host list, or ALL of the configuration. Errors: as load_node(); einval (two of them have one port).
Result<EmulatedSite> load_emulated(const std::string& conf_file, const std::string& nodes,
                                   std::vector<conf::Diagnostic>& problems);

/// Our name without the domain.
std::string short_host_name();

/// Index into config.nodes: by `name`, or where that is empty by host name, long or short.
std::optional<std::size_t> find_node(const conf::Config& config, const std::string& name, const std::string& host);

}  // namespace flurm::noded
