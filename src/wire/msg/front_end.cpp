// wire/msg/front_end.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/front_end.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::until, codec::unused;

void fields(Archive& ar, FrontEndInfo& m) {
  ar("record_count", unused<std::uint32_t>());
  ar("last_update", m.last_update);
}

void fields(Archive& ar, UpdateFrontEnd& m) {
  ar("name", m.name);
  ar("node_state", m.node_state);
  ar("reason", m.reason);
  ar("reason_uid", m.reason_uid, until(v23_02));
}

}  // namespace flurm::wire
