// cluster/resolve.cpp — see resolve.hpp.
#include "cluster/resolve.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <memory>

namespace flurm::cluster {

bool is_numeric(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

Result<std::string> look_up(const std::string& host) {
  if (is_numeric(host)) return host;
  addrinfo hints{}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (const int status = getaddrinfo(host.c_str(), nullptr, &hints, &list); status != 0)
    return fail(Errc::communications_connection, "{}: {}", host, gai_strerror(status));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  const addrinfo* chosen = list;
  while (chosen && chosen->ai_family != AF_INET) chosen = chosen->ai_next;
  if (!chosen) chosen = list;
  char text[NI_MAXHOST];
  const int status = getnameinfo(chosen->ai_addr, chosen->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  if (status != 0) return fail(Errc::communications_connection, "{}: {}", host, gai_strerror(status));
  return std::string(text);
}

}  // namespace flurm::cluster
