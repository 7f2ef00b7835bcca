// cli/control.cpp — see control.hpp. Each request has a connection of its own; JSON is read and written here only.
#include "cli/control.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "auth/request_credential.hpp"
#include "exec/fd.hpp"

namespace flurm::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kPageMax = std::size_t{1} << 20, kHeadMax = std::size_t{16} << 10;
constexpr int kMisdirected = 421;  // that one is no member, or not yet
constexpr time_t kReadPatienceS = 3, kOrderPatienceS = 70;

struct Answer {
  int status = 0;
  std::string body;
};

/// Connected, with that much patience for each piece that is sent or comes. Errors: communications_connection.
Result<exec::Fd> connect_to(const std::string& host, std::uint16_t port, time_t patience_s) {
  addrinfo hints{}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (const int status = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list); status != 0)
    return fail(Errc::communications_connection, "{}: {}", host, gai_strerror(status));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  exec::Fd fd(socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval brief{kReadPatienceS, 0}, patience{patience_s, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof brief);  // for connect(), too
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(fd.get(), list->ai_addr, list->ai_addrlen) != 0)
    return fail(Errc::communications_connection, "{}:{}: {}", host, port, std::strerror(errno));
  return fd;
}

/// The value of a header, whose name is given in lower case with ": " behind it.
std::string header(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != head.npos; at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2);
    if (line.size() < name.size() || strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    return std::string(line.substr(name.size(), line.find("\r\n") - name.size()));
  }
  return "";
}

/// Sends the whole request and reads the whole answer. Errors: io.
Result<Answer> converse(int fd, const std::string& where, const std::string& request, std::size_t body_max) {
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t n = send(fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return fail(Errc::io, "{}: {}", where, std::strerror(errno));
    sent += static_cast<std::size_t>(n);
  }
  std::string answer, buffer(std::size_t{64} << 10, '\0');
  ssize_t n;
  while ((n = recv(fd, buffer.data(), buffer.size(), 0)) > 0 && answer.size() <= kHeadMax + body_max)
    answer.append(buffer, 0, static_cast<std::size_t>(n));
  if (n < 0) return fail(Errc::io, "{}: {}", where, errno == EAGAIN ? "no answer in time" : std::strerror(errno));
  const auto end = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.") || answer.size() < 12 || end == answer.npos)
    return fail(Errc::io, "{}: {}", where, answer.empty() ? "it ended the connection" : "not a controller's HTTP port");
  const std::string_view head = std::string_view(answer).substr(0, end);
  const std::string length = header(head, "content-length: ");
  Answer out{std::atoi(answer.c_str() + 9), answer.substr(end + 4)};
  if (!length.empty() && std::strtoull(length.c_str(), nullptr, 10) != out.body.size())
    return fail(Errc::io, "{}: {} of {} bytes came", where, out.body.size(), length);
  return out;
}

std::string error_of(const Answer& answer) {
  const auto fields = read_fields(answer.body);
  if (fields && fields->contains("error")) return fields->at("error");
  return fmt::format("HTTP status {}: {}", answer.status, answer.body.substr(0, answer.body.find('\n')));
}

}  // namespace

Result<std::string> http_get(const std::string& host, std::uint16_t port, const std::string& path) {
  FLURM_TRY(const exec::Fd fd, connect_to(host, port, kReadPatienceS));
  const std::string where = fmt::format("{}:{}", host, port);
  const std::string request = fmt::format("GET {} HTTP/1.0\r\nHost: {}\r\nConnection: close\r\n\r\n", path, host);
  FLURM_TRY(Answer answer, converse(fd.get(), where, request, kPageMax));
  if (answer.status != 200) return fail(Errc::io, "{}: {}", where, error_of(answer));
  return std::move(answer.body);
}

Result<std::string> order(const Site& site, const std::string& path, const Fields& arguments, std::size_t body_max) {
  if (site.http_port == 0) return fail(Errc::einval, "HttpPort=0 in flurm.conf: the controllers take no orders");
  const std::string body = json(arguments).dump(-1, ' ', false, json::error_handler_t::replace);
  const auth::Munge munge(site.munge_socket);
  std::string unreached;
  for (const std::string& host : site.hosts) {
    auto fd = connect_to(host, site.http_port, kOrderPatienceS);
    if (!fd) {
      unreached += (unreached.empty() ? "" : "; ") + fd.error().text;
      continue;
    }
    FLURM_TRY(const std::string credential, auth::sign_request(munge, {"POST", path, body}));
    const std::string request = fmt::format(
        "POST {} HTTP/1.0\r\nHost: {}\r\nConnection: close\r\nAuthorization: {}\r\nContent-Type: application/json\r\n"
        "Content-Length: {}\r\n\r\n{}",
        path, host, credential, body.size(), body);
    auto answer = converse(fd->get(), fmt::format("{}:{}", host, site.http_port), request, body_max);
    if (!answer) return fail(Errc::timed_out, "{}; it may have been carried out", answer.error().text);
    if (answer->status == kMisdirected) {
      unreached += (unreached.empty() ? "" : "; ") + error_of(*answer);
      continue;
    }
    if (answer->status != 200) return fail(Errc::error, "{}", error_of(*answer));
    return std::move(answer->body);
  }
  return fail(Errc::communications_connection, "no controller answers: {}",
              unreached.empty() ? "none is named" : unreached);
}

Result<Fields> read_fields(const std::string& text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return fail(Errc::corrupt, "the controller's answer cannot be read");
  Fields out;
  for (const auto& [name, value] : object.items())
    out[name] = value.is_string() ? value.get<std::string>() : value.dump();
  return out;
}

int order_and_print(const std::string& local_dir, const std::string& path, const Fields& arguments) {
  const auto go = [&]() -> Result<std::string> {
    FLURM_TRY(const Site site, find_site(local_dir));
    FLURM_TRY(const std::string answer, order(site, path, arguments));
    FLURM_TRY(Fields fields, read_fields(answer));
    return std::move(fields["message"]);
  };
  const auto message = go();
  if (!message) {
    std::fprintf(stderr, "flurm: %s\n", message.error().text.c_str());
    return 1;
  }
  std::printf("%s\n", message->c_str());
  return 0;
}

}  // namespace flurm::cli
