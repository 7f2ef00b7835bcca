// codec/codec_test.cpp — encodings byte by byte, distrust of input, and that all archives agree on one description.
#include "codec/archive.hpp"

#include "codec/dump.hpp"
#include "codec/fuzz.hpp"
#include "codec/layout.hpp"
#include "codec/pack.hpp"
#include "codec/unpack.hpp"
#include "gtest/gtest.h"

namespace flurm::codec {
namespace {

enum class Color : std::uint32_t { red, green = 7 };

struct Inner {
  std::uint16_t number = 0;
  std::string text;
  bool operator==(const Inner&) const = default;
};
void fields(Archive& ar, Inner& m) {
  ar("number", m.number);
  ar("text", m.text);
}

struct Outer {
  std::uint8_t a = 0;
  std::uint64_t b = 0;
  bool c = false;
  double d = 0;
  float e = 0;
  double f = 0;
  TimeS t;
  JobId id;
  Color color = Color::red;
  std::optional<std::string> maybe;
  std::string blob;
  std::vector<Inner> inner;
  std::optional<std::vector<std::string>> names;
  std::map<std::string, std::uint32_t> by_name;
  std::set<std::uint32_t> numbers;
  std::optional<Inner> present;
  std::vector<std::uint16_t> ports, apart;
  std::int32_t minus = 0;
  std::uint32_t late = 0;
  bool operator==(const Outer&) const = default;
};
void fields(Archive& ar, Outer& m) {
  ar("a", m.a);
  ar("b", m.b);
  ar("c", m.c);
  ar("d", m.d);
  ar("e", m.e);
  ar("f", text_f64(m.f));
  ar("t", m.t);
  ar("id", m.id);
  ar("color", as<std::uint16_t>(m.color), until(2));
  ar("color", m.color, since(2));
  ar("old", unused<std::uint32_t>(0xabcd), until(3));
  ar("maybe", m.maybe);
  ar("blob", bytes(m.blob));
  ar("inner", m.inner);
  ar("names", m.names);
  ar("by_name", m.by_name);
  ar("numbers", m.numbers);
  ar("present", present_u8(m.present, 255));
  ar("ports", counted<std::uint16_t>(m.ports));
  auto n = static_cast<std::uint32_t>(m.apart.size());
  ar("apart_count", count(n));
  ar("minus", m.minus);
  ar("apart", items(m.apart, n));
  ar("late", m.late, since(2));
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (unsigned char c : bytes) text += fmt::format("{:02x}", c);
  return text;
}

TEST(Pack, primitives_have_slurms_encodings) {
  // The values of the guide's section 1.2, which were seen on a real wire.
  EXPECT_EQ(hex(pack(0.5, 1)), "411e848000000000");
  EXPECT_EQ(hex(pack(std::string(), 1)), "00000000");
  EXPECT_EQ(hex(pack(std::string("ab"), 1)), "00000003616200");
  EXPECT_EQ(hex(pack(std::optional<std::string>(""), 1)), "0000000100");
  EXPECT_EQ(hex(pack(std::optional<std::string>(), 1)), "00000000");
  EXPECT_EQ(hex(pack(std::optional<std::vector<std::uint8_t>>(), 1)), "fffffffe");
  EXPECT_EQ(hex(pack(TimeS{-1}, 1)), "ffffffffffffffff");
  std::string text;
  double v = 1.5;
  Packer(text, 1).f64_text(v);
  EXPECT_EQ(hex(text),
            "00000009"
            "312e35303030303000");
}

TEST(Pack, list_items_are_never_null) {
  EXPECT_EQ(hex(pack(std::vector<std::string>{""}, 1)),
            "00000001"
            "0000000100");
}

TEST(Pack, a_string_ends_at_its_first_nul) { EXPECT_EQ(hex(pack(std::string("a\0b", 3), 1)), "000000026100"); }

TEST(RoundTrip, every_version_and_packing_changes_nothing) {
  for (std::uint16_t version = 1; version <= 3; ++version) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
      Outer m = fuzz<Outer>(seed, version);
      const Outer copy = m;
      std::string bytes = pack(m, version);
      EXPECT_EQ(m, copy);
      auto back = unpack<Outer>(bytes, version);
      ASSERT_TRUE(back) << back.error().text;
      EXPECT_EQ(*back, m) << dump(m, version);
    }
  }
}

TEST(Unpack, truncation_anywhere_is_an_error) {
  std::string bytes = pack(fuzz<Outer>(5, 3), 3);
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(unpack<Outer>(bytes.substr(0, n), 3)) << n;
}

TEST(Unpack, errors_name_field_offset_and_reason) {
  auto text = [](auto result) { return result ? "ok" : result.error().text; };
  EXPECT_EQ(text(unpack<Inner>(std::string("\0\1\0\0\0\5ab", 8), 1)), "text at byte 6: needs 5 bytes, 2 left");
  EXPECT_EQ(text(unpack<Inner>(std::string("\0\1\0\0\0\2ab", 8), 1)),
            "text at byte 8: string does not end at its first NUL");
  EXPECT_EQ(text(unpack<Inner>(std::string("\0\1\0\0\0\0x", 7), 1)), "(end) at byte 6: 1 bytes left over");
  EXPECT_EQ(text(unpack<std::vector<Inner>>(std::string("\0\0\0\2\0\1\0\0\0\0\0\1\0\0\0\3", 16), 1)),
            "[1].text at byte 16: needs 3 bytes, 0 left");
}

TEST(Unpack, hostile_counts_allocate_nothing) {
  auto result = unpack<std::vector<std::string>>("\xff\xff\xff\xf0 and no more", 1);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().text.find("items announced"), std::string::npos);
}

TEST(Unpack, duplicate_keys_are_refused) {
  std::string twice(
      "\0\0\0\2"
      "\0\0\0\1"
      "\0\1"
      "\0\0\0\1"
      "\0\2",
      16);
  EXPECT_FALSE((unpack<std::map<std::uint32_t, std::uint16_t>>(twice, 1)));
}

struct Endless {
  std::vector<Endless> more;
};
void fields(Archive& ar, Endless& m) { ar("more", m.more); }

TEST(Unpack, nesting_is_bounded) {
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += std::string("\0\0\0\1", 4);
  auto result = unpack<Endless>(deep, 1);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().text.find("nested too deeply"), std::string::npos);
}

TEST(Items, missing_ones_travel_as_defaults) {
  std::vector<std::uint16_t> one = {5};
  std::string out;
  auto two = items(one, 2);
  Packer(out, 1).item(two);
  EXPECT_EQ(hex(out), "00050000");
}

TEST(Dump, styles) {
  Outer m;
  m.a = 3;
  m.maybe = "x\"y";
  m.inner = {{1, "one"}, {2, ""}};
  std::string line = dump(m, 1);
  EXPECT_NE(line.find("a=3 b=0 c=false"), std::string::npos) << line;
  EXPECT_NE(line.find(R"(inner=[{number=1 text="one"} {number=2 text=""}] names=null)"), std::string::npos) << line;
  std::string json = dump(m, 1, Style::json);
  EXPECT_NE(json.find(R"("maybe":"x\"y")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("inner":[{"number":1,"text":"one"},{"number":2,"text":""}],"names":null)"), std::string::npos)
      << json;
  EXPECT_EQ(dump(m.inner[0], 1, Style::indented), "number=1\ntext=\"one\"");
}

TEST(Dump, hides_secrets) {
  struct Login {
    std::string token;
    std::optional<std::string> cookie;
    void code(Archive& ar) {
      ar.begin_struct("Login");
      ar("token", secret(token));
      ar("cookie", secret(cookie));
      ar.end_struct();
    }
  };
  EXPECT_EQ(dump(Login{"abc", "def"}, 1), "token=\"(hidden)\" cookie=\"(hidden)\"");
  EXPECT_EQ(dump(Login{}, 1), "token=\"\" cookie=\"\"");
}

TEST(Layout, merges_versions) {
  std::vector<std::vector<LayoutField>> by_version;
  for (std::uint16_t version = 1; version <= 3; ++version) {
    Layout layout(version);
    Outer m;
    layout.item(m);
    EXPECT_EQ(layout.root(), "Outer");
    EXPECT_EQ(layout.tables().at("Inner").size(), 2u);
    by_version.push_back(layout.tables().at("Outer"));
  }
  std::string spans;
  for (const MergedField& each : merge_layouts(by_version)) {
    bool everywhere = each.present[0] && each.present[1] && each.present[2];
    if (everywhere) continue;
    spans += each.field.name + ":" + each.field.type + ":";
    for (bool present : each.present) spans += present ? '1' : '0';
    spans += ' ';
  }
  EXPECT_EQ(spans, "color:u16:100 color:u32:011 old:u32:110 late:u32:011 ");
}

}  // namespace
}  // namespace flurm::codec
