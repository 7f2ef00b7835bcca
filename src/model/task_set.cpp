// model/task_set.cpp — see task_set.hpp.
#include "model/task_set.hpp"

#include <algorithm>
#include <charconv>

#include "codec/archive.hpp"

namespace flurm::model {
namespace {

bool read_number(std::string_view& text, std::uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool read_sign(std::string_view& text, char sign) {
  if (text.empty() || text.front() != sign) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

Result<TaskSet> TaskSet::parse(std::string_view text, std::uint32_t max_task) {
  const std::string_view whole = text;
  std::vector<Range> ranges;
  std::uint64_t total = 0;
  do {
    Range range;
    if (!read_number(text, range.first)) return fail(Errc::invalid_array, "array tasks '{}'", whole);
    range.last = range.first;
    if (read_sign(text, '-')) {
      if (!read_number(text, range.last)) return fail(Errc::invalid_array, "array tasks '{}'", whole);
      if (read_sign(text, ':') && !read_number(text, range.step))
        return fail(Errc::invalid_array, "array tasks '{}'", whole);
    }
    if (range.last < range.first || range.step == 0 || range.last > max_task)
      return fail(Errc::invalid_array, "array tasks '{}': numbers may go up to {}", whole, max_task);
    range.last = range.first + (range.last - range.first) / range.step * range.step;
    total += range.count();
    if (total > std::uint64_t{max_task} * 2 + 2) return fail(Errc::invalid_array, "array tasks '{}' repeat", whole);
    ranges.push_back(range);
  } while (read_sign(text, ','));
  if (!text.empty()) return fail(Errc::invalid_array, "array tasks '{}'", whole);

  TaskSet set;
  if (ranges.size() == 1) {
    set.ranges_ = std::move(ranges);
    return set;
  }
  set.ranges_ = std::move(ranges);
  auto all = set.numbers();
  return from_sorted(all);
}

std::vector<std::uint32_t> TaskSet::numbers() const {
  std::vector<std::uint32_t> all;
  for (const Range& range : ranges_)
    for (std::uint64_t n = range.first; n <= range.last; n += range.step) all.push_back(static_cast<std::uint32_t>(n));
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

TaskSet TaskSet::from_sorted(const std::vector<std::uint32_t>& numbers) {
  TaskSet set;
  for (std::uint32_t n : numbers) {
    if (!set.ranges_.empty()) {
      Range& range = set.ranges_.back();
      if (range.first == range.last) {
        range.step = n - range.first;
        range.last = n;
        continue;
      }
      if (n - range.last == range.step) {
        range.last = n;
        continue;
      }
      if (range.count() == 2 && range.step > 1) {  // two lone numbers are no range: let the second begin one
        const std::uint32_t second = range.last;
        range.last = range.first;
        range.step = 1;
        set.ranges_.push_back({second, n, n - second});
        continue;
      }
    }
    set.ranges_.push_back({n, n, 1});
  }
  if (!set.ranges_.empty()) {
    Range& range = set.ranges_.back();
    if (range.count() == 2 && range.step > 1) {
      const std::uint32_t second = range.last;
      range.last = range.first;
      range.step = 1;
      set.ranges_.push_back({second, second, 1});
    }
  }
  return set;
}

std::uint32_t TaskSet::count() const {
  std::uint32_t total = 0;
  for (const Range& range : ranges_) total += range.count();
  return total;
}

bool TaskSet::contains(std::uint32_t task) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) { return range.contains(task); });
}

void TaskSet::erase(std::uint32_t task) {
  const auto found =
      std::find_if(ranges_.begin(), ranges_.end(), [&](const Range& range) { return range.contains(task); });
  if (found == ranges_.end()) return;
  if (found->first == found->last) {
    ranges_.erase(found);
  } else if (task == found->first) {
    found->first += found->step;
  } else if (task == found->last) {
    found->last -= found->step;
  } else {
    const Range upper{task + found->step, found->last, found->step};
    found->last = task - found->step;
    ranges_.insert(found + 1, upper);
  }
}

TaskSet TaskSet::common(const TaskSet& other) const {
  std::vector<std::uint32_t> both;
  for (std::uint32_t n : numbers())
    if (other.contains(n)) both.push_back(n);
  return from_sorted(both);
}

TaskSet TaskSet::take(const TaskSet& other) {
  std::vector<std::uint32_t> taken, left;
  for (std::uint32_t n : numbers()) (other.contains(n) ? taken : left).push_back(n);
  *this = from_sorted(left);
  return from_sorted(taken);
}

std::string TaskSet::text() const {
  std::string out;
  for (const Range& range : from_sorted(numbers()).ranges_) {
    if (!out.empty()) out += ',';
    out += std::to_string(range.first);
    if (range.last != range.first) out += '-' + std::to_string(range.last);
    if (range.last != range.first && range.step > 1) out += ':' + std::to_string(range.step);
  }
  return out;
}

std::string TaskSet::hex_mask() const {
  if (empty()) return "0x0";
  std::uint32_t top = 0;
  for (const Range& range : ranges_) top = std::max(top, range.last);
  std::string digits(top / 4 + 1, '0');
  for (const Range& range : ranges_)
    for (std::uint64_t n = range.first; n <= range.last; n += range.step) {
      char& digit = digits[digits.size() - 1 - n / 4];
      const int value = (digit <= '9' ? digit - '0' : digit - 'A' + 10) | (1 << (n % 4));
      digit = "0123456789ABCDEF"[value];
    }
  return "0x" + digits;
}

void fields(codec::Archive& ar, TaskSet::Range& range) {
  ar("first", range.first);
  ar("last", range.last);
  ar("step", range.step);
}
void fields(codec::Archive& ar, TaskSet& set) { ar("ranges", set.ranges_); }

}  // namespace flurm::model
