// replog/directory.cpp — lock, marker and checks of the log's directory.
#include "replog/directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <tuple>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "replog/segment.hpp"

namespace flurm::replog {

namespace fs = std::filesystem;

namespace {

constexpr const char* kMarker = "flurm-log";
constexpr std::string_view kAside = "damaged-";  // and a number: folders of set_aside()

}  // namespace

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error))
    if (std::string name = entry.path().filename(); !name.starts_with(kAside)) names.push_back(std::move(name));
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::string> set_aside(const std::string& directory) {
  struct stat owner {};
  if (stat(directory.c_str(), &owner) != 0) return fail(Errc::io, "{}: {}", directory, std::strerror(errno));
  std::string folder;
  for (unsigned number = 1;; ++number) {
    folder = fmt::format("{}/{}{}", directory, kAside, number);
    if (mkdir(folder.c_str(), 0700) == 0) break;
    if (errno != EEXIST) return fail(Errc::io, "{}: {}", folder, std::strerror(errno));
  }
  if (chown(folder.c_str(), owner.st_uid, owner.st_gid) != 0)
    return fail(Errc::io, "{}: {}", folder, std::strerror(errno));
  // The marker goes first: a rest without it is refused, should this end here.
  std::vector<std::string> names = names_in(directory);
  std::ranges::stable_partition(names, [](const std::string& name) { return name == kMarker; });
  for (const std::string& name : names) {
    if (name == "lock") continue;
    if (rename((directory + "/" + name).c_str(), (folder + "/" + name).c_str()) != 0)
      return fail(Errc::io, "{}/{}: {}", directory, name, std::strerror(errno));
  }
  return folder;
}

bool is_closed_segment(const std::string& name, std::uint64_t& first, std::uint64_t& last) {
  int used = 0;
  return std::sscanf(name.c_str(), "%" SCNu64 "-%" SCNu64 "%n", &first, &last, &used) == 2 &&
         used == static_cast<int>(name.size());
}

bool is_open_segment(const std::string& name, std::uint64_t& number) {
  int used = 0;
  return std::sscanf(name.c_str(), "open-%" SCNu64 "%n", &number, &used) == 1 && used == static_cast<int>(name.size());
}

namespace {

constexpr const char* kJoining = "joining\n";
constexpr std::string_view kMarkerText = "FLURM replicated log, format 1\n";

struct Metadata {
  std::uint64_t format, version, term, voted_for;
};

/// A missing or short file (its making was interrupted) leaves version 0.
Result<Metadata> read_metadata(const std::string& path) {
  Metadata metadata{};
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return metadata;
    return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  }
  ssize_t n = read(fd, &metadata, sizeof metadata);
  close(fd);
  if (n < 0) return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  if (static_cast<std::size_t>(n) < sizeof metadata) return Metadata{};
  if (metadata.format != 1 || metadata.version == 0) return fail(Errc::corrupt, "{}: unknown format", path);
  return metadata;
}

/// The two files are written in turns, so their versions are neighbours and terms never fall. They carry no checksum;
/// this catches most of what may happen to them.
Result<void> check_metadata(const std::string& directory) {
  std::string paths[2] = {directory + "/metadata1", directory + "/metadata2"};
  Metadata both[2];
  for (int i = 0; i < 2; ++i) {
    FLURM_TRY(both[i], read_metadata(paths[i]));
    bool odd = both[i].version % 2 == 1;
    if (both[i].version && odd != (i == 0)) {
      return fail(Errc::corrupt, "{}: version {} belongs into the other file", paths[i], both[i].version);
    }
  }
  if (!both[0].version || !both[1].version) return {};
  int newer = both[1].version > both[0].version;
  const Metadata &now = both[newer], &before = both[1 - newer];
  if (now.version != before.version + 1 || now.term < before.term) {
    return fail(Errc::corrupt, "{} (version {}, term {}) does not follow {} (version {}, term {})", paths[newer],
                now.version, now.term, paths[1 - newer], before.version, before.term);
  }
  return {};
}

Result<void> sync_path(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  bool ok = fd >= 0 && fsync(fd) == 0;
  int error = errno;
  if (fd >= 0) close(fd);
  if (!ok) return fail(Errc::io, "{}: {}", path, std::strerror(error));
  return {};
}

}  // namespace

Result<void> DirectoryLock::take(const std::string& directory) {
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(Errc::io, "cannot make {}: {}", directory, std::strerror(errno));
  }
  std::string path = directory + "/lock";
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  // A holder that was killed a moment ago keeps the lock until the last of its threads is gone.
  int error = 0;
  for (int tries = 0; (error = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno) == EWOULDBLOCK && tries < 40; ++tries)
    usleep(50'000);
  if (error != 0) {
    char holder[32] = "";
    if (ssize_t n = pread(fd, holder, sizeof holder - 1, 0); n > 0) holder[n] = 0;
    close(fd);
    if (error != EWOULDBLOCK) return fail(Errc::io, "{}: {}", path, std::strerror(error));
    return fail(Errc::einval, "{} is in use by process {}", directory, holder);
  }
  std::string pid = std::to_string(getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    close(fd);
    return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  }
  fd_ = fd;
  return {};
}

void DirectoryLock::release() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

Result<bool> directory_is_made(const std::string& directory) {
  std::error_code ignored;
  bool marker = fs::exists(directory + "/" + kMarker, ignored);
  bool metadata = false, segments = false, snapshots = false;
  std::uint64_t counter, last;
  for (const std::string& name : names_in(directory)) {
    metadata |= name.starts_with("metadata");
    segments |= is_closed_segment(name, counter, last) || is_open_segment(name, counter);
    snapshots |= name.starts_with("snapshot-");
  }
  if (marker && directory_is_joining(directory)) return true;
  if (marker) {
    if (!metadata) return fail(Errc::corrupt, "{}: metadata1 and metadata2 are missing", directory);
    if (!segments && !snapshots) return fail(Errc::corrupt, "{}: the log's files are missing", directory);
    return true;
  }
  // A crash while the log was made may leave metadata and the first segment, never more.
  for (const std::string& name : names_in(directory)) {
    bool of_making = name.starts_with("metadata") || name == "0000000000000001-0000000000000001" || name == "lock" ||
                     name.starts_with("tmp");
    if (!of_making) return fail(Errc::corrupt, "{}: {} stands there, but {} is missing", directory, name, kMarker);
  }
  for (const std::string& name : names_in(directory)) {
    if (name != "lock") fs::remove(directory + "/" + name, ignored);
  }
  return false;
}

namespace {

struct Mark {
  std::uint64_t member = 1;
  bool joining = false;
};

std::optional<Mark> read_mark(const std::string& directory) {
  std::FILE* file = std::fopen((directory + "/" + kMarker).c_str(), "re");
  if (!file) return std::nullopt;
  Mark mark;
  char line[128];
  while (std::fgets(line, sizeof line, file)) {
    (void)std::sscanf(line, "member %" SCNu64, &mark.member);
    mark.joining |= std::strcmp(line, kJoining) == 0;
  }
  std::fclose(file);
  return mark;
}

}  // namespace

std::optional<std::uint64_t> directory_owner(const std::string& directory) {
  const std::optional<Mark> mark = read_mark(directory);
  return mark ? std::optional(mark->member) : std::nullopt;
}

bool directory_is_joining(const std::string& directory) {
  const std::optional<Mark> mark = read_mark(directory);
  return mark && mark->joining;
}

Result<void> mark_directory_made(const std::string& directory, std::uint64_t member, bool joining) {
  const std::string text = fmt::format("{}member {}\n{}", kMarkerText, member, joining ? kJoining : "");
  const std::string path = directory + "/" + kMarker, fresh = directory + "/tmp-" + kMarker;
  int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Errc::io, "{}: {}", fresh, std::strerror(errno));
  bool ok = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  ok = ok && rename(fresh.c_str(), path.c_str()) == 0;
  int error = errno;
  close(fd);
  if (!ok) return fail(Errc::io, "{}: {}", path, std::strerror(error));
  return sync_path(directory);
}

Result<void> check_directory(const std::string& directory) {
  if (auto good = check_metadata(directory); !good) return good;
  std::vector<std::pair<std::uint64_t, std::string>> open_segments;
  for (const std::string& name : names_in(directory)) {
    std::uint64_t counter;
    if (is_open_segment(name, counter)) open_segments.emplace_back(counter, name);
  }
  std::sort(open_segments.begin(), open_segments.end());

  std::string torn;  // an interrupted write is the last thing that happened: nothing may follow it
  for (const auto& [counter, name] : open_segments) {
    std::string path = directory + "/" + name;
    FLURM_TRY(SegmentState state, inspect_open_segment(path));
    if (state.used && !torn.empty()) {
      return fail(Errc::corrupt, "{}: damaged at byte {}, yet {} goes on after it", torn, state.torn_at, name);
    }
    if (!state.is_torn) continue;
    torn = path;
    log(Level::warn, "replog.torn_write",
        {{"file", path}, {"offset", state.torn_at}, {"effect", "an interrupted, never acknowledged write is dropped"}});
    if (auto wiped = wipe_segment_tail(path, state.torn_at); !wiped) return wiped;
  }
  return {};
}

std::vector<SnapshotName> snapshots_in(const std::string& directory) {
  std::vector<SnapshotName> found;
  for (const std::string& name : names_in(directory)) {
    SnapshotName one;
    int used = 0;
    if (std::sscanf(name.c_str(), "snapshot-%" SCNu64 "-%" SCNu64 "-%" SCNu64 ".meta%n", &one.term, &one.index,
                    &one.stamp, &used) != 3 ||
        used != static_cast<int>(name.size())) {
      continue;
    }
    one.file = name.substr(0, name.size() - std::strlen(".meta"));
    found.push_back(std::move(one));
  }
  std::sort(found.begin(), found.end(), [](const SnapshotName& a, const SnapshotName& b) {
    return std::tie(b.term, b.index, b.stamp) < std::tie(a.term, a.index, a.stamp);
  });
  return found;
}

std::string newest_snapshot(const std::string& directory, std::uint64_t* raft_index) {
  const std::vector<SnapshotName> found = snapshots_in(directory);
  if (found.empty()) return {};
  if (raft_index) *raft_index = found.front().index;
  return found.front().file;
}

Result<void> check_space(const std::string& directory, std::size_t bytes) {
  std::string path = directory + "/tmp-space";
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  int error = posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  close(fd);
  unlink(path.c_str());
  if (error != 0) return fail(Errc::io, "{}: no room for {} bytes: {}", directory, bytes, std::strerror(error));
  return {};
}

}  // namespace flurm::replog
