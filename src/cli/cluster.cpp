// cli/cluster.cpp — asks the controllers over HTTP.
#include "cli/cluster.hpp"

#include <cstdio>

#include "cli/control.hpp"

namespace flurm::cli {

int cluster_status(const ClusterOptions& options) {
  const auto site = find_site(options.local_dir);
  if (!site) {
    std::fprintf(stderr, "flurm: %s\n", site.error().text.c_str());
    return 1;
  }
  const std::string path = options.json ? "/api/cluster/status" : "/api/cluster/status?format=text";
  for (const std::string& host : site->hosts) {
    const auto body = http_get(host, site->http_port, path);
    if (!body) {
      std::fprintf(stderr, "flurm: %s\n", body.error().text.c_str());
      continue;
    }
    std::fputs(body->c_str(), stdout);
    const bool sick = body->find(options.json ? "\"healthy\":false" : "; NOT HEALTHY\n") != body->npos;
    return sick ? 3 : 0;
  }
  std::fprintf(stderr, "flurm: no controller answers\n");
  return 1;
}

}  // namespace flurm::cli
