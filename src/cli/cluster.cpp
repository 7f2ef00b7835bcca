// cli/cluster.cpp — asks the controllers over HTTP.
#include "cli/cluster.hpp"

#include <cstdio>
#include <optional>

#include "cli/control.hpp"

namespace flurm::cli {

namespace {

/// The page as the first controller that answers gives it, printed; on standard error why there is none.
std::optional<std::string> print_page(const ClusterOptions& options, const std::string& path) {
  const auto site = find_site(options.local_dir);
  if (!site) {
    std::fprintf(stderr, "flurm: %s\n", site.error().text.c_str());
    return {};
  }
  for (const std::string& host : site->hosts) {
    const auto body = http_get(host, site->http_port, options.json ? path : path + "?format=text");
    if (!body) {
      std::fprintf(stderr, "flurm: %s\n", body.error().text.c_str());
      continue;
    }
    std::fputs(body->c_str(), stdout);
    return *body;
  }
  std::fprintf(stderr, "flurm: no controller answers\n");
  return {};
}

}  // namespace

int cluster_status(const ClusterOptions& options) {
  const auto page = print_page(options, "/api/cluster/status");
  if (!page) return 1;
  return page->find(options.json ? "\"healthy\":false" : "; NOT HEALTHY\n") == page->npos ? 0 : 3;
}

std::string configured_address(const ClusterOptions& options, const std::string& name) {
  const auto site = find_site(options.local_dir);
  if (!site) return "";
  for (std::size_t i = 0; i < site->names.size(); ++i)
    if (site->names[i] == name) return site->hosts[i];
  return "";
}

int cluster_versions(const ClusterOptions& options) { return print_page(options, "/api/versions") ? 0 : 1; }

}  // namespace flurm::cli
