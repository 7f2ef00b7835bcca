// wire/msg/records.hpp — replies put together from records that were encoded before.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "codec/pack.hpp"

namespace flurm::wire {

/// One record's bytes, in a string of just that size: many are kept. The scratch space is warm after the first.
template <class Record>
std::string pack_record(const Record& record, std::uint16_t version) {
  std::string scratch;
  scratch.reserve(4000);
  codec::pack_to(scratch, record, version);
  return std::string(scratch.data(), scratch.size());
}

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
