// ctld/handlers/node_info.cpp — what sinfo and scontrol show node, partition ask.
#include <algorithm>

#include "ctld/handlers/handlers.hpp"
#include "ctld/translate/info.hpp"
#include "ctld/translate/reservation.hpp"
#include "io/clock.hpp"
#include "wire/msg/job_requests.hpp"
#include "wire/msg/node_info.hpp"
#include "wire/msg/partition_info.hpp"

namespace flurm::ctld {
namespace {

bool shown(const model::Node& node, std::uint16_t show_flags) {
  if (node.removed) return false;
  return node.base != model::NodeBase::future || show_flags & wire::show_future;
}

/// It is in a cloud and switched off: listed only where PrivateData=cloud asks for that, which turns the word around.
bool away(const model::Node& node) {
  constexpr std::uint32_t kAway = model::node_flag::cloud | model::node_flag::powered_down;
  return (node.flags & kAway) == kAway;
}

/// A node as a request with these flags is answered.
wire::NodeInfo shown_info(const state::ClusterState& state, const model::Node& node, std::uint16_t show_flags,
                          const std::vector<std::uint32_t>& reserved) {
  wire::NodeInfo info = node_info(state, node);
  if (node.id < reserved.size()) info.node_state |= reserved[node.id];
  if (!(show_flags & wire::show_detail)) {
    info.gres_drain.clear();
    info.gres_used.clear();
  }
  return info;
}

}  // namespace

Answer node_info_all(Controller& c, const Call& call) {
  const auto* request = call.as<wire::NodeInfoRequest>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  if (c.config->private_data & conf::kPrivateNodes && !c.is_operator(call.uid))
    return rc_answer(call, Errc::access_denied);
  if (request->last_update &&
      request->last_update - 1 >= std::max(state->nodes_changed, reservations_turned(*state, io::now())))
    return rc_answer(call, Errc::no_change_in_data);
  const bool shows_away = c.config->private_data & conf::kPrivateCloudNodes;
  Answer out;
  out.type = wire::MsgType::RESPONSE_NODE_INFO;
  out.make_body = [state, reserved = reserved_flags(*state, io::now()), flags = request->show_flags, shows_away,
                   version = call.version] {
    wire::NodeInfoArray reply;
    reply.last_update = state->now;
    reply.hidden_nodes = wire::Bits(state->next_node_id);
    for (model::NodeId id = 0; id < state->next_node_id; ++id) {
      const model::Node* node = state->node(id);
      if (node && shown(*node, flags) && (shows_away || !away(*node))) {
        reply.node_array.push_back(shown_info(*state, *node, flags, reserved));
      } else {  // node numbers in bit strings must stay right
        reply.hidden_nodes.set(id);
        reply.node_array.emplace_back();
      }
    }
    return codec::pack(reply, version);
  };
  return out;
}

Answer node_info_single(Controller& c, const Call& call) {
  const auto* request = call.as<wire::NodeInfoSingle>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  if (c.config->private_data & conf::kPrivateNodes && !c.is_operator(call.uid))
    return rc_answer(call, Errc::access_denied);
  wire::NodeInfoArray reply;
  reply.last_update = state->now;
  const model::Node* node = state->node(request->node_name);
  if (node && shown(*node, request->show_flags)) {
    reply.hidden_nodes = wire::Bits(1);
    reply.node_array.push_back(shown_info(*state, *node, request->show_flags, reserved_flags(*state, io::now())));
  }
  return answer(call, wire::MsgType::RESPONSE_NODE_INFO, reply);
}

Answer partition_info_all(Controller& c, const Call& call) {
  const auto* request = call.as<wire::NodeInfoRequest>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  if (c.config->private_data & conf::kPrivatePartitions && !c.is_operator(call.uid))
    return rc_answer(call, Errc::access_denied);
  if (request->last_update && request->last_update - 1 >= state->partitions_changed)
    return rc_answer(call, Errc::no_change_in_data);
  wire::PartitionInfoArray reply;
  reply.last_update = state->now;
  for (const auto& partition : state->partitions) {
    const bool hidden = partition->flags & model::partition_flag::hidden;
    if (hidden && !(request->show_flags & wire::show_all) && !c.is_operator(call.uid)) continue;
    reply.partition_array.push_back(partition_info(*state, *partition));
  }
  return answer(call, wire::MsgType::RESPONSE_PARTITION_INFO, reply);
}

}  // namespace flurm::ctld
