// wire/msg/records.hpp — replies put together from records that were encoded before.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "codec/pack.hpp"

namespace flurm::wire {

/// `empty`: the reply without records, whose first four bytes are the record count. Returns its bytes with the count
/// put in and the records behind.
template <class Reply>
std::string pack_with_records(const Reply& empty, std::span<const std::string_view> records, std::uint16_t version) {
  std::string head = codec::pack(empty, version);
  head.replace(0, 4, codec::pack(static_cast<std::uint32_t>(records.size()), version));
  std::size_t size = head.size();
  for (std::string_view record : records) size += record.size();
  head.reserve(size);
  for (std::string_view record : records) head += record;
  return head;
}

}  // namespace flurm::wire
