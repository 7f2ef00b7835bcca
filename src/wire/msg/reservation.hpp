// wire/msg/reservation.hpp — reservations: shown, made, changed and deleted.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/bits.hpp"

namespace flurm::wire {

struct ReserveInfoCores {
  std::string node_name, core_id;
  bool operator==(const ReserveInfoCores&) const = default;
};
void fields(codec::Archive& ar, ReserveInfoCores& m);

struct ReserveInfo {
  std::string accounts, burst_buffer, comment;
  std::uint32_t core_cnt = 0;
  TimeS end_time;
  std::string features;
  std::uint64_t flags = 0;
  std::string licenses;
  std::uint32_t max_start_delay = 0;  // s
  std::string name;
  std::uint32_t node_cnt = 0;
  std::string node_list, partition;
  std::uint32_t purge_comp_time = kNoVal32;  // s
  std::uint32_t resv_watts = kNoVal32;
  TimeS start_time;
  std::string tres_str, users, groups, qos, allowed_parts;
  Bits node_inx;
  std::vector<ReserveInfoCores> core_spec;
  bool operator==(const ReserveInfo&) const = default;
};
void fields(codec::Archive& ar, ReserveInfo& m);

/// RESPONSE_RESERVATION_INFO.
struct ReserveInfoArray {
  TimeS last_update;
  std::vector<ReserveInfo> reservation_array;
  bool operator==(const ReserveInfoArray&) const = default;
};
void fields(codec::Archive& ar, ReserveInfoArray& m);

/// REQUEST_CREATE_RESERVATION, REQUEST_UPDATE_RESERVATION. Unset times are NO_VAL (32 bits). Until 23.02 counts come as
/// lists that end with 0.
struct UpdateReservation {
  std::optional<std::string> name;
  TimeS start_time{kNoVal32}, end_time{kNoVal32};
  std::uint32_t duration = kNoVal32;  // minutes
  std::uint64_t flags = kNoVal64;
  std::vector<std::uint32_t> node_cnts, core_cnts;
  std::uint32_t node_cnt = kNoVal32, core_cnt = kNoVal32;
  std::optional<std::string> node_list, features, licenses;
  std::uint32_t max_start_delay = kNoVal32;  // s
  std::optional<std::string> partition;
  std::uint32_t purge_comp_time = kNoVal32;  // s
  std::uint32_t resv_watts = kNoVal32;
  std::optional<std::string> allowed_parts, qos, users, accounts, burst_buffer, groups, comment, tres_str;
  bool operator==(const UpdateReservation&) const = default;
};
void fields(codec::Archive& ar, UpdateReservation& m);

/// RESPONSE_CREATE_RESERVATION, REQUEST_DELETE_RESERVATION.
struct ReservationName {
  std::string name;
  bool operator==(const ReservationName&) const = default;
};
void fields(codec::Archive& ar, ReservationName& m);

}  // namespace flurm::wire
