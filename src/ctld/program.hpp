// ctld/program.hpp — the program that this controller runs, and another one that may take its place.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace flurm::ctld {

/// What `flurmctld -T` says of itself after it has read the configuration.
struct ProgramFacts {
  std::string version;
  std::uint16_t newest_format = 0;  ///< of the state, that it reads
};
std::string to_text(const ProgramFacts& facts);
/// Errors: corrupt.
Result<ProgramFacts> parse_program_facts(const std::string& text);

/// The file that this process was started from; another one may be there under that name by now.
std::string own_program();

/// Runs the program with these arguments and environment until it has said what it is. Blocks, ten seconds at most. Errors:
/// einval, with what it says itself; io; timed_out.
Result<ProgramFacts> try_program(const std::string& program, const std::vector<std::string>& arguments,
                                 const std::vector<std::string>& environment);

}  // namespace flurm::ctld
