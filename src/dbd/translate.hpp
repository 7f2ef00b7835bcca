// dbd/translate.hpp — accounting's records as Slurm's messages carry them, and back.
#pragma once
#include "acct/books.hpp"
#include "acct/job.hpp"
#include "wire/msg/dbd_messages.hpp"

namespace flurm::dbd {

wire::TresRec to_wire(const acct::Tres& tres);
/// `all`: for the size of the set of those that it may preempt.
wire::QosRec to_wire(const acct::Qos& qos, const acct::Books& all);
/// As it is; without place in the tree and names above it.
wire::AssocRec to_wire(const acct::Assoc& assoc);
wire::ClusterRec to_wire(const acct::Cluster& cluster);
wire::AccountRec to_wire(const acct::Account& account);
wire::UserRec to_wire(const acct::User& user);
wire::WckeyRec to_wire(const acct::Wckey& wckey);
wire::EventRec to_wire(const acct::Event& event);
wire::ReservationRec to_wire(const acct::Reservation& reservation);

/// Changes `assoc` as the record says; see acct/records.hpp for what leaves values alone. Names are not touched.
void change(acct::Assoc& assoc, const wire::AssocRec& wish);
void change(acct::Qos& qos, const wire::QosRec& wish);
acct::Reservation to_acct(const wire::ReservationRec& reservation);

/// "1,5,x": numbers of a list of texts; what is none is left out.
std::vector<std::uint32_t> numbers(const std::vector<std::string>& list);

}  // namespace flurm::dbd
