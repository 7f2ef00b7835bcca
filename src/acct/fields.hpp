// acct/fields.hpp — the form in which accounting's records are stored where FLURM's own archives store them.
//
// Field order is the format: new fields go last, with since(<format of the state>).
#pragma once
#include "acct/books.hpp"
#include "acct/usage.hpp"

namespace flurm::codec {
class Archive;
}

namespace flurm::acct {

void fields(codec::Archive& ar, Account& account);
void fields(codec::Archive& ar, User& user);
void fields(codec::Archive& ar, AssocLimits& limits);
void fields(codec::Archive& ar, Assoc& assoc);
void fields(codec::Archive& ar, Qos& qos);
void fields(codec::Archive& ar, Tres& tres);
void fields(codec::Archive& ar, Wckey& wckey);
void fields(codec::Archive& ar, Resource& resource);
void fields(codec::Archive& ar, Usage& usage);
/// Without clusters and federations: the books of one cluster do not know the others.
void fields(codec::Archive& ar, Books& books);

}  // namespace flurm::acct
