// fuzz/fuzz_streams.cpp — any bytes as what tasks and clients of a step send: I/O frames, PMI commands, compressed
// blocks; and the SQL of an archive.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dbd/sql_text.hpp"
#include "noded/lz4.hpp"
#include "noded/multi_prog.hpp"
#include "stepd/io_frames.hpp"
#include "stepd/pmi_text.hpp"

using namespace flurm;

namespace {

template <class Reader>
void read_all(Reader& reader, std::string_view bytes, std::size_t part) {
  while (!bytes.empty()) {
    reader.add(bytes.substr(0, part));
    bytes.remove_prefix(std::min(part, bytes.size()));
    while (true) {
      auto next = reader.next();
      if (!next) return;
      if (!*next) break;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t part = 1 + data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  stepd::IoFrameReader frames;
  read_all(frames, bytes, part);
  for (const int version : {1, 2}) {
    stepd::PmiReader commands;
    commands.set_version(version);
    read_all(commands, bytes, part);
  }
  const auto unpacked = noded::lz4_unpack(bytes, part * 16);
  if (unpacked && unpacked->size() != part * 16) std::abort();
  (void)noded::multi_prog_command(bytes, data[0], {});
  // What stands before an error was whole statements.
  (void)dbd::read_sql(bytes, [](const dbd::SqlStatement& statement) -> Result<void> {
    if (const auto* insert = std::get_if<dbd::SqlInsert>(&statement))
      for (const auto& row : insert->rows)
        if (row.size() != insert->columns.size()) std::abort();
    return {};
  });
  std::string text(bytes), framed;
  stepd::frame_output(text, part % 2 == 0, true, stepd::IoType::stdout_data, 0, 0, framed);
  if (!text.empty() || framed.size() < bytes.size()) std::abort();
  return 0;
}
