// conf/words.hpp — the words that values of slurm.conf may use, with Slurm's numbers for them.
#pragma once
#include <array>
#include <span>

#include "conf/values.hpp"

namespace flurm::conf {

extern const std::span<const Word> kDebugFlagWords;
extern const std::span<const Word> kPrivateDataWords;
extern const std::span<const Word> kPrologFlagWords;
extern const std::span<const Word> kPriorityFlagWords;
extern const std::span<const Word> kPriorityResetWords;
extern const std::span<const Word> kReconfigFlagWords;
extern const std::span<const Word> kEnforcePartLimitsWords;
extern const std::span<const Word> kHealthCheckWords;
extern const std::span<const Word> kLogFormatWords;
extern const std::span<const Word> kRlimitWords;
extern const std::span<const Word> kSelectParamWords;
extern const std::span<const Word> kAccountingEnforceWords;
extern const std::span<const Word> kAccountingStoreWords;
extern const std::span<const Word> kPropagatePrioWords;

// Plugins: the number is of no use, the list says which names Slurm knows.
extern const std::span<const Word> kAccountingStorageTypes, kAuthTypes, kCredTypes, kJobAcctGatherTypes, kJobCompTypes,
    kPreemptTypes, kPriorityTypes, kProctrackTypes, kSchedulerTypes, kSelectTypes, kSwitchTypes, kTaskPlugins,
    kTopologyPlugins, kMcsPlugins;

}  // namespace flurm::conf
