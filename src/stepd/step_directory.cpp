// stepd/step_directory.cpp — see step_directory.hpp.
#include "stepd/step_directory.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "codec/pack.hpp"
#include "exec/step_order.hpp"
#include "fmt/format.h"

namespace flurm::stepd {

using exec::Fd;

Result<StepDirectory> StepDirectory::open(const exec::StepLaunch& launch) {
  const std::string& path = launch.directory;
  if (mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
    return fail(Errc::node_create_batch_dir, "mkdir {}: {}", path, std::strerror(errno));
  }
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd || (geteuid() == 0 && fchown(fd.get(), 0, launch.user.gid) != 0) || fchmod(fd.get(), 0750) != 0) {
    return fail(Errc::node_create_batch_dir, "{}: {}", path, std::strerror(errno));
  }
  return StepDirectory(path, std::move(fd), exec::step_file_name(launch.key.step_id));
}

Result<std::string> StepDirectory::write_script(const exec::StepLaunch& launch) {
  const std::string name(exec::kScriptName);
  unlinkat(fd_.get(), name.c_str(), 0);
  Fd file(openat(fd_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0700));
  if (!file || !exec::write_all(file.get(), launch.script) ||
      (geteuid() == 0 && fchown(file.get(), launch.user.uid, static_cast<gid_t>(-1)) != 0)) {
    return fail(Errc::node_create_batch_script, "{}/{}: {}", path_, name, std::strerror(errno));
  }
  return path_ + "/" + name;
}

Result<Fd> StepDirectory::listen() {
  const std::string name = base_ + ".sock";
  unlinkat(fd_.get(), name.c_str(), 0);
  // Through the open directory: a spool path of any length fits into the address.
  const std::string path = fmt::format("/proc/self/fd/{}/{}", fd_.get(), name);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const mode_t before = umask(0177);
  const bool bound = socket && bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  umask(before);
  if (!bound || ::listen(socket.get(), 8) != 0) return fail(Errc::io, "{}/{}: {}", path_, name, std::strerror(errno));
  return socket;
}

Result<void> StepDirectory::begin(const exec::StepKey& key) { return exec::begin_step_order(fd_.get(), key); }

Result<void> StepDirectory::write_state(const exec::StepState& state) {
  const std::string name = base_ + ".state";
  if (!state_file_) {
    // Not emptied: whoever reads it now finds what the order said.
    state_file_ = Fd(openat(fd_.get(), name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    struct stat about {};
    if (state_file_ && fstat(state_file_.get(), &about) == 0) state_bytes_ = static_cast<std::size_t>(about.st_size);
  }
  // In place, in one write: a new file for each change would cost more than all else a short step does.
  const std::string bytes = codec::pack(state, exec::kStepProtocol);
  if (!state_file_ || pwrite(state_file_.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()) ||
      (bytes.size() < state_bytes_ && ftruncate(state_file_.get(), static_cast<off_t>(bytes.size())) != 0)) {
    return fail(Errc::io, "{}/{}: {}", path_, name, std::strerror(errno));
  }
  state_bytes_ = bytes.size();
  return {};
}

void StepDirectory::remove_script() { unlinkat(fd_.get(), std::string(exec::kScriptName).c_str(), 0); }

void StepDirectory::remove() {
  if (base_ == exec::step_file_name(kBatchStep)) remove_script();
  unlinkat(fd_.get(), (base_ + ".sock").c_str(), 0);
  unlinkat(fd_.get(), (base_ + ".state").c_str(), 0);
  rmdir(path_.c_str());
}

}  // namespace flurm::stepd
