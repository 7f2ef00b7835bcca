// http/server.cpp — cpp-httplib's threads, and the way from them to the loop and back.
#include "http/server.hpp"

#include <arpa/inet.h>
#include <httplib.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "base/log.hpp"
#include "io/successor.hpp"

namespace flurm::http {
namespace {

constexpr auto kIdle = std::chrono::seconds(5);
constexpr auto kLook = std::chrono::milliseconds(100);

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

Request request_of(const httplib::Request& from) {
  Request request{.method = from.method == "HEAD" ? "GET" : from.method,
                  .path = from.path,
                  .query = {},
                  .headers = {},
                  .body = from.body,
                  .peer = from.remote_addr};
  for (const auto& [name, value] : from.params) request.query.emplace(name, value);
  for (const auto& [name, value] : from.headers) request.headers.emplace(lower(name), value);
  return request;
}

/// cpp-httplib's server with a way to give it a socket, and to take its socket away without ending it.
class HttpServer : public httplib::Server {
 public:
  void take_over(int fd) { svr_sock_ = fd; }
  int socket() const { return svr_sock_; }
  /// The thread that accepts sees it within kLook.
  void let_go() {
    if (const int fd = svr_sock_.exchange(INVALID_SOCKET); fd != INVALID_SOCKET) close(fd);
  }
};

/// Takes the socket that the program before left, where there is one. False: the address cannot be had.
bool listen_on(HttpServer& server, const std::string& host, int& port) {
  sockaddr_storage address{};
  auto& ip = reinterpret_cast<sockaddr_in&>(address);
  ip.sin_family = AF_INET;
  ip.sin_port = htons(static_cast<std::uint16_t>(port));
  if (port != 0 && inet_pton(AF_INET, host.c_str(), &ip.sin_addr) == 1)
    if (const int fd = io::inherited_listener(address); fd >= 0) {
      server.take_over(fd);
      return true;
    }
  return port ? server.bind_to_port(host, port) : (port = server.bind_to_any_port(host)) > 0;
}

/// A request on its way from a connection's thread to the loop and back.
struct Waiting {
  std::promise<Response> answer;
  std::atomic<bool> taken = false;  ///< by the handler, or by the connection that waits for it no longer
};

io::Task<> answer_into(std::shared_ptr<Handler> handler, Request request, std::shared_ptr<Waiting> waiting) {
  auto handling = (*handler)(std::move(request));
  waiting->answer.set_value(co_await handling);
}

}  // namespace

struct Server::State {
  State(io::Loop& the_loop, Options the_options, Handler the_handler)
      : loop(the_loop), options(std::move(the_options)), handler(std::make_shared<Handler>(std::move(the_handler))) {}

  void serve(const httplib::Request& from, httplib::Response& to) {
    const auto waiting = std::make_shared<Waiting>();
    auto answered = waiting->answer.get_future();
    loop.post([this_handler = std::weak_ptr(handler), request = request_of(from), waiting]() mutable {
      // The server may be gone by now.
      auto still = this_handler.lock();
      if (still && !waiting->taken.exchange(true))
        io::spawn(answer_into(std::move(still), std::move(request), waiting));
    });
    Response response{504, "text/plain", "no answer in time\n"};
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(options.answer_ms);
    for (;;) {
      const bool last = stopping || std::chrono::steady_clock::now() >= until;
      if (answered.wait_for(std::chrono::milliseconds(last ? 0 : 100)) == std::future_status::ready) {
        response = answered.get();
        break;
      }
      if (!last) continue;
      if (!waiting->taken.exchange(true)) response = {421, "text/plain", "it ends, and has not begun with this\n"};
      break;
    }
    to.status = response.status;
    to.set_content(std::move(response.body), response.type);
  }

  io::Loop& loop;
  Options options;
  std::shared_ptr<Handler> handler;
  HttpServer server;
  std::thread thread;
  std::atomic<bool> stopping = false;
  int port = 0;
};

Result<std::unique_ptr<Server>> Server::listen(io::Loop& loop, Options options, Handler handler) {
  auto state = std::make_unique<State>(loop, std::move(options), std::move(handler));
  State* self = state.get();
  HttpServer& server = self->server;
  server.new_task_queue = [threads = self->options.threads] { return new httplib::ThreadPool(threads); };
  server.set_payload_max_length(self->options.body_bytes_max);
  server.set_read_timeout(kIdle);
  server.set_write_timeout(kIdle);
  server.set_keep_alive_timeout(kIdle.count());
  // The library's own choice is SO_REUSEPORT, under which two daemons share a port without a word.
  server.set_socket_options([](auto sock) {
    const int yes = 1;
    setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  const auto any = [self](const httplib::Request& from, httplib::Response& to) { self->serve(from, to); };
  server.Get(".*", any).Post(".*", any).Put(".*", any).Delete(".*", any);
  const std::string host = self->options.host.empty() ? "0.0.0.0" : self->options.host;
  self->port = self->options.port;
  server.set_idle_interval(kLook);
  if (!listen_on(server, host, self->port)) return fail(Errc::io, "cannot listen on {}:{}", host, self->options.port);
  self->thread = std::thread([self] { self->server.listen_after_bind(); });
  // A server that is stopped before it runs would run for ever.
  while (!server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  io::note_listening(server.socket());
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  state_->stopping = true;
  io::forget_listening(state_->server.socket());
  // stop() shuts the socket down, for whoever else has it, too.
  if (io::keeps_listening())
    state_->server.let_go();
  else
    state_->server.stop();
  state_->thread.join();
}

std::uint16_t Server::port() const { return static_cast<std::uint16_t>(state_->port); }

}  // namespace flurm::http
