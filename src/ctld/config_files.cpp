// ctld/config_files.cpp — see config_files.hpp.
#include "ctld/config_files.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/log.hpp"
#include "conf/slurm_conf.hpp"

namespace flurm::ctld {
namespace {

constexpr std::size_t kFileBytesMax = 64u << 20;

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Errc::io, "cannot read {}: {}", path, std::strerror(errno));
  std::ostringstream text;
  text << in.rdbuf();
  if (text.view().size() > kFileBytesMax) return fail(Errc::io, "{} is larger than {} bytes", path, kFileBytesMax);
  return std::move(text).str();
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? std::string() : path.substr(0, slash + 1);
}

}  // namespace

Result<LoadedConfig> load_config(const std::string& path) {
  FLURM_TRY(std::string text, read_file(path));
  LoadedConfig loaded;
  const std::string folder = folder_of(path);
  const auto include = [&](const std::string& file) -> Result<std::string> {
    auto content = read_file(file);
    if (content) loaded.files[file.starts_with(folder) ? file.substr(folder.size()) : file] = *content;
    return content;
  };
  auto config = conf::parse_slurm_conf(text, path, include, loaded.diagnostics);
  if (config && !conf::has_errors(loaded.diagnostics))
    loaded.config = std::make_shared<const conf::Config>(std::move(*config));
  loaded.files["slurm.conf"] = std::move(text);
  // Files that nodes and clients read beside slurm.conf, when they are there.
  for (const char* name : {"gres.conf", "cgroup.conf", "topology.conf", "plugstack.conf", "acct_gather.conf",
                           "job_container.conf", "oci.conf", "mpi.conf", "helpers.conf"})
    if (auto content = read_file(folder + name)) loaded.files[name] = std::move(*content);
  return loaded;
}

void log_diagnostics(const std::vector<conf::Diagnostic>& diagnostics) {
  for (const conf::Diagnostic& each : diagnostics)
    log(each.severity == conf::Severity::error ? Level::error : Level::warn, "conf.problem",
        {{"what", conf::to_string(each)}});
}

}  // namespace flurm::ctld
