// wire/msg/topology.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/topology.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::Kind, codec::since;

void fields(Archive& ar, TopoInfoRequest& m) { ar("name", m.name, since(v25_05)); }

void fields(Archive& ar, TopoInfo& m) {
  ar("level", m.level);
  ar("link_speed", m.link_speed);
  ar("name", m.name);
  ar("nodes", m.nodes);
  ar("switches", m.switches);
}

void fields(Archive& ar, TopoInfoResponse& m) {
  constexpr std::uint32_t kDefault = 100, kTree = 102;
  std::uint32_t plugin_id = m.topo_array.empty() ? kDefault : kTree;
  if (ar.kind() == Kind::fuzz) {
    ar("topo_array", m.topo_array);
    return;
  }
  ar("plugin_id", plugin_id, since(v23_11));
  if (ar.version() >= v23_11 && plugin_id == kDefault && ar.kind() != Kind::layout) return;
  if (plugin_id != kTree && ar.version() >= v23_11) ar.reject("data of a topology plugin not known here");
  ar("topo_array", m.topo_array);
}

void fields(Archive& ar, TopoConfig& m) { ar("config", m.config); }

}  // namespace flurm::wire
