// x11/forwarder.cpp — see forwarder.hpp.
#include "x11/forwarder.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <thread>

#include "codec/pack.hpp"
#include "codec/unpack.hpp"
#include "x11/xauthority.hpp"

namespace flurm::x11 {
namespace {

using exec::StepFrame;

// Display N is on port 6000 + N. ssh begins with display 10 (slurm 22.05 x11_forwarding.c).
constexpr std::uint16_t kDisplayPort = 6000, kFirstDisplay = 20, kLastDisplay = 99;
constexpr unsigned kClientsMax = 256;  // as many as an X server takes

}  // namespace

int Forwarder::run() {
  exec::X11Ready ready;
  std::optional<Xauthority> keys;
  const auto start = [&]() -> Result<void> {
    FLURM_TRY(exec::StepX11 setup, read_setup());
    route_ = {.job_id = setup.job_id,
              .client_host = setup.client_host,
              .client_port = setup.client_port,
              .version = setup.version,
              .target = setup.target,
              .target_port = setup.target_port};
    munge_ = auth::Munge(setup.munge_socket);
    FLURM_TRY(ready.display, listen());
    FLURM_TRY(Xauthority file, Xauthority::open(setup.directory));
    keys.emplace(std::move(file));
    ready.xauthority = keys->path();
    return keys->add(ready.display, setup.cookie);
  };
  if (auto started = start(); !started) ready.error = started.error().text;
  send_ready(ready);
  if (!ready.error.empty()) return 1;
  accept_clients();
  return 0;
}

Result<exec::StepX11> Forwarder::read_setup() {
  exec::StepFrameReader reader(exec::kStepFrameMax);
  char buffer[4096];
  while (true) {
    FLURM_TRY(auto frame, reader.next());
    if (frame && frame->type == StepFrame::x11_setup)
      return codec::unpack<exec::StepX11>(frame->body, exec::kStepProtocol);
    if (frame) return fail(Errc::corrupt, "not what was to come first");
    const ssize_t n = read(supervisor_, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(Errc::closed, "no supervisor");
    reader.add({buffer, static_cast<std::size_t>(n)});
  }
}

void Forwarder::send_ready(const exec::X11Ready& ready) {
  (void)exec::write_all(supervisor_, exec::step_frame(StepFrame::x11_ready, codec::pack(ready, exec::kStepProtocol)));
}

/// The number of the display. Only this machine's programs reach it, and only those of them with the key get further.
Result<std::uint16_t> Forwarder::listen() {
  for (std::uint16_t display = kFirstDisplay; display <= kLastDisplay; ++display) {
    exec::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int yes = 1;
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(kDisplayPort + display);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
        ::listen(socket.get(), SOMAXCONN) == 0) {
      listener_ = std::move(socket);
      return display;
    }
  }
  return fail(Errc::io, "displays {} to {} are all taken", kFirstDisplay, kLastDisplay);
}

void Forwarder::accept_clients() {
  pollfd waiting[] = {{supervisor_, POLLIN, 0}, {listener_.get(), POLLIN, 0}};
  while (true) {
    if (poll(waiting, std::size(waiting), -1) < 0 && errno != EINTR) return;
    if (waiting[0].revents != 0) return;
    if (waiting[1].revents != 0) accept_one();
  }
}

void Forwarder::accept_one() {
  exec::Fd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!client || clients_ >= kClientsMax) return;
  ++clients_;
  try {
    std::thread([this, mine = std::move(client)] {
      if (auto display = open_route(route_, munge_)) pass_on(mine.get(), display->get());
      --clients_;
    }).detach();
  } catch (const std::system_error&) {  // no more threads: the client sees its connection end
    --clients_;
  }
}

}  // namespace flurm::x11
