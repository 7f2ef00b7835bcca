// wire/registry.hpp — every message we describe, as rows that tests, fuzzers, logs and documents go through.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "codec/archive.hpp"
#include "codec/dump.hpp"
#include "wire/msg_type.hpp"

namespace flurm::wire {

/// A message without a body.
struct Empty {
  bool operator==(const Empty&) const = default;
};
inline void fields(codec::Archive&, Empty&) {}

/// A message whose C++ type only the registry knows.
using AnyMessage = std::shared_ptr<void>;

struct MessageInfo {
  MsgType type;
  codec::Span exists;            // the protocols that have it, as far as we speak them
  std::string_view struct_name;  // of the C++ type, "JobDesc"
  AnyMessage (*make)();
  void (*describe)(codec::Archive&, void*);
  bool (*equal)(const void*, const void*);

  std::string_view name() const { return msg_type_name(type); }
  bool in(std::uint16_t version) const { return exists.from <= version && version < exists.until; }
  std::string pack(const void* message, std::uint16_t version) const;
  Result<AnyMessage> unpack(std::string_view body, std::uint16_t version) const;
  AnyMessage fuzz(std::uint64_t seed, std::uint16_t version) const;
  std::string dump(const void* message, std::uint16_t version, codec::Style style = codec::Style::line) const;
};

/// All rows, ascending by number.
std::span<const MessageInfo> messages();
/// nullptr: not described here.
const MessageInfo* find_message(MsgType type);

}  // namespace flurm::wire
