// wire/msg/accounting_update.hpp — what slurmdbd tells controllers when accounting data changed.
#pragma once
#include <cstdint>
#include <vector>

#include "wire/msg/dbd_records.hpp"

namespace flurm::wire {

enum class UpdateType : std::uint16_t {
  add_user = 1,
  add_assoc,
  add_coord,
  modify_user,
  modify_assoc,
  remove_user,
  remove_assoc,
  remove_coord,
  add_qos,
  remove_qos,
  modify_qos,
  add_wckey,
  remove_wckey,
  modify_wckey,
  remove_assoc_usage = 17,
  add_res,
  remove_res,
  modify_res,
  remove_qos_usage,
  add_tres,
  update_feds,
};

/// Records of one kind of change; only the list that belongs to `type` travels.
struct UpdateObject {
  UpdateType type{};
  std::vector<UserRec> users;
  std::vector<AssocRec> assocs;
  std::vector<QosRec> qos;
  std::vector<WckeyRec> wckeys;
  std::vector<ResRec> res;
  std::vector<TresRec> tres;
  std::vector<OptionalFederation> federations;
  bool operator==(const UpdateObject&) const = default;
};
void fields(codec::Archive& ar, UpdateObject& m);

/// ACCOUNTING_UPDATE_MSG.
struct AccountingUpdate {
  std::vector<UpdateObject> update_list;
  bool operator==(const AccountingUpdate&) const = default;
};
void fields(codec::Archive& ar, AccountingUpdate& m);

}  // namespace flurm::wire
