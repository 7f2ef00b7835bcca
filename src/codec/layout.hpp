// codec/layout.hpp — what a description puts on the wire, as data: the tables in docs/protocol and their tests.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "codec/archive.hpp"

namespace flurm::codec {

/// One thing on the wire. `type`: u8 … u64, bool, f64, str, bytes, time, or the name of a structure; "[]" after it
/// for each enclosing list, "?" for an optional.
struct LayoutField {
  std::string name;
  std::string type;
  bool operator==(const LayoutField&) const = default;
};
/// Structures by name, each with its fields in order.
using LayoutTables = std::map<std::string, std::vector<LayoutField>>;

/// Collects the layout of one message at one version. Irregular descriptions show the branch that a
/// default-constructed message takes.
class Layout final : public Archive {
 public:
  explicit Layout(std::uint16_t version) : Archive(Kind::layout, version) {}

  void u8(std::uint8_t&) override { field("u8"); }
  void u16(std::uint16_t&) override { field("u16"); }
  void u32(std::uint32_t&) override { field("u32"); }
  void u64(std::uint64_t&) override { field("u64"); }
  void boolean(bool&) override { field("bool"); }
  void f64(double&) override { field("f64"); }
  void f32(float&) override { field("f32"); }
  void f64_text(double&) override { field("f64 text"); }
  void time(TimeS&) override { field("time"); }
  void str(std::string&) override { field("str"); }
  void opt_str(std::optional<std::string>&) override { field("str"); }
  void bytes(std::string&) override { field("bytes"); }
  void raw(std::string&) override { field("raw bytes"); }
  void count(std::uint32_t&) override { field("u32"); }
  void begin_list(ListForm form, std::uint32_t& n) override;
  void next_item() override {}
  void end_list() override;
  void begin_optional(bool& present, std::uint8_t mark) override;
  void begin_struct(std::string_view type) override;
  void end_struct() override;

  const LayoutTables& tables() const { return tables_; }
  /// Name of the outermost structure; empty when the message is a bare value.
  const std::string& root() const { return root_; }

 private:
  struct Level {
    std::string table;
    const char* name;
    std::string suffix;
    bool record;  // false: the table is already there
  };
  void field(const std::string& type);

  LayoutTables tables_;
  std::string root_;
  std::vector<Level> levels_;
  std::string suffix_;  // of the lists and optionals that the next value stands in
};

/// A field over all versions: `present[i]` says whether versions[i] has it.
struct MergedField {
  LayoutField field;
  std::vector<bool> present;
};

/// Merges one structure's layouts, one per version (empty: the structure does not exist there), keeping each
/// version's order. Where the order itself changed, a field appears once per place.
std::vector<MergedField> merge_layouts(const std::vector<std::vector<LayoutField>>& by_version);

}  // namespace flurm::codec
