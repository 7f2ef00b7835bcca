// conf/key_file.hpp — files of nothing but `Key=Value` lines, each key once: cgroup.conf, slurmdbd.conf.
#pragma once
#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conf/diagnostic.hpp"
#include "conf/lines.hpp"
#include "conf/records.hpp"

namespace flurm::conf {

template <class Conf>
struct KeyFile {
  std::string_view name;  ///< of such a file: "cgroup.conf"
  std::span<const Key<Conf>> keys;
  std::span<const std::string_view> without_effect;  ///< further keys of Slurm's
  std::string_view why;                              ///< what a warning says of those
};

/// Reads such a file; what is wrong with it goes to `out`. Errors: einval, the text is the first of them.
template <class Conf>
Result<Conf> parse_key_file(const KeyFile<Conf>& kind, std::string_view text, const std::string& file,
                            const IncludeText& include, std::vector<Diagnostic>& out) {
  const std::size_t before = out.size();
  Conf conf;
  for (const Line& line : read_lines(text, file, include, out).lines) {
    const Report report{out, line.file, line.number};
    const auto& [name, value] = line.pairs[0];
    if (line.pairs.size() > 1) report.error(name, fmt::format("'{}' does not belong on this line", line.pairs[1].key));
    if (std::ranges::any_of(kind.without_effect, [&](std::string_view key) { return same_word(key, name); })) {
      report.warning(name, std::string(kind.why));
      continue;
    }
    const Key<Conf>* key = find_key(kind.keys, name);
    if (key == nullptr) {
      report.error(name, fmt::format("is not a key of {}", kind.name));
      continue;
    }
    const Conf old = conf;
    if (auto done = apply(*key, value, conf); !done)
      report.error(key->name, done.error().text);
    else if (key->support == Support::later && !(conf == old))
      report.warning(key->name, "is accepted but has no effect in FLURM yet");
  }
  if (auto error = first_error(out, before); !error.empty()) return fail(Errc::einval, "{}", error);
  return conf;
}

}  // namespace flurm::conf
