// wire/msg/assoc_mgr.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/assoc_mgr.hpp"

namespace flurm::wire {

using codec::absent_if_empty, codec::Archive, codec::Kind;

void fields(Archive& ar, AssocMgrInfoRequest& m) {
  ar("acct_list", absent_if_empty(m.acct_list));
  ar("flags", m.flags);
  ar("qos_list", absent_if_empty(m.qos_list));
  ar("user_list", absent_if_empty(m.user_list));
}

namespace {

void empty_list(Archive& ar, const char* name) {
  std::uint32_t records = 0;
  if (ar.kind() == Kind::fuzz || ar.kind() == Kind::dump) return;
  ar(name, records);
  if (records != 0 && records != codec::kAbsentList) ar.reject("records are not read here");
}

}  // namespace

void fields(Archive& ar, AssocMgrInfo& m) {
  ar("tres_names", m.tres_names);
  empty_list(ar, "assoc_list");
  empty_list(ar, "qos_list");
  empty_list(ar, "user_list");
}

}  // namespace flurm::wire
