// acct_wire/translate.hpp — accounting's records as Slurm's messages carry them, and back.
#pragma once
#include "acct/books.hpp"
#include "acct/job.hpp"
#include "wire/msg/dbd_messages.hpp"

namespace flurm::acct {

wire::TresRec to_wire(const Tres& tres);
/// `all`: for the size of the set of those that it may preempt.
wire::QosRec to_wire(const Qos& qos, const Books& all);
/// As it is; without place in the tree and names above it.
wire::AssocRec to_wire(const Assoc& assoc);
wire::ClusterRec to_wire(const Cluster& cluster);
wire::AccountRec to_wire(const Account& account);
wire::UserRec to_wire(const User& user);
wire::WckeyRec to_wire(const Wckey& wckey);
wire::EventRec to_wire(const Event& event);
wire::ReservationRec to_wire(const Reservation& reservation);

/// Changes `assoc` as the record says; see acct/records.hpp for what leaves values alone. Names are not touched.
void change(Assoc& assoc, const wire::AssocRec& wish);
void change(Qos& qos, const wire::QosRec& wish);
Reservation to_acct(const wire::ReservationRec& reservation);

/// "1,5,x": numbers of a list of texts; what is none is left out.
std::vector<std::uint32_t> numbers(const std::vector<std::string>& list);

}  // namespace flurm::acct
