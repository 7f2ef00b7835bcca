// ctld/job_text.cpp — see job_text.hpp.
#include "ctld/job_text.hpp"

#include <algorithm>
#include <charconv>

namespace flurm::ctld {
namespace {

/// Splits at commas outside brackets.
std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (c == '[') ++depth;
    if (c == ']') --depth;
    if (c == ',' && (depth <= 0 || i == text.size())) {
      out.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  return out;
}

Result<void> add(const state::ClusterState& state, std::string_view word, std::vector<state::Target>& out) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  std::string_view rest = word.substr(static_cast<std::size_t>(end - word.data()));
  if (error != std::errc{} || number == 0) return fail(Errc::invalid_job_id, "job '{}'", word);
  const JobId id{number};
  if (rest.starts_with('+')) {
    std::uint32_t offset = 0;
    const auto read = std::from_chars(rest.data() + 1, rest.data() + rest.size(), offset);
    const model::Job* leader = state.job(id);
    if (read.ec != std::errc{} || read.ptr != rest.data() + rest.size() || !leader || (!leader->het && offset != 0) ||
        (leader->het && (leader->het->offset != 0 || offset >= leader->het->components.size())))
      return fail(Errc::invalid_job_id, "job '{}'", word);
    if (!leader->het) return fail(Errc::not_het_job, "job '{}'", word);
    out.push_back({.job = leader->het->components[offset], .tasks = {}, .whole_array = false});
    return {};
  }
  const auto records = state.with_array(id);
  if (rest.empty() || rest == "_*") {
    const model::Job* job = state.job(id);
    // An array's id means all its tasks; the record number of one task means that task.
    if (job && (!job->array || job->array->array_job != id)) {
      out.push_back({.job = id, .tasks = {}, .whole_array = false});
      return {};
    }
    if (records.empty()) return fail(Errc::invalid_job_id, "job {}", word);
    out.push_back({.job = id, .tasks = {}, .whole_array = true});
    return {};
  }
  if (rest.front() != '_') return fail(Errc::invalid_job_id, "job '{}'", word);
  rest.remove_prefix(1);
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  if (const std::size_t percent = rest.find('%'); percent != rest.npos) rest = rest.substr(0, percent);
  auto tasks = model::TaskSet::parse(rest, state.settings.max_array_size);
  if (!tasks || records.empty()) return fail(Errc::invalid_job_id, "job '{}'", word);
  // Any record of the array will do: tasks are looked up anew when the command is applied.
  out.push_back({.job = records.front()->id, .tasks = std::move(*tasks), .whole_array = false});
  return {};
}

}  // namespace

const model::Job* record_of(const state::ClusterState& state, const state::Target& target) {
  if (const model::Job* job = state.job(target.job)) return job;
  const auto records = state.with_array(target.job);
  return records.empty() ? nullptr : records.front();
}

Result<std::vector<state::Target>> job_targets(const state::ClusterState& state, std::string_view text) {
  std::vector<state::Target> out;
  for (std::string_view word : words(text))
    if (auto added = add(state, word, out); !added) return std::unexpected(added.error());
  return out;
}

}  // namespace flurm::ctld
