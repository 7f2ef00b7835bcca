// state/format.hpp — the number of the stored form, in front of everything that is stored or sent to other controllers.
//
// New fields go last, with since(<format>); the number grows with them. A release reads its own format and all before
// it, and refuses later ones by name instead of misreading them.
//
// Controllers of two releases may work side by side, so what they store and tell each other is written in the format *in
// use*, ClusterState::format, which the command UseFormat raises when all members know a newer one. Until then nothing that
// is newer may get into the state: a command has a format from which on it exists (format_of()), and a field must keep
// the value that a reader of an older format gives it.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "codec/pack.hpp"
#include "codec/unpack.hpp"

namespace flurm::state {

/// The newest format that this build knows. Defined in format.cpp alone, so that a build of the release before, for
/// tests, differs in one file (src/programs/programs.cmake).
extern const std::uint16_t kFormat;
/// What is in use in a new cluster, and in those of releases that knew no other: the oldest that is written.
inline constexpr std::uint16_t kOldestFormat = 2;

/// From here on jobs and steps that lose a node end as Slurm's do; members of the release before would do otherwise.
inline constexpr std::uint16_t format_of_lost_nodes = 7;
/// From here on running jobs change their size; members of the release before refuse it.
inline constexpr std::uint16_t format_of_resizing = 7;

/// What a format brought that users can see.
struct Feature {
  std::uint16_t since;
  std::string_view name;
};
std::span<const Feature> features();

/// u16 format (big-endian), then the value in it.
template <class T>
std::string pack_with_format(const T& value, std::uint16_t format) {
  return codec::pack(format, format) + codec::pack(value, format);
}

/// Errors: corrupt, also for a later format; the text begins with `what`.
template <class T>
Result<T> unpack_with_format(std::string_view bytes, std::string_view what) {
  if (bytes.size() < 2) return fail(Errc::corrupt, "{}: {} bytes", what, bytes.size());
  const auto format = codec::unpack<std::uint16_t>(bytes.substr(0, 2), kFormat);
  if (!format || *format == 0 || *format > kFormat)
    return fail(Errc::corrupt, "{}: format {}, this release reads 1 to {}", what, format ? *format : 0, kFormat);
  auto value = codec::unpack<T>(bytes.substr(2), *format);
  if (!value) return fail(Errc::corrupt, "{}: {}", what, value.error().text);
  return value;
}

}  // namespace flurm::state
