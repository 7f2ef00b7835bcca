// fuzz/fuzz_frame.cpp — any bytes as a frame: header, forwarding, answers of other nodes, auth section, body.
#include <cstdlib>
#include <string_view>

#include "wire/header.hpp"
#include "wire/registry.hpp"

using namespace flurm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto frame = wire::split_frame({reinterpret_cast<const char*>(data), size});
  if (!frame) return 0;
  if (const wire::MessageInfo* info = wire::find_message(frame->header.msg_type)) {
    (void)info->unpack(frame->body, frame->header.version);
  }
  std::string again = wire::build_frame(frame->header, frame->auth, frame->body);
  if (!wire::split_frame(std::string_view(again).substr(4))) std::abort();
  return 0;
}
