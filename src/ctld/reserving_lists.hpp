// ctld/reserving_lists.hpp — the lists of users, groups and accounts of a reservation, set and changed by "+a,-b".
// Internal to the room. Source: slurm 22.05 reservation.c _build_uid_list(), _update_uid_list() and kin.
#pragma once
#include "ctld/reserving.hpp"

namespace flurm::ctld {

/// For a new reservation: "a,b" for these, "-a,-b" for all others. Errors: user_id_missing, invalid_account,
/// group_id_missing.
Result<void> set_users(model::Reservation& reservation, const std::string& text, const People& people);
Result<void> set_accounts(model::Reservation& reservation, const std::string& text);
Result<void> set_groups(model::Reservation& reservation, const std::string& text, const People& people);

/// For one that there is: "a,b" sets, "+a,-b" adds and takes away; "" clears. The same errors.
Result<void> change_users(model::Reservation& reservation, const std::string& text, const People& people);
Result<void> change_accounts(model::Reservation& reservation, const std::string& text);
Result<void> change_groups(model::Reservation& reservation, const std::string& text, const People& people);

}  // namespace flurm::ctld
