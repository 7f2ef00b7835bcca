// dbd/usage_answers.cpp — rolled-up usage as clients ask for it.
#include <algorithm>
#include <map>
#include <set>

#include "dbd/answers.hpp"
#include "dbd/periods.hpp"

namespace flurm::dbd {

namespace {

wire::TresRec tell_tres(const acct::Books& books, std::uint32_t id, std::uint64_t count = 0) {
  wire::TresRec rec;
  rec.id = id;
  rec.count = count;
  if (const acct::Tres* tres = books.tres.find(id)) {
    rec.type = tres->type;
    rec.name = tres->name;
  }
  return rec;
}

/// What was used of each of `wanted` on a cluster, in the order of time; an account's contains that of all below it.
using ById = std::map<std::uint32_t, std::vector<wire::AccountingRec>>;
Result<ById> usage_by_id(const Question& question, const std::string& cluster, store::UsageOf kind,
                         const std::set<std::uint32_t>& wanted, TimeS start, TimeS end) {
  const Window asked = window(start, end, question.now);
  std::vector<store::IdUsage> rows;
  FLURM_TRY_VOID(question.store.read([&](store::Reader& reader) {
    rows = reader.usage().of_ids(cluster, kind, asked.period, asked.start, asked.end);
  }));
  struct Key {
    std::uint32_t id;
    TimeS start;
    std::uint32_t tres;
    auto operator<=>(const Key&) const = default;
  };
  std::map<Key, std::uint64_t> sums;
  for (const store::IdUsage& row : rows)
    for (std::uint32_t id = row.id; id != 0;) {
      if (wanted.contains(id)) sums[{id, row.start, row.tres}] += row.alloc;
      const acct::Assoc* assoc = kind == store::UsageOf::associations ? question.books->assocs().find(id) : nullptr;
      id = assoc ? assoc->parent_id : 0;
    }
  ById found;
  for (const auto& [key, alloc] : sums)
    found[key.id].push_back({alloc, tell_tres(*question.books, key.tres), key.id, 0, key.start});
  return found;
}

template <class Record>
std::uint32_t add_usage_by_id(const Question& question, std::vector<Record>& list, store::UsageOf kind, TimeS start,
                              TimeS end) {
  std::map<std::string, std::set<std::uint32_t>> wanted;
  for (const Record& each : list) wanted[each.cluster].insert(each.id);
  for (const auto& [cluster, ids] : wanted) {
    auto found = usage_by_id(question, cluster, kind, ids, start, end);
    if (!found) return static_cast<std::uint32_t>(found.error().code);
    for (Record& each : list)
      if (each.cluster == cluster) each.accounting_list = std::move((*found)[each.id]);
  }
  return 0;
}

/// What is asked about one record is asked as about a list of one.
template <class Usage>
Usage answer(const Question& question, Usage asked) {
  std::vector one{std::move(asked.rec)};
  add_usage(question, one, asked.start, asked.end);
  asked.rec = std::move(one.front());
  return asked;
}

}  // namespace

std::uint32_t add_usage(const Question& question, std::vector<wire::AssocRec>& list, TimeS start, TimeS end) {
  return add_usage_by_id(question, list, store::UsageOf::associations, start, end);
}

std::uint32_t add_usage(const Question& question, std::vector<wire::WckeyRec>& list, TimeS start, TimeS end) {
  return add_usage_by_id(question, list, store::UsageOf::wckeys, start, end);
}

std::uint32_t add_usage(const Question& question, std::vector<wire::ClusterRec>& list, TimeS start, TimeS end) {
  const Window asked = window(start, end, question.now);
  for (wire::ClusterRec& each : list) {
    std::vector<store::ClusterUsage> rows;
    const auto read = question.store.read([&](store::Reader& reader) {
      rows = reader.usage().of_cluster(each.name, asked.period, asked.start, asked.end);
    });
    if (!read) return static_cast<std::uint32_t>(read.error().code);
    auto& told = each.accounting_list.emplace();
    for (const store::ClusterUsage& row : rows)
      told.push_back({row.use.alloc, tell_tres(*question.books, row.tres, row.use.count), row.use.down, row.use.idle,
                      row.use.over, row.use.planned_down, row.start, row.use.planned});
  }
  return 0;
}

std::uint32_t add_usage(const Question& question, std::vector<wire::ReservationRec>& list) {
  std::map<std::string, std::vector<wire::ReservationRec*>> by_cluster;
  for (wire::ReservationRec& each : list) by_cluster[each.cluster].push_back(&each);
  for (const auto& [cluster, reservations] : by_cluster) {
    TimeS from = reservations.front()->time_start, to = reservations.front()->time_end;
    for (const wire::ReservationRec* each : reservations) {
      from = std::min(from, each->time_start);
      to = std::max(to, each->time_end);
    }
    std::vector<std::map<std::uint32_t, std::uint64_t>> used(reservations.size());
    const auto add = [&](const acct::JobUse& job) {
      if (job.resv_id == 0 || !job.start) return;
      for (std::size_t i = 0; i < reservations.size(); ++i) {
        const wire::ReservationRec& each = *reservations[i];
        const TimeS end = job.end ? std::min(job.end, each.time_end) : each.time_end;
        const std::int64_t seconds = end - std::max(job.start, each.time_start);
        if (each.id != job.resv_id || seconds < 1) continue;
        for (const auto& [tres, count] : job.tres) used[i][tres] += count * static_cast<std::uint64_t>(seconds);
      }
    };
    const auto read = question.store.read([&](store::Reader& reader) {
      for (auto& sums : used) sums.clear();  // reading may be tried twice
      reader.usage().for_jobs(cluster, from, to, add);
    });
    if (!read) return static_cast<std::uint32_t>(read.error().code);
    for (std::size_t i = 0; i < reservations.size(); ++i)
      for (const auto& [tres, seconds] : used[i]) {
        wire::TresRec& told = reservations[i]->tres_list.emplace_back(tell_tres(*question.books, tres));
        told.alloc_secs = seconds;
      }
  }
  return 0;
}

wire::AssocUsage get_usage(const Question& question, wire::AssocUsage asked) {
  return answer(question, std::move(asked));
}
wire::ClusterUsage get_usage(const Question& question, wire::ClusterUsage asked) {
  return answer(question, std::move(asked));
}
wire::WckeyUsage get_usage(const Question& question, wire::WckeyUsage asked) {
  return answer(question, std::move(asked));
}

}  // namespace flurm::dbd
