// ctld/info_cache.cpp — see info_cache.hpp.
#include "ctld/info_cache.hpp"

#include "ctld/translate/info.hpp"
#include "state/priority.hpp"

namespace flurm::ctld {

std::string_view InfoRecord::bytes(const state::ClusterState& state, const model::Job& job, std::uint16_t version,
                                   bool detail, const model::PriorityScale* scale) {
  std::call_once(made_, [&] { bytes_ = wire::pack_job_info(job_info(state, job, detail, scale), version); });
  return bytes_;
}

std::shared_ptr<InfoRecord> InfoCache::record(const state::ClusterState& state,
                                              const std::shared_ptr<const model::Job>& job, std::uint16_t version,
                                              bool detail) {
  Entry& entry = entries_[job->id.v];
  auto head = job->array ? state.jobs.get(job->array->array_job.v) : nullptr;
  if (entry.job != job || entry.head != head) {
    entry.job = job;
    entry.head = std::move(head);
    entry.forms.clear();
  }
  for (const Form& form : entry.forms)
    if (form.version == version && form.detail == detail) return form.record;
  entry.forms.push_back({version, detail, std::make_shared<InfoRecord>()});
  return entry.forms.back().record;
}

std::string_view InfoCache::job(const state::ClusterState& state, const std::shared_ptr<const model::Job>& job,
                                std::uint16_t version, bool detail) {
  return record(state, job, version, detail)->bytes(state, *job, version, detail, scale_.get());
}

void InfoCache::set_time(const state::ClusterState& state, TimeS now) {
  const bool same_books = books_ == state.books;
  if (!same_books) entries_.clear();
  books_ = state.books;
  if (!state.settings.multifactor) return;
  const std::array of{model::PriorityScale::at(state.settings.priority, now), state.partitions_changed,
                      state.config_changed, state.usage_counted};
  if (scale_ && scale_of_ == of && same_books) return;
  entries_.clear();
  scale_ = std::make_shared<const model::PriorityScale>(state::priority_scale(state, now));
  scale_of_ = of;
}

void InfoCache::drop_missing(const state::ClusterState& state) {
  if (entries_.size() <= state.jobs.size()) return;
  std::erase_if(entries_, [&](const auto& each) { return !state.jobs.find(each.first); });
}

}  // namespace flurm::ctld
