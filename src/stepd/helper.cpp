// stepd/helper.cpp — see helper.hpp.
#include "stepd/helper.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "exec/program.hpp"
#include "exec/spawn.hpp"
#include "fmt/format.h"

namespace flurm::stepd {
namespace {

constexpr int kAnswerMs = 20'000;

}  // namespace

Result<Helper> start_helper(const char* name, const exec::Identity& user, int mount_namespace) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(Errc::node_fork_failed, "socketpair: {}", std::strerror(errno));
  exec::Fd ours(ends[0]), theirs(ends[1]);
  const std::string own = exec::own_program();
  const std::string program = own.substr(0, own.rfind('/') + 1) + name;
  if (access(program.c_str(), X_OK) != 0) return fail(Errc::node_fork_failed, "{}: {}", program, std::strerror(errno));
  const exec::SpawnSpec spec{.program = program,
                             .argv = {name},
                             .env = {"PATH=/usr/bin:/bin"},
                             .stdin_fd = theirs.get(),
                             .mount_namespace = mount_namespace};
  FLURM_TRY(const pid_t pid, geteuid() == 0 ? exec::spawn_as(spec, user) : exec::spawn(spec));
  return Helper{std::move(ours), pid};
}

Result<exec::StepFrameReader::Frame> first_answer(const Helper& helper, exec::StepFrameReader& reader,
                                                  const std::string& setup, const char* name) {
  const auto ended = [&] { return fail(Errc::node_fork_failed, "{} ended at once", name); };
  if (!exec::write_all(helper.socket.get(), setup)) return ended();
  while (true) {
    FLURM_TRY(auto frame, reader.next());
    if (frame) return std::move(*frame);
    pollfd waiting{helper.socket.get(), POLLIN, 0};
    if (poll(&waiting, 1, kAnswerMs) == 0) return fail(Errc::node_fork_failed, "{} does not start", name);
    char buffer[4096];
    const ssize_t n = read(helper.socket.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return ended();
    reader.add({buffer, static_cast<std::size_t>(n)});
  }
}

}  // namespace flurm::stepd
