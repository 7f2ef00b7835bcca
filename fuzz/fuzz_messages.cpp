// fuzz/fuzz_messages.cpp — any bytes as the body of any message: input is u16 message type, u8 index of the
// version, body. What can be read can be dumped and packed, and what we packed we can read.
#include <cstdlib>
#include <string_view>

#include "wire/registry.hpp"

using namespace flurm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const wire::MessageInfo* info = wire::find_message(static_cast<wire::MsgType>(data[0] << 8 | data[1]));
  std::uint16_t version = wire::kVersions[data[2] % wire::kVersions.size()];
  if (!info || !info->in(version)) return 0;
  std::string_view body(reinterpret_cast<const char*>(data) + 3, size - 3);
  auto message = info->unpack(body, version);
  if (!message) return 0;
  (void)info->dump(message->get(), version);
  if (!info->unpack(info->pack(message->get(), version), version)) std::abort();
  return 0;
}
