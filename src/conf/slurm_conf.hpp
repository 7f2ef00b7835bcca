// conf/slurm_conf.hpp — reading slurm.conf.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "conf/config.hpp"
#include "conf/diagnostic.hpp"
#include "conf/lines.hpp"

namespace flurm::conf {

/// Reads `text`, the content of `file` (a path; Include paths are relative to its folder). Every problem goes to `out`;
/// the result is an error (einval, with the text of the first one) when one of them is. Nothing outside the arguments
/// is read: users, host names and programs are looked up by whoever runs with the result.
Result<Config> parse_slurm_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                std::vector<Diagnostic>& out);

/// The nodes of one NodeName line that is not in the file, with the defaults that the file gives. Errors: einval.
Result<std::vector<NodeDef>> parse_node_line(std::string_view line, const Config& config);

/// What FLURM does with a key of slurm.conf.
enum class Support {
  acted,    ///< it does what slurm.conf(5) says
  clients,  ///< Slurm's own programs on this machine read it; our daemons have nothing to do with it
  later,    ///< accepted; a value other than the default has no effect yet and earns a warning
  removed,  ///< Slurm 22.05 itself refuses or ignores it
};
struct KeyInfo {
  std::string_view name;
  Support support;
};
/// All keys that may begin a line, in alphabetical order: for documentation and tests.
std::vector<KeyInfo> slurm_conf_keys();

}  // namespace flurm::conf
