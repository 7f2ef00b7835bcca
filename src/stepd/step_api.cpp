// stepd/step_api.cpp — see step_api.hpp.
#include "stepd/step_api.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace flurm::stepd {
namespace {

constexpr std::size_t kCallersMax = 64;
constexpr std::int32_t kOldestProtocol = 9216, kOurProtocol = 9728;  // 20.11, which 22.05 still hears, and 22.05

bool has_argument(StepQuestion question) {
  return question == StepQuestion::has_process || question == StepQuestion::adopt;
}

std::int32_t take_int(std::string& bytes) {
  std::int32_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.erase(0, sizeof value);
  return value;
}

}  // namespace

Result<StepApi> StepApi::listen(std::string path, Answer answer) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Whoever connects has to use this very path.
  if (path.size() >= sizeof address.sun_path) return fail(Errc::einval, "{}: too long for a socket", path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  unlink(path.c_str());
  exec::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      chmod(path.c_str(), 0777) != 0 || ::listen(socket.get(), 32) != 0)
    return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  return StepApi(std::move(path), std::move(socket), std::move(answer));
}

StepApi::~StepApi() {
  if (listener_) unlink(path_.c_str());
}

void StepApi::add_waits(std::vector<pollfd>& waits) {
  first_wait_ = waits.size();
  waits.push_back({callers_.size() < kCallersMax ? listener_.get() : -1, POLLIN, 0});
  for (const Caller& caller : callers_) waits.push_back({caller.fd.get(), POLLIN, 0});
}

void StepApi::handle(const std::vector<pollfd>& waits) {
  std::size_t at = first_wait_ + 1;
  for (auto caller = callers_.begin(); caller != callers_.end();) {
    const bool stays = waits[at++].revents == 0 || serve(*caller);
    caller = stays ? std::next(caller) : callers_.erase(caller);
  }
  if (waits[first_wait_].revents != 0) accept();
}

void StepApi::accept() {
  exec::Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  ucred peer{};
  socklen_t length = sizeof peer;
  if (!fd || getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return;
  callers_.push_back({.fd = std::move(fd), .uid = peer.uid});
}

/// False when the conversation is over.
bool StepApi::serve(Caller& caller) {
  std::array<char, 256> buffer;
  const ssize_t n = read(caller.fd.get(), buffer.data(), buffer.size());
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  caller.received.append(buffer.data(), static_cast<std::size_t>(n));
  std::string answers;
  bool goes_on = true;
  while (goes_on && caller.received.size() >= sizeof(std::int32_t)) {
    if (!caller.greeted) {
      goes_on = caller.greeted = take_int(caller.received) >= kOldestProtocol;
      append_value(answers, goes_on ? kOurProtocol : std::int32_t{-1});
      continue;
    }
    std::int32_t number = 0;
    std::memcpy(&number, caller.received.data(), sizeof number);
    const auto question = static_cast<StepQuestion>(number);
    const std::size_t size = has_argument(question) ? 2 * sizeof number : sizeof number;
    if (caller.received.size() < size) break;
    take_int(caller.received);
    const auto answer = answer_(question, has_argument(question) ? take_int(caller.received) : 0, caller.uid);
    goes_on = answer.has_value();
    if (answer) answers += *answer;
  }
  // Answers are small; one that does not take them is not waited for.
  const ssize_t sent = send(caller.fd.get(), answers.data(), answers.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return goes_on && sent == static_cast<ssize_t>(answers.size());
}

}  // namespace flurm::stepd
