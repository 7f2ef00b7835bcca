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
/// Without the clusters' shares.
wire::ResRec to_wire(const Resource& resource);
wire::ClusResRec to_wire(const std::string& cluster, std::uint32_t share);
wire::EventRec to_wire(const Event& event);
wire::ReservationRec to_wire(const Reservation& reservation);

/// Changes `assoc` as the record says; see acct/records.hpp for what leaves values alone. Names are not touched.
void change(Assoc& assoc, const wire::AssocRec& wish);
void change(Qos& qos, const wire::QosRec& wish);
/// Description, manager, count, flags and type.
void change(Resource& resource, const wire::ResRec& wish);
/// The number in the form that the release has; none: the record names none.
std::optional<std::uint32_t> share_of(const wire::ClusResRec& rec);
std::optional<std::uint32_t> share_of(const wire::ResRec& rec);
/// Adds, takes away ("+a", "-b") or sets items of a sorted list.
void change_names(std::vector<std::string>& names, const std::vector<std::string>& wish);
Reservation to_acct(const wire::ReservationRec& reservation);

/// "1,5,x": numbers of a list of texts; what is none is left out.
std::vector<std::uint32_t> numbers(const std::vector<std::string>& list);

}  // namespace flurm::acct
