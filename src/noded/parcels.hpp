// noded/parcels.hpp — what the PMIx server of a step's node has for those of its other nodes.
//
// Each parcel is a REQUEST_FORWARD_DATA to the other node's daemon, one at a time for each node, and again until it was
// taken: the step may be starting there. The supervisor keeps it until it hears so, whatever becomes of this daemon.
#pragma once
#include <deque>
#include <map>
#include <utility>

#include "noded/node_context.hpp"

namespace flurm::noded {

class Parcels {
 public:
  explicit Parcels(NodeContext& node) : node_(node) {}
  void carry(const StepLink::Ptr& link, exec::StepParcel parcel);

 private:
  using Route = std::pair<StepLink::Ptr, std::uint32_t>;
  io::Task<void> deliver(Route route);
  io::Task<bool> deliver_one(Route route, exec::StepParcel parcel);

  NodeContext& node_;
  std::map<Route, std::deque<exec::StepParcel>> under_way_;
};

}  // namespace flurm::noded
