// conf/acct_gather_conf.cpp — acct_gather.conf(5): what of it this cluster has, samples to InfluxDB.
#include <algorithm>
#include <charconv>

#include "conf/other_conf.hpp"
#include "conf/values.hpp"

namespace flurm::conf {
namespace {

/// Words anywhere in the text, as Slurm looks for them.
std::uint32_t parse_profile(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  const auto has = [&](std::string_view word) { return lower.find(word) != std::string::npos; };
  if (has("none")) return kProfileNone;
  if (has("all")) return kProfileAll;
  return (has("energy") ? kProfileEnergy : 0) | (has("task") ? kProfileTask : 0) |
         (has("lustre") ? kProfileLustre : 0) | (has("network") ? kProfileNetwork : 0);
}

/// "http://db:8086/prefix", "db:8086", "db".
Result<void> take_url(InfluxConf& conf, std::string_view url) {
  if (url.starts_with("https://")) return fail(Errc::einval, "https is not spoken here: let a proxy do it");
  if (url.starts_with("http://")) url.remove_prefix(7);
  const std::size_t slash = std::min(url.find('/'), url.size());
  conf.path = url.substr(slash);
  while (conf.path.ends_with('/')) conf.path.pop_back();
  const std::string_view address = url.substr(0, slash);
  const std::size_t colon = address.starts_with('[') ? address.find(':', address.find(']')) : address.find(':');
  conf.host = address.substr(0, colon);
  if (conf.host.starts_with('[') && conf.host.ends_with(']')) conf.host = conf.host.substr(1, conf.host.size() - 2);
  conf.port = 80;
  if (colon != std::string_view::npos) {
    const char* const end = address.data() + address.size();
    const auto read = std::from_chars(address.data() + colon + 1, end, conf.port);
    if (read.ec != std::errc{} || read.ptr != end || conf.port == 0)
      return fail(Errc::einval, "no port in '{}'", address);
  }
  if (conf.host.empty()) return fail(Errc::einval, "no host in it");
  return {};
}

/// It becomes part of a request's first line.
Result<void> set_name(std::string& name, const std::string& text) {
  if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != '&' && c != '#'; }))
    return fail(Errc::einval, "'{}' is no name", text);
  name = text;
  return {};
}

Result<void> take(InfluxConf& conf, const Pair& pair) {
  if (same_word(pair.key, "ProfileInfluxDBHost")) return take_url(conf, pair.value);
  if (same_word(pair.key, "ProfileInfluxDBDefault")) {
    conf.profile = parse_profile(pair.value);
    if (conf.profile == 0) return fail(Errc::einval, "'{}' is no kind of profile", pair.value);
  }
  if (same_word(pair.key, "ProfileInfluxDBDatabase")) return set_name(conf.database, pair.value);
  if (same_word(pair.key, "ProfileInfluxDBRTPolicy")) return set_name(conf.retention_policy, pair.value);
  if (same_word(pair.key, "ProfileInfluxDBUser")) conf.user = pair.value;
  if (same_word(pair.key, "ProfileInfluxDBPass")) conf.password = pair.value;
  return {};  // other keys are for plugins that are not in use
}

}  // namespace

Result<InfluxConf> parse_influx_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                     std::vector<Diagnostic>& out) {
  const std::size_t before = out.size();
  InfluxConf conf;
  for (const Line& line : read_lines(text, file, include, out).lines) {
    const Report report{out, line.file, line.number};
    for (const Pair& pair : line.pairs)
      if (auto taken = take(conf, pair); !taken) report.error(pair.key, taken.error().text);
  }
  const auto need = [&](const std::string& value, std::string_view key) {
    if (value.empty()) Report{out, file}.error(key, "is needed by acct_gather_profile/influxdb");
  };
  if (first_error(out, before).empty()) {
    need(conf.host, "ProfileInfluxDBHost");
    need(conf.database, "ProfileInfluxDBDatabase");
    need(conf.retention_policy, "ProfileInfluxDBRTPolicy");
    if (!conf.password.empty()) need(conf.user, "ProfileInfluxDBUser");
  }
  if (auto error = first_error(out, before); !error.empty()) return fail(Errc::einval, "{}", error);
  return conf;
}

}  // namespace flurm::conf
