// codec/dump.cpp — texts of messages.
#include "codec/dump.hpp"

#include "fmt/format.h"

namespace flurm::codec {
namespace {
constexpr std::size_t kLineTextMax = 200;  // a log line is no place for a whole job script
}

void Dumper::line_break() {
  out_ += '\n';
  out_.append(2 * (levels_.empty() ? 0 : levels_.size() - 1), ' ');
}

void Dumper::lead() {
  if (!levels_.empty()) {
    Level& level = levels_.back();
    if (style_ == Style::json && level.values > 0) out_ += ',';
    if (style_ == Style::indented) {
      if (levels_.size() > 1 || level.values > 0) line_break();
    } else if (style_ == Style::line && level.values > 0) {
      out_ += ' ';
    }
    ++level.values;
    if (!level.list && name_) {
      out_ += style_ == Style::json ? fmt::format("\"{}\":", name_) : fmt::format("{}=", name_);
    } else if (level.list && style_ == Style::indented) {
      out_ += "- ";
    }
  }
  name_ = nullptr;
}

void Dumper::plain(std::string_view text) {
  lead();
  out_ += text;
}

void Dumper::number(std::uint64_t v) {
  lead();
  fmt::format_to(std::back_inserter(out_), "{}", v);
}

void Dumper::f64(double& v) {
  lead();
  fmt::format_to(std::back_inserter(out_), "{}", v);
}

void Dumper::f32(float& v) {
  lead();
  fmt::format_to(std::back_inserter(out_), "{}", v);
}

void Dumper::time(TimeS& v) {
  lead();
  fmt::format_to(std::back_inserter(out_), "{}", v.v);
}

void Dumper::quoted(std::string_view text) {
  bool cut = style_ == Style::line && text.size() > kLineTextMax;
  out_ += '"';
  for (unsigned char c : cut ? text.substr(0, kLineTextMax) : text) {
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += static_cast<char>(c);
    } else if (c == '\n') {
      out_ += "\\n";
    } else if (c < 0x20) {
      fmt::format_to(std::back_inserter(out_), "\\u{:04x}", c);
    } else {
      out_ += static_cast<char>(c);
    }
  }
  out_ += '"';
  if (cut) fmt::format_to(std::back_inserter(out_), "+{}", text.size() - kLineTextMax);
}

void Dumper::str(std::string& v) {
  lead();
  quoted(v);
}

void Dumper::opt_str(std::optional<std::string>& v) {
  if (!v) return plain("null");
  str(*v);
}

void Dumper::bytes(std::string& v) {
  lead();
  bool cut = style_ == Style::line && v.size() > kLineTextMax;
  std::string_view shown = cut ? std::string_view(v).substr(0, kLineTextMax) : std::string_view(v);
  out_ += '"';
  for (unsigned char c : shown) fmt::format_to(std::back_inserter(out_), "{:02x}", c);
  out_ += '"';
}

void Dumper::open(bool list) {
  lead();
  levels_.push_back({list, false});
  bool outermost = levels_.size() == 1;
  if (style_ == Style::json || (style_ == Style::line && !outermost)) out_ += list ? '[' : '{';
}

void Dumper::close() {
  Level level = levels_.back();
  levels_.pop_back();
  if (style_ == Style::json || (style_ == Style::line && !levels_.empty())) out_ += level.list ? ']' : '}';
  name_ = nullptr;
}

void Dumper::begin_list(ListForm form, std::uint32_t& n) {
  if (form == ListForm::u32_optional && n == kAbsentList) {
    plain("null");
    levels_.push_back({true, true});
    return;
  }
  open(true);
}

void Dumper::end_list() {
  if (levels_.back().silent) {
    levels_.pop_back();
    return;
  }
  close();
}

void Dumper::begin_optional(bool& present, std::uint8_t) {
  if (!present) plain("null");
}

void Dumper::begin_struct(std::string_view) { open(false); }
void Dumper::end_struct() { close(); }

}  // namespace flurm::codec
