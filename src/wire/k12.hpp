// wire/k12.hpp — KangarooTwelve, the hash that ties a credential to the body of its message.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "wire/msg_type.hpp"

namespace flurm::wire {

/// The first 32 bytes of KangarooTwelve(message, customization). Source: RFC 9861.
std::array<std::uint8_t, 32> k12(std::string_view message, std::string_view customization);

/// What the sender puts into its munge credential: a byte 2 (K12) and the hash of the body, customised by the
/// message type.
std::string body_hash(MsgType type, std::string_view body);

/// Whether a credential's payload belongs to this body. Payloads without a hash (empty, or byte 1 and the type) are
/// accepted, as Slurm does by default.
bool body_hash_matches(std::string_view payload, MsgType type, std::string_view body, std::uint16_t version);

}  // namespace flurm::wire
