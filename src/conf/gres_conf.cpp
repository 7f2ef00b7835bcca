// conf/gres_conf.cpp — gres.conf(5).
#include <algorithm>

#include "base/hostlist.hpp"
#include "conf/node_gres.hpp"
#include "conf/other_conf.hpp"
#include "conf/records.hpp"

namespace flurm::conf {
namespace {

constexpr Word kAutoDetect[] = {{"off", 0},    {"nvml", 0}, {"nvidia", 0}, {"rsmi", 0},
                                {"oneapi", 0}, {"nrt", 0},  {"full", 0}};
constexpr Word kFlags[] = {{"CountOnly", 0},      {"explicit", 0},           {"one_sharing", 0},   {"all_sharing", 0},
                           {"nvidia_gpu_env", 0}, {"amd_gpu_env", 0},        {"intel_gpu_env", 0}, {"opencl_env", 0},
                           {"no_gpu_env", 0},     {"nvidia_imex_channel", 0}};

class Reader {
 public:
  explicit Reader(std::vector<Diagnostic>& out) : out_(out) {}

  GresConf take() { return std::move(conf_); }

  void line(const Line& line) {
    const Report report{out_, line.file, line.number};
    if (same_word(line.pairs[0].key, "AutoDetect") && line.pairs.size() == 1)
      return autodetect(line.pairs[0].value, report, conf_.autodetect);
    if (!same_word(line.pairs[0].key, "Name") && !same_word(line.pairs[0].key, "NodeName"))
      return report.error(line.pairs[0].key, "cannot begin a line; allowed: Name, NodeName, AutoDetect");
    GresDef gres;
    std::string count;
    for (const Pair& pair : line.pairs) pair_of(pair, report, gres, count);
    if (gres.name.empty() && gres.autodetect.empty()) return report.error("Name", "is missing");
    if (!gres.autodetect.empty() && gres.nodes.empty())
      report.error("AutoDetect", "needs NodeName when it is not alone");
    if (gres.multiple_files && gres.files.size() < 2)
      report.error("MultipleFiles", "needs several files; allowed for one: File");
    gres.count = gres.multiple_files ? 1 : std::max<std::size_t>(gres.files.size(), 1);
    if (!count.empty()) set_count(count, report, gres);
    conf_.gres.push_back(std::move(gres));
  }

 private:
  void pair_of(const Pair& pair, const Report& report, GresDef& gres, std::string& count) {
    const auto& [key, value] = pair;
    auto is = [&](std::string_view name) { return same_word(key, name); };
    if (is("Name")) {
      gres.name = value;
    } else if (is("NodeName")) {
      expand(key, value, report, gres.nodes);
    } else if (is("Type")) {
      gres.type = value;
    } else if (is("Count")) {
      count = value;
    } else if (is("File") || is("Files") || is("MultipleFiles")) {
      gres.multiple_files = is("MultipleFiles");
      if (!gres.files.empty()) report.error(key, "File and MultipleFiles exclude each other");
      expand(key, value, report, gres.files);
    } else if (is("Cores") || is("CPUs")) {
      gres.cores = value;
    } else if (is("Link") || is("Links")) {
      gres.links = value;
    } else if (is("Flags")) {
      gres.flags = value;
      if (auto known = parse_flags(value, kFlags); !known) report.error(key, known.error().text);
    } else if (is("AutoDetect")) {
      autodetect(value, report, gres.autodetect);
    } else {
      report.error(key, "is not a key of gres.conf");
    }
  }

  void autodetect(const std::string& value, const Report& report, std::string& out) {
    if (auto known = parse_word(value, kAutoDetect); !known) return report.error("AutoDetect", known.error().text);
    out = lower(value);
  }

  static void expand(const std::string& key, const std::string& value, const Report& report,
                     std::vector<std::string>& out) {
    auto names = expand_hosts(value);
    if (!names) return report.error(key, names.error().text);
    out = std::move(*names);
  }

  /// One device file may stand for any count of a shared resource; otherwise files and Count must agree.
  static void set_count(const std::string& text, const Report& report, GresDef& gres) {
    auto count = parse_gres_count(text);
    if (!count) return report.error("Count", count.error().text);
    const bool shared = same_word(gres.name, "mps") || same_word(gres.name, "shard");
    if (!gres.files.empty() && *count != gres.count && !shared)
      report.error("Count", fmt::format("{} but {} devices in File; leave Count out", *count, gres.count));
    gres.count = *count;
  }

  std::vector<Diagnostic>& out_;
  GresConf conf_;
};

}  // namespace

Result<GresConf> parse_gres_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                 std::vector<Diagnostic>& out) {
  const std::size_t before = out.size();
  Reader reader(out);
  for (const Line& line : read_lines(text, file, include, out).lines) reader.line(line);
  if (auto error = first_error(out, before); !error.empty()) return fail(Errc::einval, "{}", error);
  return reader.take();
}

}  // namespace flurm::conf
