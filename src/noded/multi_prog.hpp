// noded/multi_prog.hpp — srun --multi-prog: which program each task runs, from the text of a configuration file.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace flurm::noded {

/// The command of task `rank`: of the first line whose ranks ("0-3,7" or "*") hold it, %t being the rank and %o its
/// place among the line's ranks; then the arguments that were given to all. Quoting: '…' and a backslash, which at the
/// end of a line continues it. A line that begins with # is a comment. (srun(1), MULTIPLE PROGRAM CONFIGURATION)
/// Errors: einval.
Result<std::vector<std::string>> multi_prog_command(std::string_view text, std::uint32_t rank,
                                                    std::span<const std::string> arguments);

}  // namespace flurm::noded
