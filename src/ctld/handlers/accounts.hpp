// ctld/handlers/accounts.hpp — associations and TRES as answers to clients list them.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "acct/books.hpp"

namespace flurm::ctld {

/// Each association before those below it: its users, then its accounts, both by name.
/// Source: slurm 22.05 src/common/slurmdb_defs.c slurmdb_sort_hierarchical_assoc_list().
std::vector<const acct::Assoc*> by_name(const acct::Books& books);

/// Without regard to case; an empty list asks for all.
bool wanted(const std::vector<std::string>& names, std::string_view name);

/// "cpu", "gres/gpu".
std::string tres_name(const acct::Tres& tres);

}  // namespace flurm::ctld
