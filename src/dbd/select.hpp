// dbd/select.hpp — which records a condition of a message means.
#pragma once
#include <string>
#include <vector>

#include "acct/books.hpp"
#include "wire/msg/dbd_conditions.hpp"

namespace flurm::dbd {

/// Empty: everything.
bool wanted(const std::vector<std::string>& list, const std::string& item);
bool wanted(const std::vector<std::string>& list, std::uint32_t number);

/// In the order of the clusters' names, each cluster's as its tree is written.
std::vector<acct::Books::Placed> select_assocs(const acct::Books& books, const wire::AssocCond& cond);

/// How a person is told which association it is.
std::string describe(const acct::Books& books, const acct::Assoc& assoc, bool removing);

/// Takes case out of a name: as the clients do unless they are told otherwise.
bool same_name(const std::string& a, const std::string& b);

}  // namespace flurm::dbd
