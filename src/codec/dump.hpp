// codec/dump.hpp — a message as text: one line for logs, indented for people, JSON for tests.
#pragma once
#include <string>
#include <vector>

#include "codec/archive.hpp"

namespace flurm::codec {

/// line:     job_id=7 name="a b" env=["X=1" "Y=2"] step_id={job_id=7 step_id=0}; long strings are cut
/// indented: one field a line, nesting by two spaces
/// json:     an object; absent strings, lists and optionals are null
enum class Style : std::uint8_t { line, indented, json };

class Dumper final : public Archive {
 public:
  Dumper(std::string& out, std::uint16_t version, Style style)
      : Archive(Kind::dump, version), out_(out), style_(style) {}

  void u8(std::uint8_t& v) override { number(v); }
  void u16(std::uint16_t& v) override { number(v); }
  void u32(std::uint32_t& v) override { number(v); }
  void u64(std::uint64_t& v) override { number(v); }
  void boolean(bool& v) override { plain(v ? "true" : "false"); }
  void f64(double& v) override;
  void f32(float& v) override;
  void f64_text(double& v) override { f64(v); }
  void time(TimeS& v) override;
  void str(std::string& v) override;
  void opt_str(std::optional<std::string>& v) override;
  void bytes(std::string& v) override;
  void raw(std::string& v) override { bytes(v); }
  void count(std::uint32_t&) override {}  // the list shows it
  void begin_list(ListForm form, std::uint32_t& n) override;
  void next_item() override { name_ = nullptr; }
  void end_list() override;
  void begin_optional(bool& present, std::uint8_t mark) override;
  void begin_struct(std::string_view type) override;
  void end_struct() override;

 private:
  struct Level {
    bool list;
    bool silent;  // an absent list: already written as null
    int values = 0;
  };
  void number(std::uint64_t v);
  void plain(std::string_view text);
  void quoted(std::string_view text);
  void lead();  // separator, line break and name before a value
  void open(bool list);
  void close();
  void line_break();

  std::string& out_;
  Style style_;
  std::vector<Level> levels_;
};

template <class M>
std::string dump(const M& message, std::uint16_t version, Style style = Style::line) {
  std::string out;
  Dumper dumper(out, version, style);
  dumper.item(const_cast<M&>(message));
  return out;
}

}  // namespace flurm::codec
