// wire/msg/reservation.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/reservation.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::count, codec::items, codec::since, codec::until;

void fields(Archive& ar, ReserveInfoCores& m) {
  ar("node_name", m.node_name);
  ar("core_id", m.core_id);
}

void fields(Archive& ar, ReserveInfo& m) {
  ar("accounts", m.accounts);
  ar("burst_buffer", m.burst_buffer);
  ar("comment", m.comment, since(v23_02));
  ar("core_cnt", m.core_cnt);
  ar("end_time", m.end_time);
  ar("features", m.features);
  ar("flags", m.flags);
  ar("licenses", m.licenses);
  ar("max_start_delay", m.max_start_delay);
  ar("name", m.name);
  ar("node_cnt", m.node_cnt);
  ar("node_list", m.node_list);
  ar("partition", m.partition);
  ar("purge_comp_time", m.purge_comp_time);
  ar("resv_watts", m.resv_watts, until(v25_11));
  ar("start_time", m.start_time);
  ar("tres_str", m.tres_str);
  ar("users", m.users);
  ar("groups", m.groups);
  ar("qos", m.qos, since(v25_11));
  ar("allowed_parts", m.allowed_parts, since(v25_11));
  ar("node_inx", m.node_inx);
  ar("core_spec", m.core_spec);
}

void fields(Archive& ar, ReserveInfoArray& m) {
  auto n = static_cast<std::uint32_t>(m.reservation_array.size());
  ar("record_count", count(n));
  ar("last_update", m.last_update);
  ar("reservation_array", items(m.reservation_array, n));
}

void fields(Archive& ar, UpdateReservation& m) {
  ar("name", m.name);
  ar("start_time", m.start_time);
  ar("end_time", m.end_time);
  ar("duration", m.duration);
  ar("flags", m.flags);
  ar("node_cnts", m.node_cnts, until(v23_11));
  ar("core_cnts", m.core_cnts, until(v23_11));
  ar("node_cnt", m.node_cnt, since(v23_11));
  ar("core_cnt", m.core_cnt, since(v23_11));
  ar("node_list", m.node_list);
  ar("features", m.features);
  ar("licenses", m.licenses);
  ar("max_start_delay", m.max_start_delay);
  ar("partition", m.partition);
  ar("purge_comp_time", m.purge_comp_time);
  ar("resv_watts", m.resv_watts, until(v25_11));
  ar("allowed_parts", m.allowed_parts, since(v25_11));
  ar("qos", m.qos, since(v25_11));
  ar("users", m.users);
  ar("accounts", m.accounts);
  ar("burst_buffer", m.burst_buffer);
  ar("groups", m.groups);
  ar("comment", m.comment, since(v23_02));
  ar("tres_str", m.tres_str, since(v23_11));
}

void fields(Archive& ar, ReservationName& m) { ar("name", m.name); }

}  // namespace flurm::wire
