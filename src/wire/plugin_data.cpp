// wire/plugin_data.cpp — empty plugin data, as Slurm sends it.
#include "wire/plugin_data.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::since, codec::until, codec::unused;

void select_jobinfo(codec::Archive& ar) { ar("select_plugin_id", unused<std::uint32_t>(kSelectPlugin), until(v23_02)); }

void switch_stepinfo(codec::Archive& ar) {
  constexpr std::uint32_t kSwitchNone = 100;
  ar("switch_plugin_id", unused<std::uint32_t>(kSwitchNone), until(v23_11));
  if (ar.version() < v24_11) return;
  std::uint32_t length = 0;
  if (ar.kind() == codec::Kind::fuzz || ar.kind() == codec::Kind::dump) return;
  ar("switch_data_length", length);
  if (length != 0) ar.reject("data of a switch plugin");
}

}  // namespace flurm::wire
