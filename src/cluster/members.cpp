// cluster/members.cpp — see members.hpp.
#include "cluster/members.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "fmt/format.h"

namespace flurm::cluster {
namespace {

constexpr std::size_t kSecretMax = 4096;
/// Ids are shown in JSON, where larger numbers lose digits.
constexpr std::uint64_t kIdMask = (std::uint64_t{1} << 48) - 1;

}  // namespace

std::uint64_t member_id(std::string_view name) {
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a, then mixed: names differ in their last letter
  for (char c : name) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    hash = (hash ^ static_cast<unsigned char>(lower)) * 1099511628211U;
  }
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9U;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebU;
  hash ^= hash >> 31;
  const std::uint64_t id = hash & kIdMask;
  return id > 1 ? id : id + 2;
}

Result<Member> parse_member(std::string_view text, std::uint16_t default_port) {
  Member member{.port = default_port};
  std::string_view rest = text;
  if (const auto at = rest.find('@'); at != rest.npos) rest.remove_prefix(at + 1);
  // "host:port" or "[v6]:port"; a bare IPv6 address has more than one colon and no port.
  std::string_view port;
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == rest.npos) return fail(Errc::einval, "'{}': '[' without ']'", text);
    std::string_view after = rest.substr(end + 1);
    if (!after.empty() && after.front() != ':') return fail(Errc::einval, "'{}': expected ':' after ']'", text);
    if (!after.empty()) port = after.substr(1);
    rest = rest.substr(1, end - 1);
  } else if (const auto colon = rest.find(':'); colon != rest.npos && rest.find(':', colon + 1) == rest.npos) {
    port = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (port.empty()) return fail(Errc::einval, "'{}': no port after ':'", text);
  }
  if (rest.empty()) return fail(Errc::einval, "'{}': no host", text);
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), member.port);
    if (error != std::errc() || end != port.data() + port.size() || member.port == 0)
      return fail(Errc::einval, "'{}': '{}' is no port", text, port);
  }
  member.host = rest;
  member.name = member.host;
  member.id = member_id(member.name);
  return member;
}

std::string member_text(const Member& member) {
  const bool v6 = member.host.find(':') != member.host.npos;
  return fmt::format("{}@{}{}{}:{}", member.name, v6 ? "[" : "", member.host, v6 ? "]" : "", member.port);
}

std::optional<Member> read_member_text(std::uint64_t id, std::string_view text) {
  const auto at = text.find('@');
  if (at == text.npos || at == 0) return {};
  Result<Member> member = parse_member(text, 0);
  if (!member || member->port == 0) return {};
  member->id = id;
  member->name = text.substr(0, at);
  return std::move(*member);
}

Result<void> check_members(const std::vector<Member>& members) {
  if (members.empty() || members.size() > kMembersMax)
    return fail(Errc::einval, "{} controllers; allowed: 1 to {}", members.size(), kMembersMax);
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Member& one = members[i];
    for (std::size_t j = 0; j < i; ++j) {
      const Member& other = members[j];
      if (one.name == other.name) return fail(Errc::einval, "controller {} is named twice", one.name);
      if (one.id == other.id)
        return fail(Errc::einval, "controllers {} and {} would have the same id; give one another name", other.name,
                    one.name);
      if (one.host == other.host && one.port == other.port)
        return fail(Errc::einval, "controllers {} and {} have the same address {}:{}", other.name, one.name, one.host,
                    one.port);
    }
  }
  return {};
}

Result<std::string> read_secret(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  struct stat info {};
  std::string secret(kSecretMax + 1, '\0');
  const bool known = fstat(fd, &info) == 0;
  const ssize_t n = known ? read(fd, secret.data(), secret.size()) : -1;
  const int error = errno;
  close(fd);
  if (n < 0) return fail(Errc::io, "{}: {}", path, std::strerror(error));
  if (!S_ISREG(info.st_mode)) return fail(Errc::einval, "{} is not a file", path);
  if ((info.st_mode & 077) != 0)
    return fail(Errc::eperm, "{} may be read by others than its owner: chmod 600 it, and choose a new secret", path);
  if (static_cast<std::size_t>(n) > kSecretMax) return fail(Errc::einval, "{} is larger than {} bytes", path, kSecretMax);
  secret.resize(static_cast<std::size_t>(n));
  secret.resize(secret.find_last_not_of(" \t\r\n") + 1);
  if (secret.empty()) return fail(Errc::einval, "{} is empty", path);
  return secret;
}

}  // namespace flurm::cluster
