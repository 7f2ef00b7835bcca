// wire/plugin_data.hpp — the few bytes that Slurm's select and switch plugins put into messages when they have
// nothing to say, which is always so here: we are cons_tres without a switch plugin.
#pragma once
#include "codec/archive.hpp"

namespace flurm::wire {

/// select/cons_tres's number.
inline constexpr std::uint32_t kSelectPlugin = 109;

/// Protocol 22.05 only: the plugin's number, and no data behind it. Other numbers are read and forgotten.
void select_jobinfo(codec::Archive& ar);

/// Of a step: a number until 23.02, then nothing, and from 24.11 a length of 0 (only inside credentials).
/// Unpacking refuses data of a real switch plugin.
void switch_stepinfo(codec::Archive& ar);

}  // namespace flurm::wire
