// cli/site.cpp — see site.hpp.
#include "cli/site.hpp"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "cli/layout.hpp"
#include "conf/slurm_conf.hpp"
#include "exec/fd.hpp"

namespace flurm::cli {
namespace {

Result<std::string> read_conf(const std::string& path) { return exec::read_file(path, conf::kConfTextMax); }

conf::Environment flurm_environment() {
  conf::Environment out;
  for (char** each = environ; *each; ++each)
    if (const char* equals = std::strchr(*each, '='); equals && std::strncmp(*each, "FLURM_", 6) == 0)
      out[std::string(static_cast<const char*>(*each), equals)] = equals + 1;
  return out;
}

}  // namespace

Result<std::string> slurm_conf_path(const std::string& local_dir) {
  if (!local_dir.empty()) {
    FLURM_TRY(const Layout layout, open_layout(local_dir, false));
    return layout.slurm_conf();
  }
  for (const char* name : {"SLURM_CONF", "FLURM_CONFIG_FILE"})
    if (const char* value = std::getenv(name); value && *value) return value;
  return "/etc/slurm/slurm.conf";
}

Result<conf::FlurmConf> load_flurm_conf(const std::string& local_dir) {
  FLURM_TRY(const std::string slurm_conf, slurm_conf_path(local_dir));
  const std::string file = slurm_conf.substr(0, slurm_conf.rfind('/') + 1) + "flurm.conf";
  std::vector<conf::Diagnostic> problems;
  const conf::Environment environment = local_dir.empty() ? flurm_environment() : conf::Environment{};
  return conf::parse_flurm_conf(read_conf(file).value_or(""), file, read_conf, environment, problems);
}

Result<conf::Config> load_slurm_conf(const std::string& local_dir) {
  FLURM_TRY(const std::string file, slurm_conf_path(local_dir));
  FLURM_TRY(const std::string text, read_conf(file));
  std::vector<conf::Diagnostic> problems;
  return conf::parse_slurm_conf(text, file, read_conf, problems);
}

Result<Site> find_site(const std::string& local_dir) {
  FLURM_TRY(const conf::Config config, load_slurm_conf(local_dir));
  FLURM_TRY(const conf::FlurmConf flurm_conf, load_flurm_conf(local_dir));
  Site site;
  site.http_port = flurm_conf.http_port;
  conf::Config::has_option(config.authinfo, "socket", &site.munge_socket);
  for (const conf::ControllerHost& host : config.controllers) {
    site.hosts.push_back(host.addr);
    site.names.push_back(host.name);
  }
  return site;
}

}  // namespace flurm::cli
