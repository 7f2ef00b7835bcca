// ctld/json_text.hpp — a text in a JSON answer that is written by hand.
#pragma once
#include <string>
#include <string_view>

#include "fmt/format.h"

namespace flurm::ctld {

/// In quotes, with everything escaped that JSON wants escaped.
inline std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + "\"";
}

}  // namespace flurm::ctld
