// wire/msg_type.hpp — the RPC numbers and their names.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "wire/versions.hpp"

namespace flurm::wire {

/// Spelled as in Slurm, so that a log line, a packet dump and Slurm's sources can be searched for the same word.
enum class MsgType : std::uint16_t {
#define X(number, name, release) name = number,
#include "wire/msg_type.def"
#undef X
};

/// "REQUEST_PING"; empty for a number that no release uses.
std::string_view msg_type_name(MsgType type);
std::optional<MsgType> msg_type_from_name(std::string_view name);

struct MsgTypeInfo {
  MsgType type;
  std::string_view name;
  std::uint16_t since;  // protocol of the first release that has it
};
/// All of them, ascending.
std::span<const MsgTypeInfo> msg_types();

}  // namespace flurm::wire
