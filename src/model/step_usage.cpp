// model/step_usage.cpp — see step_usage.hpp.
#include "model/step_usage.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "codec/archive.hpp"

namespace flurm::model {
namespace {

void add_way(TresUsage::Way& sum, const TresUsage::Way& more) {
  if (more.max != kInfinite64 && (sum.max == kInfinite64 || sum.max < more.max)) {
    sum.max = more.max;
    sum.max_node = more.max_node;
    sum.max_task = more.max_task;
  }
  if (more.min != kInfinite64 && (sum.min == kInfinite64 || sum.min > more.min)) {
    sum.min = more.min;
    sum.min_node = more.min_node;
    sum.min_task = more.min_task;
  }
  if (more.total != kInfinite64) sum.total = sum.total == kInfinite64 ? more.total : sum.total + more.total;
}

void way_fields(codec::Archive& ar, TresUsage::Way& way) {
  ar("max", way.max);
  ar("max_node", way.max_node);
  ar("max_task", way.max_task);
  ar("min", way.min);
  ar("min_node", way.min_node);
  ar("min_task", way.min_task);
  ar("total", way.total);
}

}  // namespace

void add_usage(StepUsage& sum, const StepUsage& more) {
  sum.user_us += more.user_us;
  sum.system_us += more.system_us;
  sum.cpu_khz += more.cpu_khz;
  const bool measured = sum.energy_j != kNoVal64 && more.energy_j != kNoVal64;
  sum.energy_j = measured ? sum.energy_j + more.energy_j : kNoVal64;
  for (const TresUsage& each : more.tres) {
    const auto known = std::ranges::find(sum.tres, each.id, &TresUsage::id);
    if (known == sum.tres.end()) {
      sum.tres.push_back(each);
    } else {
      add_way(known->in, each.in);
      add_way(known->out, each.out);
    }
  }
}

void fields(codec::Archive& ar, TresUsage& u) {
  ar("id", u.id);
  way_fields(ar, u.in);
  way_fields(ar, u.out);
}

void fields(codec::Archive& ar, StepUsage& u) {
  ar("user_us", u.user_us);
  ar("system_us", u.system_us);
  ar("cpu_khz", u.cpu_khz);
  ar("energy_j", u.energy_j);
  ar("tres", u.tres);
}

void usage_field(codec::Archive& ar, std::shared_ptr<const StepUsage>& usage) {
  std::optional<StepUsage> value;
  if (!ar.fills() && usage) value = *usage;
  ar("usage", codec::present_bool(value), codec::since(5));
  if (ar.fills()) usage = value ? std::make_shared<const StepUsage>(std::move(*value)) : nullptr;
}

}  // namespace flurm::model
