// ctld/translate/tres.hpp — trackable resources as text: "cpu=4,mem=1G,node=1,billing=4".
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "acct/books.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/partition.hpp"
#include "model/step.hpp"

namespace flurm::ctld {

/// "1G", "1.50G", "1600M": MiB in the largest unit that leaves a multiple of one half, as Slurm prints TRES memory.
std::string memory_text(std::uint64_t mib);

/// Amounts by name: "cpu", "mem" (MiB), "node", "billing", "gres/gpu:tesla".
using TresAmounts = std::vector<std::pair<std::string, std::uint64_t>>;
std::string tres_text(const TresAmounts& amounts);
/// node_memory_mib: what a job gets of a node whose memory it wants all of; 0: not known.
TresAmounts requested_amounts(const model::Job& job, const model::Settings& settings, std::uint64_t node_memory_mib = 0);
TresAmounts allocated_amounts(const model::Job& job, const model::Settings& settings);
/// Adds "license/matlab" for each license that the job uses and accounting counts.
void add_licenses(TresAmounts& out, const model::Job& job, const acct::Books& books);
TresAmounts allocated_amounts(const model::Step& step, const model::Settings& settings);
/// Of one of a job's nodes.
TresAmounts allocated_amounts(const model::NodeShare& share, const model::Settings& settings);
/// What a node has.
TresAmounts configured_amounts(const model::Node& node, const model::Settings& settings);

/// What a job asks for, and what it holds; the latter empty without an allocation. Of generic resources those that the
/// settings count (AccountingStorageTRES), of licenses those in the books. node_memory_mib: as above.
std::string requested_tres(const model::Job& job, const model::Settings& settings, const acct::Books& books,
                           std::uint64_t node_memory_mib);
std::string allocated_tres(const model::Job& job, const model::Settings& settings, const acct::Books& books);
std::string allocated_tres(const model::Step& step, const model::Settings& settings);
/// What a node or a partition has in all, and what is used of a node.
std::string configured_tres(std::uint64_t cpus, std::uint64_t mem_mib, std::uint64_t nodes, bool with_node_count);
std::string used_tres(const model::Node& node);

}  // namespace flurm::ctld
