// acct/tres.hpp — amounts per trackable resource, as accounting keeps them: "1=8,2=16000".
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/types.hpp"

namespace flurm::acct {

/// The ids that every installation has (slurm 22.05 src/common/slurmdb_defs.h); others are numbered from 1001 on.
enum TresId : std::uint32_t {
  tres_cpu = 1,
  tres_mem = 2,
  tres_energy = 3,
  tres_node = 4,
  tres_billing = 5,
  tres_fs_disk = 6,
  tres_vmem = 7,
  tres_pages = 8,
  tres_first_dynamic = 1001,
};

/// Amount by TRES id. In a wish for a change kInfinite64 takes an amount away.
using TresCounts = std::map<std::uint32_t, std::uint64_t>;

/// Entries that are no "id=number" are skipped; of two with one id the first counts. A negative number is kInfinite64.
TresCounts parse_tres(std::string_view text);
std::string format_tres(const TresCounts& counts);
/// Adds what only `above` has.
void inherit_tres(TresCounts& own, const TresCounts& above);
/// Each amount of `change` replaces ours or takes it away.
void change_tres(TresCounts& own, const TresCounts& change);

}  // namespace flurm::acct
