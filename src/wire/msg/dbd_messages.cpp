// wire/msg/dbd_messages.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/dbd_messages.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::absent_if_empty, codec::Archive, codec::bytes, codec::until;

namespace {

template <class Record>
void listed(Archive& ar, Listed<Record>& m) {
  std::uint32_t n = static_cast<std::uint32_t>(m.list.size());
  ar.begin_list(codec::ListForm::u32_optional, n);  // read as empty when it is absent
  if (n == codec::kAbsentList) {
    n = 0;
    if (ar.fills()) m.list.clear();
  }
  codec::detail::list_items(ar, m.list, n);
  ar("return_code", m.return_code);
}

template <class Condition, class Record>
void modify(Archive& ar, Modify<Condition, Record>& m) {
  ar("cond", m.cond);
  ar("rec", m.rec);
}

template <class Record>
void usage(Archive& ar, Usage<Record>& m) {
  ar("rec", m.rec);
  ar("start", m.start);
  ar("end", m.end);
}

}  // namespace

void fields(Archive& ar, AccountList& m) { listed(ar, m); }
void fields(Archive& ar, AssocList& m) { listed(ar, m); }
void fields(Archive& ar, ClusterList& m) { listed(ar, m); }
void fields(Archive& ar, UserList& m) { listed(ar, m); }
void fields(Archive& ar, TresList& m) { listed(ar, m); }
void fields(Archive& ar, QosList& m) { listed(ar, m); }
void fields(Archive& ar, WckeyList& m) { listed(ar, m); }
void fields(Archive& ar, ResList& m) { listed(ar, m); }
void fields(Archive& ar, FederationList& m) { listed(ar, m); }
void fields(Archive& ar, EventList& m) { listed(ar, m); }
void fields(Archive& ar, TxnList& m) { listed(ar, m); }
void fields(Archive& ar, ReservationList& m) { listed(ar, m); }
void fields(Archive& ar, JobList& m) { listed(ar, m); }
void fields(Archive& ar, ConfigList& m) { listed(ar, m); }
void fields(Archive& ar, JobStartList& m) { listed(ar, m); }
void fields(Archive& ar, IdRcList& m) { listed(ar, m); }
void fields(Archive& ar, InstanceList& m) { listed(ar, m); }
void fields(Archive& ar, NameList& m) { listed(ar, m); }

void fields(Archive& ar, PackedMessage& m) { ar("bytes", bytes(m.bytes)); }
void fields(Archive& ar, PackedMessageList& m) { listed(ar, m); }

void fields(Archive& ar, ModifyAccounts& m) { modify(ar, m); }
void fields(Archive& ar, ModifyAssocs& m) { modify(ar, m); }
void fields(Archive& ar, ModifyClusters& m) { modify(ar, m); }
void fields(Archive& ar, ModifyUsers& m) { modify(ar, m); }
void fields(Archive& ar, ModifyQos& m) { modify(ar, m); }
void fields(Archive& ar, ModifyJob& m) { modify(ar, m); }
void fields(Archive& ar, ModifyRes& m) { modify(ar, m); }
void fields(Archive& ar, ModifyFederations& m) { modify(ar, m); }

void fields(Archive& ar, AcctCoord& m) {
  ar("acct_list", m.acct_list);
  ar("cond", m.cond);
}

void fields(Archive& ar, AddAccountsCond& m) {
  ar("cond", m.cond);
  ar("rec", m.rec);
}

void fields(Archive& ar, AddUsersCond& m) {
  ar("cond", m.cond);
  ar("rec", m.rec);
}

void fields(Archive& ar, AssocUsage& m) { usage(ar, m); }
void fields(Archive& ar, ClusterUsage& m) { usage(ar, m); }
void fields(Archive& ar, WckeyUsage& m) { usage(ar, m); }

void fields(Archive& ar, ConfigName& m) { ar("name", m.name, until(v26_05)); }

}  // namespace flurm::wire
