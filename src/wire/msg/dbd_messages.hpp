// wire/msg/dbd_messages.hpp — slurmdbd's messages that are put together from records and conditions.
#pragma once
#include <string>
#include <vector>

#include "wire/msg/dbd_conditions.hpp"
#include "wire/msg/dbd_jobs.hpp"
#include "wire/msg/slurm_conf.hpp"

namespace flurm::wire {

/// Records to add, or found, and how it went.
template <class Record>
struct Listed {
  std::vector<Record> list;
  std::uint32_t return_code = 0;
  bool operator==(const Listed&) const = default;
};
struct AccountList : Listed<AccountRec> {};
void fields(codec::Archive& ar, AccountList& m);
struct AssocList : Listed<AssocRec> {};
void fields(codec::Archive& ar, AssocList& m);
struct ClusterList : Listed<ClusterRec> {};
void fields(codec::Archive& ar, ClusterList& m);
struct UserList : Listed<UserRec> {};
void fields(codec::Archive& ar, UserList& m);
struct TresList : Listed<TresRec> {};
void fields(codec::Archive& ar, TresList& m);
struct QosList : Listed<QosRec> {};
void fields(codec::Archive& ar, QosList& m);
struct WckeyList : Listed<WckeyRec> {};
void fields(codec::Archive& ar, WckeyList& m);
struct ResList : Listed<ResRec> {};
void fields(codec::Archive& ar, ResList& m);
struct FederationList : Listed<OptionalFederation> {};
void fields(codec::Archive& ar, FederationList& m);
struct EventList : Listed<EventRec> {};
void fields(codec::Archive& ar, EventList& m);
struct TxnList : Listed<TxnRec> {};
void fields(codec::Archive& ar, TxnList& m);
struct ReservationList : Listed<ReservationRec> {};
void fields(codec::Archive& ar, ReservationList& m);
struct JobList : Listed<JobRec> {};
void fields(codec::Archive& ar, JobList& m);
struct ConfigList : Listed<ConfigKeyPair> {};
void fields(codec::Archive& ar, ConfigList& m);
struct JobStartList : Listed<DbdJobStart> {};
void fields(codec::Archive& ar, JobStartList& m);
struct IdRcList : Listed<DbdIdRc> {};
void fields(codec::Archive& ar, IdRcList& m);
struct InstanceList : Listed<InstanceRec> {};
void fields(codec::Archive& ar, InstanceList& m);
struct NameList : Listed<std::string> {};
void fields(codec::Archive& ar, NameList& m);

/// A message inside another one: u16 type and body.
struct PackedMessage {
  std::string bytes;
  bool operator==(const PackedMessage&) const = default;
};
void fields(codec::Archive& ar, PackedMessage& m);
/// DBD_SEND_MULT_MSG and DBD_GOT_MULT_MSG.
struct PackedMessageList : Listed<PackedMessage> {};
void fields(codec::Archive& ar, PackedMessageList& m);

/// What `cond` selects becomes as `rec` says; what `rec` leaves unset stays.
template <class Condition, class Record>
struct Modify {
  Condition cond;
  Record rec;
  bool operator==(const Modify&) const = default;
};
struct ModifyAccounts : Modify<AccountCond, AccountRec> {};
void fields(codec::Archive& ar, ModifyAccounts& m);
struct ModifyAssocs : Modify<AssocCond, AssocRec> {};
void fields(codec::Archive& ar, ModifyAssocs& m);
struct ModifyClusters : Modify<ClusterCond, ClusterRec> {};
void fields(codec::Archive& ar, ModifyClusters& m);
struct ModifyUsers : Modify<UserCond, UserRec> {};
void fields(codec::Archive& ar, ModifyUsers& m);
struct ModifyQos : Modify<QosCond, QosRec> {};
void fields(codec::Archive& ar, ModifyQos& m);
struct ModifyJob : Modify<JobCond, JobRec> {};
void fields(codec::Archive& ar, ModifyJob& m);
struct ModifyRes : Modify<ResCond, ResRec> {};
void fields(codec::Archive& ar, ModifyRes& m);
struct ModifyFederations : Modify<FederationCond, OptionalFederation> {};
void fields(codec::Archive& ar, ModifyFederations& m);

/// DBD_ADD_ACCOUNT_COORDS, DBD_REMOVE_ACCOUNT_COORDS: the users of the condition coordinate these accounts.
struct AcctCoord {
  std::vector<std::string> acct_list;
  UserCond cond;
  bool operator==(const AcctCoord&) const = default;
};
void fields(codec::Archive& ar, AcctCoord& m);

/// DBD_ADD_ACCOUNTS_COND, DBD_ADD_USERS_COND.
struct AddAccountsCond {
  AddAssocCond cond;
  AccountRec rec;
  bool operator==(const AddAccountsCond&) const = default;
};
void fields(codec::Archive& ar, AddAccountsCond& m);
struct AddUsersCond {
  AddAssocCond cond;
  UserRec rec;
  bool operator==(const AddUsersCond&) const = default;
};
void fields(codec::Archive& ar, AddUsersCond& m);

/// Usage of one record in a period.
template <class Record>
struct Usage {
  Record rec;
  TimeS start, end;
  bool operator==(const Usage&) const = default;
};
/// DBD_GET_ASSOC_USAGE, DBD_GOT_ASSOC_USAGE and kin.
struct AssocUsage : Usage<AssocRec> {};
void fields(codec::Archive& ar, AssocUsage& m);
struct ClusterUsage : Usage<ClusterRec> {};
void fields(codec::Archive& ar, ClusterUsage& m);
struct WckeyUsage : Usage<WckeyRec> {};
void fields(codec::Archive& ar, WckeyUsage& m);

/// DBD_GET_CONFIG: "slurmdbd.conf".
struct ConfigName {
  std::string name;
  bool operator==(const ConfigName&) const = default;
};
void fields(codec::Archive& ar, ConfigName& m);

}  // namespace flurm::wire
