// wire/msg/accounting_update.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/accounting_update.hpp"

namespace flurm::wire {

using codec::Archive, codec::Kind;

void fields(Archive& ar, UpdateObject& m) {
  ar("type", m.type);
  if (ar.kind() == Kind::fuzz) m.type = static_cast<UpdateType>(1 + ar.choose(14));
  switch (m.type) {
    case UpdateType::add_user:
    case UpdateType::add_coord:
    case UpdateType::modify_user:
    case UpdateType::remove_user:
    case UpdateType::remove_coord:
      return ar("users", m.users);
    case UpdateType::add_assoc:
    case UpdateType::modify_assoc:
    case UpdateType::remove_assoc:
    case UpdateType::remove_assoc_usage:
      return ar("assocs", m.assocs);
    case UpdateType::add_qos:
    case UpdateType::remove_qos:
    case UpdateType::modify_qos:
    case UpdateType::remove_qos_usage:
      return ar("qos", m.qos);
    case UpdateType::add_wckey:
    case UpdateType::remove_wckey:
    case UpdateType::modify_wckey:
      return ar("wckeys", m.wckeys);
    case UpdateType::add_res:
    case UpdateType::remove_res:
    case UpdateType::modify_res:
      return ar("res", m.res);
    case UpdateType::add_tres:
      return ar("tres", m.tres);
    case UpdateType::update_feds:
      return ar("federations", m.federations);
  }
  if (ar.kind() != Kind::layout) ar.reject("update of a kind that is not known");
}

void fields(Archive& ar, AccountingUpdate& m) { ar("update_list", m.update_list); }

}  // namespace flurm::wire
