// auth/hosts.cpp — see hosts.hpp.
#include "auth/hosts.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

namespace flurm::auth {
namespace {

std::string address_of(const std::string& peer) {
  const std::size_t colon = peer.rfind(':');
  std::string address = colon == peer.npos ? peer : peer.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  return address;
}

std::string ask(const std::string& address) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  const sockaddr* socket = nullptr;
  socklen_t length = 0;
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    socket = reinterpret_cast<const sockaddr*>(&v4);
    length = sizeof v4;
  } else if (inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    socket = reinterpret_cast<const sockaddr*>(&v6);
    length = sizeof v6;
  }
  char name[NI_MAXHOST] = "";
  if (!socket || getnameinfo(socket, length, name, sizeof name, nullptr, 0, NI_NAMEREQD) != 0) return address;
  const std::string found = name;
  return found.substr(0, found.find('.'));
}

}  // namespace

std::string Hosts::look_up(const std::string& peer) {
  const std::string address = address_of(peer);
  {
    std::lock_guard lock(mutex_);
    if (const auto known = names_.find(address); known != names_.end()) return known->second;
  }
  std::string name = ask(address);
  std::lock_guard lock(mutex_);
  if (names_.size() < kNamesMax) names_[address] = name;
  return name;
}

std::string Hosts::cached(const std::string& peer) const {
  std::lock_guard lock(mutex_);
  const auto known = names_.find(address_of(peer));
  return known == names_.end() ? std::string() : known->second;
}

void Hosts::clear() {
  std::lock_guard lock(mutex_);
  names_.clear();
}

}  // namespace flurm::auth
