// cli/config_check.cpp — see config_check.hpp.
#include "cli/config_check.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <tuple>
#include <vector>

#include "conf/flurm_conf.hpp"
#include "conf/other_conf.hpp"
#include "conf/slurm_conf.hpp"
#include "exec/fd.hpp"

namespace flurm::cli {
namespace {

using conf::Diagnostic;

constexpr std::string_view kGather = "acct_gather.conf";

Result<std::string> read_conf(const std::string& path) { return exec::read_file(path, conf::kConfTextMax); }

/// Reads `file` with the reader for its kind, told by its name; slurm.conf is what has no other name. Gives whether
/// acct_gather.conf matters.
bool check_file(const std::string& file, std::string_view name, std::vector<Diagnostic>& out) {
  auto text = read_conf(file);
  if (!text) {
    conf::Report{out, file, 0}.error("", text.error().text);
  } else if (name == "gres.conf") {
    (void)conf::parse_gres_conf(*text, file, read_conf, out);
  } else if (name == "cgroup.conf") {
    (void)conf::parse_cgroup_conf(*text, file, read_conf, out);
  } else if (name == "job_container.conf") {
    (void)conf::parse_job_container_conf(*text, "", file, read_conf, out);
  } else if (name == "oci.conf") {
    (void)conf::parse_oci_conf(*text, file, read_conf, out);
  } else if (name == kGather) {
    (void)conf::parse_influx_conf(*text, file, read_conf, out);
  } else if (name == "topology.conf") {
    (void)conf::parse_topology_conf(*text, file, read_conf, out);
  } else if (name == "flurm.conf") {
    (void)conf::parse_flurm_conf(*text, file, read_conf, {}, out);
  } else {
    const auto config = conf::parse_slurm_conf(*text, file, read_conf, out);
    return config && config->acct_gather_profile_type == "acct_gather_profile/influxdb";
  }
  return false;
}

}  // namespace

int config_check(const std::string& file) {
  std::vector<Diagnostic> out;
  const auto slash = file.rfind('/');
  const std::string folder = slash == file.npos ? "" : file.substr(0, slash + 1);
  const std::string name = slash == file.npos ? file : file.substr(slash + 1);
  const bool gathers = check_file(file, name, out);
  if (gathers) check_file(folder + std::string(kGather), kGather, out);
  if (name == "slurm.conf")
    for (const char* other : {"gres.conf", "cgroup.conf", "job_container.conf", "oci.conf", "topology.conf", "flurm.conf"})
      if (access((folder + other).c_str(), F_OK) == 0) check_file(folder + other, other, out);

  // In the order of lines, not of the passes over them.
  std::ranges::stable_sort(out, {}, [](const Diagnostic& d) { return std::tie(d.file, d.line); });
  std::size_t errors = 0;
  for (const Diagnostic& d : out) {
    std::printf("%s\n", conf::to_string(d).c_str());
    errors += d.severity == conf::Severity::error;
  }
  std::printf("%zu error%s, %zu warning%s\n", errors, errors == 1 ? "" : "s", out.size() - errors,
              out.size() - errors == 1 ? "" : "s");
  return errors == 0 ? 0 : 1;
}

}  // namespace flurm::cli
