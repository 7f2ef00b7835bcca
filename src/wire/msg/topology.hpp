// wire/msg/topology.hpp — network topology.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "codec/archive.hpp"

namespace flurm::wire {

/// REQUEST_TOPO_INFO; without a body until 24.11.
struct TopoInfoRequest {
  std::string name;
  bool operator==(const TopoInfoRequest&) const = default;
};
void fields(codec::Archive& ar, TopoInfoRequest& m);

/// A switch.
struct TopoInfo {
  std::uint16_t level = 0;
  std::uint32_t link_speed = 0;
  std::string name, nodes, switches;
  bool operator==(const TopoInfo&) const = default;
};
void fields(codec::Archive& ar, TopoInfo& m);

/// RESPONSE_TOPO_INFO. From 23.11 the plugin's number comes first: tree when there are switches, else default, which
/// has no data.
struct TopoInfoResponse {
  std::vector<TopoInfo> topo_array;
  bool operator==(const TopoInfoResponse&) const = default;
};
void fields(codec::Archive& ar, TopoInfoResponse& m);

/// RESPONSE_TOPO_CONFIG (25.05+).
struct TopoConfig {
  std::string config;
  bool operator==(const TopoConfig&) const = default;
};
void fields(codec::Archive& ar, TopoConfig& m);

}  // namespace flurm::wire
