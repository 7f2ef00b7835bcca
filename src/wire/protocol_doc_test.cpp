// wire/protocol_doc_test.cpp — docs/protocol/messages.md is written from the descriptions, and is current.
// FLURM_UPDATE_GOLDEN=1 rewrites it; read the difference before committing it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "codec/layout.hpp"
#include "wire/header.hpp"
#include "wire/registry.hpp"

namespace flurm::wire {
namespace {

constexpr std::size_t kReleases = kVersions.size();

/// A structure in each release; `exists` where a message of that release uses it.
struct Structure {
  std::vector<std::vector<codec::LayoutField>> fields{kReleases};
  std::vector<bool> exists = std::vector<bool>(kReleases);
};

/// "" for all releases in which the structure exists, else "23.02+", "until 24.05", "23.02 – 23.11", joined by commas.
std::string releases(const std::vector<bool>& present, const std::vector<bool>& exists) {
  std::string text;
  if (present == exists) return text;
  for (std::size_t i = 0; i < kReleases; ++i) {
    if (!present[i]) continue;
    std::size_t last = i;
    while (last + 1 < kReleases && present[last + 1]) ++last;
    if (!text.empty()) text += ", ";
    if (last == kReleases - 1) {
      text += fmt::format("{}+", release_name(kVersions[i]));
    } else if (i == 0) {
      text += fmt::format("until {}", release_name(kVersions[last]));
    } else if (i == last) {
      text += release_name(kVersions[i]);
    } else {
      text += fmt::format("{} – {}", release_name(kVersions[i]), release_name(kVersions[last]));
    }
    i = last;
  }
  return text;
}

void collect(const codec::Layout& layout, std::size_t release, std::map<std::string, Structure>& structures) {
  for (const auto& [name, fields] : layout.tables()) {
    Structure& structure = structures[name];
    structure.exists[release] = true;
    structure.fields[release] = fields;
  }
}

std::string document() {
  std::map<std::string, Structure> structures;
  std::string text =
      "# Slurm's messages as FLURM describes them\n\n"
      "Written by `wire_test` from the descriptions in `src/wire`; do not edit. Encodings: `src/codec/archive.hpp`.\n"
      "A field without releases is in all of them. Where the order of fields changed, a field stands once per "
      "place.\n\n"
      "## Messages\n\n| number | name | releases | structure |\n|---|---|---|---|\n";
  std::vector<bool> all(kReleases, true);
  for (const MessageInfo& info : messages()) {
    std::vector<bool> present(kReleases);
    for (std::size_t i = 0; i < kReleases; ++i) {
      present[i] = info.in(kVersions[i]);
      if (!present[i]) continue;
      codec::Layout layout(kVersions[i]);
      info.describe(layout, info.make().get());
      collect(layout, i, structures);
    }
    text += fmt::format("| {} | {} | {} | {} |\n", static_cast<int>(info.type), info.name(), releases(present, all),
                        info.struct_name);
  }
  for (std::size_t i = 0; i < kReleases; ++i) {
    codec::Layout layout(kVersions[i]);
    Header header;
    layout.item(header);
    collect(layout, i, structures);
  }
  text += "\n## Structures\n";
  for (const auto& [name, structure] : structures) {
    if (name == "Empty") continue;
    text += fmt::format("\n### {}\n\n| field | type | releases |\n|---|---|---|\n", name);
    for (const codec::MergedField& each : codec::merge_layouts(structure.fields)) {
      text +=
          fmt::format("| {} | {} | {} |\n", each.field.name, each.field.type, releases(each.present, structure.exists));
    }
  }
  return text;
}

TEST(ProtocolDocument, is_current) {
  const std::string path = FLURM_SOURCE_DIR "/docs/protocol/messages.md";
  if (std::getenv("FLURM_UPDATE_GOLDEN")) std::ofstream(path) << document();
  std::stringstream committed;
  committed << std::ifstream(path).rdbuf();
  EXPECT_TRUE(committed.str() == document()) << path << " is not current: run wire_test with FLURM_UPDATE_GOLDEN=1";
}

}  // namespace
}  // namespace flurm::wire
