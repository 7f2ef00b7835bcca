// conf/job_container_conf.cpp — job_container.conf(5), as one node reads it.
#include "base/hostlist.hpp"
#include "conf/other_conf.hpp"
#include "conf/values.hpp"

namespace flurm::conf {
namespace {

Result<void> take(JobContainerConf& conf, const Pair& pair) {
  if (same_word(pair.key, "BasePath")) {
    if (!pair.value.starts_with('/') && pair.value != "none") return fail(Errc::einval, "must begin with '/'");
    conf.base_path = pair.value == "none" ? std::string{} : pair.value;
    return {};
  }
  if (same_word(pair.key, "InitScript")) {
    if (!pair.value.starts_with('/')) return fail(Errc::einval, "must begin with '/'");
    conf.init_script = pair.value;
    return {};
  }
  if (same_word(pair.key, "Dirs")) {
    conf.directories.clear();
    for (const std::string_view directory : split_list(pair.value)) {
      if (!directory.starts_with('/') || directory == "/")
        return fail(Errc::einval, "'{}' cannot be private", directory);
      conf.directories.emplace_back(directory);
    }
    return {};
  }
  if (same_word(pair.key, "AutoBasePath")) {
    FLURM_TRY(conf.auto_base_path, parse_bool(pair.value));
    return {};
  }
  if (same_word(pair.key, "Shared")) {
    FLURM_TRY(conf.shared, parse_bool(pair.value));
    return {};
  }
  return fail(Errc::einval, "is not a key of job_container.conf");
}

}  // namespace

Result<JobContainerConf> parse_job_container_conf(std::string_view text, std::string_view node_name,
                                                  const std::string& file, const IncludeText& include,
                                                  std::vector<Diagnostic>& out) {
  const std::size_t before = out.size();
  JobContainerConf conf;
  for (const Line& line : read_lines(text, file, include, out).lines) {
    const Report report{out, line.file, line.number};
    std::size_t from = 0;
    if (same_word(line.pairs.front().key, "NodeName")) {
      const auto nodes = HostSet::parse(line.pairs.front().value);
      if (!nodes) report.error("NodeName", nodes.error().text);
      if (!nodes || !nodes->contains(node_name)) continue;
      from = 1;
    }
    for (std::size_t i = from; i < line.pairs.size(); ++i)
      if (auto taken = take(conf, line.pairs[i]); !taken) report.error(line.pairs[i].key, taken.error().text);
  }
  if (auto error = first_error(out, before); !error.empty()) return fail(Errc::einval, "{}", error);
  return conf;
}

}  // namespace flurm::conf
