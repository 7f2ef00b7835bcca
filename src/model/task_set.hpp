// model/task_set.hpp — the numbers of a job array's tasks, as few ranges however many tasks.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace flurm::codec {
class Archive;
}

namespace flurm::model {

class TaskSet {
 public:
  /// `first`, `first + step`, … `last`; last is always one of them.
  struct Range {
    std::uint32_t first = 0, last = 0, step = 1;
    std::uint32_t count() const { return (last - first) / step + 1; }
    bool contains(std::uint32_t task) const { return task >= first && task <= last && (task - first) % step == 0; }
    bool operator==(const Range&) const = default;
  };

  /// From sbatch's text, "0-9:2,20" (the "%N" throttle already removed). Errors: invalid_array when the text is not
  /// of that form or a number exceeds `max_task`.
  static Result<TaskSet> parse(std::string_view text, std::uint32_t max_task);

  bool empty() const { return ranges_.empty(); }
  std::uint32_t count() const;
  bool contains(std::uint32_t task) const;
  std::uint32_t first() const { return ranges_.front().first; }  // of a set that is not empty
  std::uint32_t last() const { return ranges_.back().last; }
  const std::vector<Range>& ranges() const { return ranges_; }

  /// The tasks that are in both.
  TaskSet common(const TaskSet& other) const;

  void erase(std::uint32_t task);
  /// Removes every task of `other`, and returns the ones that were there.
  TaskSet take(const TaskSet& other);

  /// "0-8:2,20", and the "0x…" mask that Slurm's clients turn into the same.
  std::string text() const;
  std::string hex_mask() const;

  bool operator==(const TaskSet&) const = default;
  friend void fields(codec::Archive& ar, TaskSet& set);

 private:
  std::vector<std::uint32_t> numbers() const;
  static TaskSet from_sorted(const std::vector<std::uint32_t>& numbers);

  std::vector<Range> ranges_;  // by first; ranges may interleave only after erase() split a stepped one
};

void fields(codec::Archive& ar, TaskSet::Range& range);
void fields(codec::Archive& ar, TaskSet& set);

}  // namespace flurm::model
