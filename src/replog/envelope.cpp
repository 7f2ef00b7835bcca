// replog/envelope.cpp — sealing and opening entries and snapshots.
#include "replog/envelope.hpp"

#include <bit>
#include <cstring>

#include "replog/checksum.hpp"

namespace flurm::replog {
namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

struct EntryHeader {
  std::uint32_t magic, crc;
  std::uint64_t index;
  std::uint32_t previous_crc, length;
};
struct SnapshotHeader {
  std::uint32_t magic, crc;
  std::uint64_t index;
  std::uint32_t entry_crc, zero;
  std::uint64_t length;
};
constexpr std::uint32_t kEntryMagic = 0x31454C46, kSnapshotMagic = 0x31534C46;
constexpr std::size_t kUncovered = 8;  // magic and the crc itself

template <class Header>
std::uint32_t crc_of(const Header& header, std::string_view body) {
  std::string_view covered(reinterpret_cast<const char*>(&header) + kUncovered, sizeof header - kUncovered);
  return crc32c(body, crc32c(covered));
}

/// Reads the header and checks magic, length and checksum; returns the body.
template <class Header>
Result<std::string_view> open(std::string_view sealed, std::uint32_t magic, Header& header, const char* what) {
  if (sealed.size() < sizeof header) return fail(Errc::corrupt, "{}: {} bytes are too few", what, sealed.size());
  std::memcpy(&header, sealed.data(), sizeof header);
  if (header.magic != magic) return fail(Errc::corrupt, "{}: unknown format {:08x}", what, header.magic);
  if (header.length > sealed.size() - sizeof header) {
    return fail(Errc::corrupt, "{} {}: length {} exceeds what is there", what, header.index, header.length);
  }
  std::string_view body = sealed.substr(sizeof header, header.length);
  if (crc_of(header, body) != header.crc) return fail(Errc::corrupt, "{} {}: checksum mismatch", what, header.index);
  return body;
}

}  // namespace

std::size_t sealed_size(std::size_t length) { return (sizeof(EntryHeader) + length + 7) / 8 * 8; }

void seal_entry(std::string_view entry, Link& link, char* out) {
  EntryHeader header{kEntryMagic, 0, link.index + 1, link.crc, static_cast<std::uint32_t>(entry.size())};
  header.crc = crc_of(header, entry);
  std::memcpy(out, &header, sizeof header);
  if (!entry.empty()) std::memcpy(out + sizeof header, entry.data(), entry.size());
  std::size_t used = sizeof header + entry.size();
  std::memset(out + used, 0, sealed_size(entry.size()) - used);
  link = {header.index, header.crc};
}

Result<std::string_view> open_entry(std::string_view sealed, Link& link) {
  EntryHeader header;
  FLURM_TRY(std::string_view body, open(sealed, kEntryMagic, header, "entry"));
  if (header.index != link.index + 1 || header.previous_crc != link.crc) {
    return fail(Errc::corrupt, "entry {} does not follow entry {}: part of the log is missing", header.index,
                link.index);
  }
  link = {header.index, header.crc};
  return body;
}

Result<Link> link_before(std::string_view sealed) {
  EntryHeader header;
  if (auto body = open(sealed, kEntryMagic, header, "entry"); !body) return fail(body.error());
  if (header.index == 0) return fail(Errc::corrupt, "an entry with index 0");
  return Link{header.index - 1, header.previous_crc};
}

std::string seal_snapshot(std::string_view state, Link link) {
  SnapshotHeader header{kSnapshotMagic, 0, link.index, link.crc, 0, state.size()};
  header.crc = crc_of(header, state);
  std::string out;
  out.reserve(sizeof header + state.size());
  out.append(reinterpret_cast<const char*>(&header), sizeof header);
  out.append(state);
  return out;
}

Result<std::string_view> open_snapshot(std::string_view sealed, Link& link) {
  SnapshotHeader header;
  FLURM_TRY(std::string_view body, open(sealed, kSnapshotMagic, header, "snapshot"));
  if (sealed.size() != sizeof header + body.size()) {
    return fail(Errc::corrupt, "snapshot {}: {} bytes too many", header.index,
                sealed.size() - sizeof header - body.size());
  }
  link = {header.index, header.entry_crc};
  return body;
}

}  // namespace flurm::replog
