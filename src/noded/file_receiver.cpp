// noded/file_receiver.cpp — see file_receiver.hpp. (slurm 22.05 slurmd/req.c, _rpc_file_bcast)
#include "noded/file_receiver.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/hostlist.hpp"
#include "base/log.hpp"
#include "exec/as_user.hpp"
#include "io/worker.hpp"
#include "noded/lz4.hpp"

namespace flurm::noded {
namespace {

constexpr std::uint16_t kPlain = 0, kLz4 = 2;

std::string errno_text(int error) { return std::strerror(error); }

/// errno's number is what slurmd answers, and sbcast explains it.
Errc errno_code(int error) { return static_cast<Errc>(error != 0 ? error : EIO); }

std::string library_directory(const std::string& path) { return path + "_libs"; }

struct Opened {
  exec::Fd file;
  int error = 0;
};

Opened open_file(const exec::Identity& user, const std::string& path, bool force, bool with_libraries) {
  const exec::AsUser as(user);
  if (!as.ready()) return {{}, EPERM};
  exec::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL), 0700));
  if (!file) return {{}, errno};
  const bool made = !with_libraries || mkdir(library_directory(path).c_str(), 0700) == 0 || errno == EEXIST;
  if (!made) return {{}, errno};
  return {std::move(file), 0};
}

/// Writes a block and, behind the last one, sets mode and times. Returns errno.
int write_block(int fd, const wire::FileBcast& block, const std::string& bytes) {
  errno = 0;
  if (!exec::write_all(fd, bytes)) return errno != 0 ? errno : EIO;
  if (!(block.flags & wire::bcast_last_block)) return 0;
  if (fchmod(fd, block.modes & 0777) != 0) return errno;
  if (!block.atime) return 0;
  const timespec times[2] = {{block.atime.v, 0}, {block.mtime.v, 0}};
  return futimens(fd, times) == 0 ? 0 : errno;
}

}  // namespace

std::string broadcast_path(std::string path, std::uint32_t job_id, std::uint32_t step_id,
                           const std::string& node_name) {
  if (path.ends_with('/')) path += fmt::format("slurm_bcast_{}.{}_{}", job_id, step_id, node_name);
  return path;
}

io::Task<Errc> FileReceiver::receive(wire::FileBcast block, std::uint32_t uid, std::uint32_t gid) {
  drop_stalled();
  const std::uint32_t job_id = block.cred.step_id.job_id.v, step_id = block.cred.step_id.step_id;
  Key key{.uid = uid, .job_id = job_id, .path = {}};
  if (block.flags & wire::bcast_shared_object) {
    const std::string directory = libraries(uid, job_id, step_id);
    if (directory.empty() || block.fname.find('/') != std::string::npos) co_return Errc::error;
    key.path = directory + "/" + block.fname;
  } else {
    key.path = broadcast_path(block.fname, job_id, step_id, node_.setup.facts.node_name);
  }
  auto it = transfers_.find(key);
  const bool known = it != transfers_.end() && block.block_no != 1 && it->second->signature == block.cred.signature;
  auto checking = check(block, uid, gid, known);
  if (const Errc checked = co_await checking; checked != Errc::success) co_return checked;
  if (block.block_no == 1) {
    auto opening = open(block, key);
    if (const Errc opened = co_await opening; opened != Errc::success) co_return opened;
  }
  it = transfers_.find(key);
  if (it == transfers_.end() || it->second->busy || it->second->next_block != block.block_no) {
    log(Level::error, "noded.file_block", {{"job_id", job_id}, {"file", key.path}, {"block", block.block_no}});
    co_return Errc::error;
  }
  const std::shared_ptr<Transfer> transfer = it->second;
  transfer->busy = true;
  transfer->touched = io::now();
  ++transfer->next_block;
  const bool last = block.flags & wire::bcast_last_block;
  auto work = io::on_worker(node_.loop, [transfer, block = std::move(block)]() -> Result<int> {
    if (block.compress == kPlain) return write_block(transfer->file.get(), block, block.block);
    if (block.compress != kLz4 || block.uncomp_len > kBlockMax)
      return fail(Errc::corrupt, "compression {}", block.compress);
    FLURM_TRY(const std::string bytes, lz4_unpack(block.block, block.uncomp_len));
    return write_block(transfer->file.get(), block, bytes);
  });
  const auto written = co_await work;
  transfer->busy = false;
  const bool failed = !written || *written != 0;
  if (last || failed) transfers_.erase(key);
  if (!failed) co_return Errc::success;
  log(Level::error, "noded.file_write",
      {{"job_id", job_id}, {"file", key.path}, {"error", written ? errno_text(*written) : written.error().text}});
  co_return written ? errno_code(*written) : Errc::error;
}

/// known: this credential was verified for an earlier block.
io::Task<Errc> FileReceiver::check(wire::FileBcast block, std::uint32_t uid, std::uint32_t gid, bool known) {
  const wire::SbcastCred& cred = block.cred;
  const auto hosts = HostSet::parse(cred.nodes);
  if (cred.id.uid != uid || cred.id.gid != gid || !hosts || !hosts->contains(node_.setup.facts.node_name) ||
      cred.expiration < io::now() || block.fname.empty()) {
    log(Level::error, "noded.file_refused", {{"job_id", cred.step_id.job_id.v}, {"uid", uid}, {"nodes", cred.nodes}});
    co_return Errc::node_invalid_job_credential;
  }
  if (known) co_return Errc::success;
  auto verifying = node_.credentials.verify(cred.signed_bytes, cred.signature);
  const auto verified = co_await verifying;
  if (verified) co_return Errc::success;
  log(Level::error, "noded.file_refused", {{"job_id", cred.step_id.job_id.v}, {"error", verified.error().text}});
  co_return Errc::node_invalid_job_credential;
}

io::Task<Errc> FileReceiver::open(wire::FileBcast block, Key key) {
  if (transfers_.size() >= kTransfersMax) co_return Errc::access_denied;
  auto identifying = node_.identity_for(block.cred.id);
  auto user = co_await identifying;
  if (!user) co_return user.error().code;
  const bool force = block.flags & wire::bcast_force, executable = block.flags & wire::bcast_executable;
  auto work = io::on_worker(node_.loop, [user = std::move(*user), path = key.path, force, executable] {
    return open_file(user, path, force, executable);
  });
  Opened opened = co_await work;
  if (opened.error != 0) {
    log(Level::error, "noded.file_open",
        {{"job_id", key.job_id}, {"file", key.path}, {"error", errno_text(opened.error)}});
    co_return errno_code(opened.error);
  }
  log(Level::info, "noded.file", {{"job_id", key.job_id}, {"uid", key.uid}, {"file", key.path}});
  if (executable) {
    libraries_[{key.uid, key.job_id, block.cred.step_id.step_id}] = library_directory(key.path);
  }
  auto transfer = std::make_shared<Transfer>();
  transfer->file = std::move(opened.file);
  transfer->signature = block.cred.signature;
  transfer->touched = io::now();
  transfers_[std::move(key)] = std::move(transfer);
  co_return Errc::success;
}

std::string FileReceiver::libraries(std::uint32_t uid, std::uint32_t job_id, std::uint32_t step_id) const {
  const auto it = libraries_.find({uid, job_id, step_id});
  return it == libraries_.end() ? std::string() : it->second;
}

void FileReceiver::forget(std::uint32_t job_id) {
  std::erase_if(transfers_, [&](const auto& each) { return each.first.job_id == job_id && !each.second->busy; });
  std::erase_if(libraries_, [&](const auto& each) { return each.first.job_id == job_id; });
}

void FileReceiver::drop_stalled() {
  std::erase_if(transfers_,
                [](const auto& each) { return !each.second->busy && io::now() - each.second->touched > kStalledS; });
}

}  // namespace flurm::noded
