// replog/founding.cpp — see founding.hpp. Writes a snapshot as libraft 0.1x does (its src/uv_snapshot.c and
// src/uv_metadata.c):
//
//   snapshot-T-I-S:       the bytes, as they are
//   snapshot-T-I-S.meta:  u64 format 1, u64 crc of what follows, u64 index of the configuration, u64 its length, the configuration
//   metadata1:            u64 format 1, u64 version, u64 term, u64 vote
#include "replog/founding.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

extern "C" {
#include <raft.h>
}

#include "replog/checksum.hpp"
#include "replog/directory.hpp"
#include "replog/envelope.hpp"
#include "replog/raft_node.hpp"

namespace flurm::replog {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kTerm = 1;

std::string numbers(std::initializer_list<std::uint64_t> values) {
  std::string out(values.size() * sizeof(std::uint64_t), '\0');
  std::memcpy(out.data(), values.begin(), out.size());
  return out;
}

Result<void> write_durably(const std::string& path, std::string_view bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  int error = fd < 0 ? errno : 0;
  while (error == 0 && !bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) error = errno;
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  if (error == 0 && fsync(fd) != 0) error = errno;
  if (fd >= 0) close(fd);
  if (error != 0) return fail(Errc::io, "{}: {}", path, std::strerror(error));
  return {};
}

Result<std::string> encoded_members(const RaftOptions& options) {
  raft_configuration configuration;
  int rv = make_configuration(options.members, configuration);
  raft_buffer buffer{};
  if (rv == 0) rv = raft_configuration_encode(&configuration, &buffer);
  raft_configuration_close(&configuration);
  if (rv != 0) return fail(Errc::io, "the list of members: {}", raft_strerror(rv));
  std::string out(static_cast<const char*>(buffer.base), buffer.len);
  raft_free(buffer.base);
  return out;
}

Result<void> fill(const std::string& directory, const RaftOptions& options, std::uint64_t index, std::string_view state) {
  FLURM_TRY(const std::string members, encoded_members(options));
  // libraft counts the configuration, too. The entry before the first one to come is the state.
  const std::string name = fmt::format("{}/snapshot-{}-{}-{}", directory, kTerm, index + 1, 0);
  const std::string head = numbers({1, members.size()});
  const std::uint64_t crc = segment_crc(members, segment_crc(head));
  FLURM_TRY_VOID(write_durably(name, seal_snapshot(state, {index, crc32c(state)})));
  FLURM_TRY_VOID(write_durably(name + ".meta", numbers({1, crc}) + head + members));
  FLURM_TRY_VOID(write_durably(directory + "/metadata1", numbers({1, 1, kTerm, 0})));
  return mark_directory_made(directory, options.self, false);
}

}  // namespace

Result<void> found_log(const RaftOptions& options, std::uint64_t index, std::string_view state) {
  std::error_code error;
  if (fs::exists(options.directory, error) && !fs::is_empty(options.directory, error))
    return fail(Errc::einval, "{} is not empty: a log is there already", options.directory);
  // Whole or not at all: it is made beside its place.
  const std::string making = options.directory + ".new";
  fs::remove_all(making, error);
  if (!fs::create_directory(making, error)) return fail(Errc::io, "cannot make {}: {}", making, error.message());
  fs::permissions(making, fs::perms::owner_all, error);
  Result<void> done = fill(making, options, index, state);
  if (done && rename(making.c_str(), options.directory.c_str()) != 0)
    done = fail(Errc::io, "{}: {}", options.directory, std::strerror(errno));
  if (!done) fs::remove_all(making, error);
  return done;
}

}  // namespace flurm::replog
