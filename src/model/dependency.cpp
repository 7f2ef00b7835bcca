// model/dependency.cpp — see dependency.hpp.
#include "model/dependency.hpp"

#include <charconv>

namespace flurm::model {
namespace {

struct TypeName {
  std::string_view name;
  Dependency::Type type;
};
constexpr TypeName kTypes[] = {{"after", Dependency::Type::after},
                               {"afterany", Dependency::Type::after_any},
                               {"afternotok", Dependency::Type::after_not_ok},
                               {"afterok", Dependency::Type::after_ok},
                               {"aftercorr", Dependency::Type::after_correspond},
                               {"afterburstbuffer", Dependency::Type::after_burst_buffer},
                               {"expand", Dependency::Type::expand}};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if ((a[i] | 0x20) != (b[i] | 0x20)) return false;
  return true;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  bool sign(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool number(std::uint32_t& out) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
    if (error != std::errc{}) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return true;
  }
  std::string_view word() {
    std::size_t n = 0;
    while (n < rest_.size() && ((rest_[n] | 0x20) >= 'a' && (rest_[n] | 0x20) <= 'z')) ++n;
    const std::string_view out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
  }
  /// "(unfulfilled)" and so on, which scontrol prints and update accepts back.
  bool state(Dependency::State& out) {
    if (!sign('(')) return true;
    const std::string_view name = word();
    if (name == "unfulfilled") {
      out = Dependency::State::unfulfilled;
    } else if (name == "fulfilled") {
      out = Dependency::State::fulfilled;
    } else if (name == "failed") {
      out = Dependency::State::failed;
    } else {
      return false;
    }
    return sign(')');
  }

 private:
  std::string_view rest_;
};

bool read_job(Reader& reader, Dependency& dependency) {
  if (!reader.number(dependency.job.v) || dependency.job.v == 0) return false;
  if (reader.sign('_')) {
    if (reader.sign('*')) {
      dependency.task = kInfinite32;
    } else if (!reader.number(dependency.task)) {
      return false;
    }
  }
  if (reader.sign('+') && (!reader.number(dependency.after_minutes) || dependency.after_minutes == 0)) return false;
  return reader.state(dependency.state);
}

bool read_list(Reader& reader, std::vector<Dependency>& out, bool& any_is_enough) {
  do {
    Dependency dependency;
    const std::string_view word = reader.word();
    if (equal_ignoring_case(word, "singleton")) {
      dependency.type = Dependency::Type::singleton;
      if (!reader.state(dependency.state)) return false;
      out.push_back(dependency);
    } else if (word.empty()) {  // the old form: just job ids, as afterany
      if (!read_job(reader, dependency)) return false;
      out.push_back(dependency);
    } else {
      const TypeName* found = nullptr;
      for (const TypeName& type : kTypes)
        if (equal_ignoring_case(word, type.name)) found = &type;
      if (!found || !reader.sign(':')) return false;
      do {
        dependency = {};
        dependency.type = found->type;
        if (!read_job(reader, dependency)) return false;
        out.push_back(dependency);
      } while (reader.sign(':'));
    }
    if (reader.sign('?')) {
      any_is_enough = true;
      continue;
    }
    if (!reader.sign(',')) return reader.done();
  } while (true);
}

}  // namespace

Result<std::vector<Dependency>> parse_dependencies(std::string_view text) {
  std::vector<Dependency> out;
  if (text.empty() || text == "0") return out;
  Reader reader(text);
  bool any_is_enough = false;
  if (!read_list(reader, out, any_is_enough)) return fail(Errc::dependency, "dependency '{}'", text);
  for (Dependency& dependency : out) dependency.or_next = any_is_enough;
  return out;
}

std::string dependencies_text(const std::vector<Dependency>& dependencies) {
  std::string out;
  for (const Dependency& dependency : dependencies) {
    if (dependency.state == Dependency::State::fulfilled) continue;
    if (!out.empty()) out += dependency.or_next ? '?' : ',';
    std::string_view name = "singleton";
    for (const TypeName& type : kTypes)
      if (type.type == dependency.type) name = type.name;
    out += name;
    if (dependency.type != Dependency::Type::singleton) {
      out += fmt::format(":{}", dependency.job.v);
      if (dependency.task == kInfinite32) {
        out += "_*";
      } else if (dependency.task != kNoVal32) {
        out += fmt::format("_{}", dependency.task);
      }
      if (dependency.after_minutes) out += fmt::format("+{}", dependency.after_minutes);
    }
    out += dependency.state == Dependency::State::failed ? "(failed)" : "(unfulfilled)";
  }
  return out;
}

}  // namespace flurm::model
