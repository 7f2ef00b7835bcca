// replog/backup.cpp — see backup.hpp.
#include "replog/backup.hpp"

#include <charconv>

#include "fmt/format.h"
#include "replog/checksum.hpp"

namespace flurm::replog {
namespace {

constexpr std::size_t kHeadMax = 1024;

std::string head_of(const Backup& backup) {
  return fmt::format("FLURM backup 1\ncluster: {}\nformat: {}\nindex: {}\ntime: {}\nlength: {}\n", backup.cluster,
                     backup.format, backup.index, backup.time.v, backup.state.size());
}

std::string whole_head_of(const Backup& backup) {
  const std::string head = head_of(backup);
  return fmt::format("{}crc32c: {:08x}\n\n", head, crc32c(backup.state, crc32c(head)));
}

/// The rest of the line that begins with `name`.
std::string_view line(std::string_view head, std::string_view name) {
  const auto at = head.find(name);
  if (at == head.npos) return {};
  const std::string_view rest = head.substr(at + name.size());
  return rest.substr(0, rest.find('\n'));
}

template <class Number>
Number number(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::string seal_backup(const Backup& backup) { return whole_head_of(backup) + backup.state; }

Result<Backup> open_backup(std::string_view bytes) {
  if (!bytes.starts_with("FLURM backup ")) return fail(Errc::corrupt, "not a backup of FLURM");
  const auto end = bytes.substr(0, kHeadMax).find("\n\n");
  if (end == bytes.npos) return fail(Errc::corrupt, "the backup's head is damaged");
  const std::string_view head = bytes.substr(0, end + 2);
  Backup backup{.cluster = std::string(line(head, "\ncluster: ")),
                .format = number<std::uint16_t>(line(head, "\nformat: ")),
                .index = number<std::uint64_t>(line(head, "\nindex: ")),
                .time = TimeS{number<std::int64_t>(line(head, "\ntime: "))},
                .state = std::string(bytes.substr(head.size()))};
  if (const auto length = number<std::uint64_t>(line(head, "\nlength: ")); length != backup.state.size())
    return fail(Errc::corrupt, "{} bytes of {} are there", backup.state.size(), length);
  // What was read, written again, is the head: so no byte of it can be wrong either.
  if (whole_head_of(backup) != head) return fail(Errc::corrupt, "the checksum is not that of what is there");
  return backup;
}

}  // namespace flurm::replog
