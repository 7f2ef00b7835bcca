// wire/msg/hostlist.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/hostlist.hpp"

namespace flurm::wire {

using codec::Archive;

void fields(Archive& ar, HostlistExpansionRequest& m) { ar("hostlist", m.hostlist); }

void fields(Archive& ar, HostlistExpansionResponse& m) { ar("hosts", m.hosts); }

}  // namespace flurm::wire
