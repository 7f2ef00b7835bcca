// replog/segment.cpp — reading and wiping open segments.
#include "replog/segment.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "replog/checksum.hpp"

namespace flurm::replog {
namespace {

constexpr std::size_t kSector = 512, kFormatBytes = 8, kPreamble = 16, kPerEntry = 16;
/// More than any write of ours; bounds the search for a changed count.
constexpr std::uint64_t kEntriesMax = 1 << 20;

template <class Number>
Number number_at(std::string_view bytes, std::size_t offset) {
  Number value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

std::size_t end_of_content(std::string_view bytes) {
  std::size_t last = bytes.find_last_not_of('\0');
  return last == std::string_view::npos ? 0 : last + 1;
}

/// True when one of the sectors that [begin, end) touches has nothing but zeros in that range.
bool sector_is_missing(std::string_view bytes, std::size_t begin, std::size_t end) {
  end = std::min(end, bytes.size());
  while (begin < end) {
    std::size_t stop = std::min(end, (begin / kSector + 1) * kSector);
    if (bytes.substr(begin, stop - begin).find_first_not_of('\0') == std::string_view::npos) return true;
    begin = stop;
  }
  return false;
}

struct Batch {
  bool header_good = false;
  bool data_good = false;
  std::size_t end = 0;  // as its header tells; meaningful when header_good
};

/// The header of a batch at `offset` if it had `n` entries.
std::string_view header_of(std::string_view bytes, std::size_t offset, std::uint64_t n) {
  std::size_t size = 8 + kPerEntry * n;
  return offset + 8 + size <= bytes.size() ? bytes.substr(offset + 8, size) : std::string_view{};
}

Batch read_batch(std::string_view bytes, std::size_t offset) {
  Batch batch;
  if (offset + kPreamble > bytes.size()) return batch;
  auto n = number_at<std::uint64_t>(bytes, offset + 8);
  if (n == 0 || n > kEntriesMax) return batch;
  std::string_view header = header_of(bytes, offset, n);
  if (header.empty() || segment_crc(header) != number_at<std::uint32_t>(bytes, offset)) return batch;
  batch.header_good = true;
  std::size_t data = offset + 8 + header.size(), length = 0;
  for (std::uint64_t i = 0; i < n; ++i) length += number_at<std::uint32_t>(header, 8 + i * kPerEntry + 12);
  batch.end = data + length;
  batch.data_good = batch.end <= bytes.size() &&
                    segment_crc(bytes.substr(data, length)) == number_at<std::uint32_t>(bytes, offset + 4);
  return batch;
}

/// True when the header checks with some other count: then it is the count that has changed.
bool count_was_changed(std::string_view bytes, std::size_t offset, std::size_t content_end) {
  auto target = number_at<std::uint32_t>(bytes, offset);
  // Each step repeats the ones before; but only a damaged file comes here, and one write of ours has few thousands.
  for (std::uint64_t n = 1; n <= 8192 && offset + kPreamble + kPerEntry * n <= content_end; ++n) {
    std::string_view count(reinterpret_cast<const char*>(&n), sizeof n);
    std::string_view rest = header_of(bytes, offset, n).substr(8);
    if (segment_crc(rest, segment_crc(count)) == target) return true;
  }
  return false;
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  struct stat info {};
  fstat(fd, &info);
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t have = 0;
  while (have < bytes.size()) {
    ssize_t n = read(fd, bytes.data() + have, bytes.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += static_cast<std::size_t>(n);
  }
  int error = errno;
  close(fd);
  if (have < bytes.size()) return fail(Errc::io, "{}: {}", path, std::strerror(error));
  return bytes;
}

Result<SegmentState> inspect_open_segment(const std::string& path) {
  FLURM_TRY(std::string file, read_file(path));
  std::string_view bytes = file;
  SegmentState state;
  std::size_t content_end = end_of_content(bytes);
  if (content_end == 0) return state;
  state.used = true;

  std::size_t offset = kFormatBytes;
  if (bytes.size() < kFormatBytes || number_at<std::uint64_t>(bytes, 0) != 1) {
    // The first write begins with the format; with its first sector missing the whole write is.
    if (!sector_is_missing(bytes, 0, std::min(kSector, bytes.size()))) {
      return fail(Errc::corrupt, "{}: unknown format", path);
    }
    state.is_torn = true;
    return state;
  }
  while (offset < content_end) {
    Batch batch = read_batch(bytes, offset);
    if (batch.header_good && batch.data_good) {
      offset = batch.end;
      ++state.batches;
      continue;
    }
    std::size_t end = content_end;
    if (batch.header_good) {
      if (batch.end < content_end) return fail(Errc::corrupt, "{}: damaged at byte {}", path, offset);
      end = batch.end;
    } else if (offset + kPreamble <= bytes.size()) {
      if (count_was_changed(bytes, offset, content_end)) {
        return fail(Errc::corrupt, "{}: damaged at byte {}", path, offset);
      }
      auto n = number_at<std::uint64_t>(bytes, offset + 8);
      if (n && n <= kEntriesMax) end = std::max(end, offset + kPreamble + kPerEntry * static_cast<std::size_t>(n));
    }
    if (end <= bytes.size() && !sector_is_missing(bytes, offset, end)) {
      return fail(Errc::corrupt, "{}: damaged at byte {}", path, offset);
    }
    state.is_torn = true;
    state.torn_at = offset;
    return state;
  }
  return state;
}

Result<void> wipe_segment_tail(const std::string& path, std::uint64_t offset) {
  int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  struct stat info {};
  fstat(fd, &info);
  const std::string zeros(64 * 1024, '\0');
  bool ok = true;
  for (auto at = static_cast<off_t>(offset); ok && at < info.st_size;) {
    auto size = std::min<off_t>(info.st_size - at, static_cast<off_t>(zeros.size()));
    ssize_t n = pwrite(fd, zeros.data(), static_cast<std::size_t>(size), at);
    ok = n > 0;
    at += n;
  }
  ok = ok && fsync(fd) == 0;
  int error = errno;
  close(fd);
  if (!ok) return fail(Errc::io, "{}: {}", path, std::strerror(error));
  return {};
}

Result<void> read_segment(const std::string& path, bool closed,
                          const std::function<Result<bool>(std::string_view sealed)>& visit) {
  constexpr std::uint8_t kCommand = 1;  // RAFT_COMMAND
  FLURM_TRY(const std::string file, read_file(path));
  const std::string_view bytes = file;
  if (end_of_content(bytes) == 0) return {};
  if (bytes.size() < kFormatBytes || number_at<std::uint64_t>(bytes, 0) != 1)
    return fail(Errc::corrupt, "{}: unknown format", path);
  for (std::size_t offset = kFormatBytes;;) {
    const Batch batch = read_batch(bytes, offset);
    if (!batch.header_good || !batch.data_good) {
      if (closed && offset < end_of_content(bytes)) return fail(Errc::corrupt, "{}: damaged at byte {}", path, offset);
      return {};
    }
    const auto n = number_at<std::uint64_t>(bytes, offset + 8);
    const std::string_view header = header_of(bytes, offset, n);
    std::size_t data = offset + 8 + header.size();
    for (std::uint64_t i = 0; i < n; ++i) {
      const std::size_t about = 8 + i * kPerEntry;
      const auto length = number_at<std::uint32_t>(header, about + 12);
      if (number_at<std::uint8_t>(header, about + 8) == kCommand) {
        FLURM_TRY(const bool go_on, visit(bytes.substr(data, length)));
        if (!go_on) return {};
      }
      data += length;
    }
    offset = batch.end;
  }
}

}  // namespace flurm::replog
