// noded/registration.hpp — telling the controller that this node is here, and what it has.
#pragma once
#include "noded/node_context.hpp"
#include "wire/msg/node_registration.hpp"

namespace flurm::noded {

class Registration {
 public:
  Registration(NodeContext& node, std::string version)
      : node_(node), version_(std::move(version)), started_at_(io::now()) {}

  /// Registers until the controller has answered. A call during another one makes that one register once more.
  /// status: 0, or why the node is in trouble.
  void register_node(Errc status = Errc::success);
  bool registered() const { return registered_; }
  TimeS started_at() const { return started_at_; }

  /// As a controller of the version reads it.
  wire::NodeRegistrationStatus message(Errc status, std::uint16_t protocol) const;

 private:
  static io::Task<void> run(Registration& self);
  NodeContext& node_;
  std::string version_;
  TimeS started_at_;
  bool running_ = false, again_ = false, registered_ = false;
  Errc status_ = Errc::success;
};

}  // namespace flurm::noded
