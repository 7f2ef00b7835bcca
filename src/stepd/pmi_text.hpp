// stepd/pmi_text.hpp — the words of MPICH's process management interface, versions 1.1 and 2.0, as tasks and their
// manager say them over a socket (MPICH src/pmi; slurm 22.05 plugins/mpi/pmi2).
//
//   1.1   cmd=put kvsname=7.0 key=a value=b\n
//   2.0   000024cmd=kvs-put;key=a;value=b;         a length of six digits; ";;" stands for ";"
//
// Every connection begins with a line of version 1 that names the version of the rest.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace flurm::stepd {

struct PmiCommand {
  std::string name;
  std::map<std::string, std::string, std::less<>> values;
  /// "" where it was not said.
  std::string_view value(std::string_view key) const {
    const auto it = values.find(key);
    return it == values.end() ? std::string_view{} : std::string_view(it->second);
  }
};

/// Answers are made of the same words; they keep their order.
using PmiWords = std::vector<std::pair<std::string_view, std::string>>;
std::string pmi_message(int version, PmiWords words);

/// Cuts what a task sends into commands.
class PmiReader {
 public:
  void add(std::string_view bytes) { buffer_.append(bytes); }
  void set_version(int version) { version_ = version; }
  int version() const { return version_; }
  /// The next whole command; nullopt when more bytes are needed. Errors: corrupt (too long, or no such words).
  Result<std::optional<PmiCommand>> next();

 private:
  int version_ = 1;
  std::string buffer_;
};

}  // namespace flurm::stepd
