// cli/cluster.cpp — asks the controllers over HTTP.
#include "cli/cluster.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "cli/layout.hpp"
#include "conf/flurm_conf.hpp"
#include "conf/slurm_conf.hpp"
#include "exec/fd.hpp"

namespace flurm::cli {
namespace {

constexpr std::size_t kAnswerMax = 1 << 20;

struct Where {
  std::vector<std::string> hosts;
  std::uint16_t port = 0;
};

std::string default_slurm_conf() {
  for (const char* name : {"SLURM_CONF", "FLURM_CONFIG_FILE"})
    if (const char* value = std::getenv(name); value && *value) return value;
  return "/etc/slurm/slurm.conf";
}

/// The controllers' hosts are those that clients know.
Result<Where> find_controllers(const ClusterOptions& options) {
  std::string file = default_slurm_conf();
  if (!options.local_dir.empty()) {
    FLURM_TRY(const Layout layout, open_layout(options.local_dir, false));
    file = layout.slurm_conf();
  }
  const auto read = [](const std::string& path) { return exec::read_file(path, conf::kConfTextMax); };
  std::vector<conf::Diagnostic> problems;
  FLURM_TRY(const std::string text, read(file));
  FLURM_TRY(const conf::Config config, conf::parse_slurm_conf(text, file, read, problems));
  conf::Environment environment;
  if (const char* port = std::getenv("FLURM_HTTP_PORT")) environment["FLURM_HTTP_PORT"] = port;
  const std::string beside = file.substr(0, file.rfind('/') + 1) + "flurm.conf";
  FLURM_TRY(const conf::FlurmConf flurm_conf,
            conf::parse_flurm_conf(read(beside).value_or(""), beside, read, environment, problems));
  Where where{{}, flurm_conf.http_port};
  for (const conf::ControllerHost& host : config.controllers) where.hosts.push_back(host.addr);
  return where;
}

/// One GET; the answer's body. Errors: io.
Result<std::string> get(const std::string& host, std::uint16_t port, const std::string& path) {
  addrinfo hints{}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (const int status = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list); status != 0)
    return fail(Errc::io, "{}: {}", host, gai_strerror(status));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  const auto failed = [&] { return fail(Errc::io, "{}:{}: {}", host, port, std::strerror(errno)); };
  const exec::Fd fd(socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{3, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const std::string request = fmt::format("GET {} HTTP/1.0\r\nHost: {}\r\nConnection: close\r\n\r\n", path, host);
  if (connect(fd.get(), list->ai_addr, list->ai_addrlen) != 0 ||
      send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    return failed();
  std::string answer;
  char buffer[4096];
  ssize_t n;
  while ((n = recv(fd.get(), buffer, sizeof buffer, 0)) > 0 && answer.size() < kAnswerMax)
    answer.append(buffer, static_cast<std::size_t>(n));
  if (n < 0) return failed();
  const auto body = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.") || answer.substr(8, 5) != " 200 " || body == answer.npos)
    return fail(Errc::io, "{}:{}: is no controller's HTTP port", host, port);
  return answer.substr(body + 4);
}

}  // namespace

int cluster_status(const ClusterOptions& options) {
  const auto where = find_controllers(options);
  if (!where) {
    std::fprintf(stderr, "flurm: %s\n", where.error().text.c_str());
    return 1;
  }
  const std::string path = options.json ? "/api/cluster/status" : "/api/cluster/status?format=text";
  for (const std::string& host : where->hosts) {
    const auto body = get(host, where->port, path);
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
