// dbd/renumbered.hpp — what became of the numbers that an import could not keep: slurmdbd's archives name them for
// ever.
#pragma once
#include "dbd/slurm_tables.hpp"
#include "store/store.hpp"

namespace flurm::dbd {

/// Into the store's marks. May throw store::DatabaseError.
void keep_renumbered(store::Writer& writer, const std::string& cluster, const Renumbered& numbers);
/// Those of the cluster; nothing where it was not imported, or kept its numbers. May throw store::DatabaseError.
Renumbered find_renumbered(store::Writer& writer, const std::string& cluster);

}  // namespace flurm::dbd
