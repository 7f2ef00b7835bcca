// wire/msg/persist.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/persist.hpp"

namespace flurm::wire {

using codec::Archive;

void fields(Archive& ar, PersistInit& m) {
  ar("version", m.version);
  ar("cluster_name", m.cluster_name);
  ar("persist_type", m.persist_type);
  ar("port", m.port);
}

void fields(Archive& ar, PersistRc& m) {
  ar("comment", m.comment);
  ar("flags", m.flags);
  ar("rc", m.rc);
  ar("ret_info", m.ret_info);
}

}  // namespace flurm::wire
