// state/cluster_state.cpp — look-ups, the stored form, and the hash that members compare.
#include "state/cluster_state.hpp"

#include <algorithm>

#include "acct/fields.hpp"
#include "codec/archive.hpp"
#include "codec/dump.hpp"
#include "state/accounting.hpp"
#include "state/format.hpp"

namespace flurm::state {
namespace {

using model::Job;

constexpr std::string_view kMagic = "FLURM state\n";

/// A table as a list of its values; the key is found in, or follows from, the value.
template <class T>
struct Table {
  PersistentMap<T>& map;
  std::uint64_t (*key)(const T&, std::uint64_t position);
  void code(codec::Archive& ar) {
    std::uint32_t n = static_cast<std::uint32_t>(map.size());
    ar.begin_list(codec::ListForm::u32, n);
    if (ar.fills()) {
      for (std::uint32_t i = 0; i < n && ar.ok(); ++i) {
        auto value = std::make_shared<T>();
        ar.item(*value);
        const std::uint64_t at = key(*value, i);
        map.set(at, std::move(value));
      }
    } else {
      map.for_each([&](std::uint64_t, const auto& value) {
        ar.item(const_cast<T&>(*value));  // an archive that does not fill only reads
        return true;
      });
    }
    ar.end_list();
  }
};

/// Usage by the id of what it is of.
struct UsageTable {
  PersistentMap<acct::Usage>& map;
  void code(codec::Archive& ar) {
    std::vector<std::uint32_t> ids;
    map.for_each([&](std::uint64_t id, const auto&) {
      ids.push_back(static_cast<std::uint32_t>(id));
      return true;
    });
    ar.item(ids);
    for (std::uint32_t id : ids) {
      acct::Usage usage;
      if (!ar.fills()) usage = *map.find(id);
      ar.item(usage);
      if (ar.fills()) map.set(id, std::make_shared<const acct::Usage>(std::move(usage)));
    }
  }
};

void rebuild_indexes(ClusterState& state) {
  auto names = std::make_shared<std::map<std::string, model::NodeId, std::less<>>>();
  state.nodes.for_each([&](std::uint64_t id, const auto& node) {
    if (!node->removed) names->emplace(node->config.name, static_cast<model::NodeId>(id));
    return true;
  });
  state.node_ids = std::move(names);
  state.jobs.for_each([&](std::uint64_t id, const auto& job) {
    if (job->state.pending()) {
      state.pending.set(id, job);
      if (!job->dependencies.empty()) state.dependent.set(id, job);
    } else if (!job->state.finished()) {
      state.active.set(id, job);
    }
    if (job->array && job->array->task != kNoVal32)
      state.array_tasks.set(std::uint64_t{job->array->array_job.v} << 32 | job->array->task,
                            std::make_shared<const JobId>(job->id));
    state.tasks_without_record += job->pending_count() - 1;
    return true;
  });
  state.effects.for_each([&](std::uint64_t, const auto& effect) {
    state.job_effects.set(effect_key(*effect), effect);
    return true;
  });
  state.reports.for_each([&](std::uint64_t, const auto& report) {
    state.step_reports += report->about_step() ? 1 : 0;
    return true;
  });
}

/// Shared values as a list.
template <class T>
struct SharedList {
  std::vector<std::shared_ptr<const T>>& list;
  void code(codec::Archive& ar) {
    std::vector<T> values;
    for (const auto& each : list) values.push_back(*each);
    ar.item(values);
    if (!ar.fills()) return;
    list.clear();
    for (T& value : values) list.push_back(std::make_shared<const T>(std::move(value)));
  }
};

}  // namespace

void session_fields(codec::Archive& ar, Sessions& sessions);  // session.cpp

void fields(codec::Archive& ar, Effect& e) {
  ar("id", e.id);
  ar("kind", e.kind);
  ar("job", e.job);
  ar("restart_count", e.restart_count);
  ar("end", e.end);
  ar("signal", e.signal);
  ar("flags", e.flags);
  ar("op", e.op);
  ar("mail_event", e.mail_event);
  ar("created", e.created);
  ar("step", e.step, codec::since(4));
  ar("node", e.node, codec::since(4));
  ar("news", e.news, codec::since(4));
  ar("host", e.host, codec::since(4));
  ar("text", e.text, codec::since(4));
  ar("port", e.port, codec::since(4));
  ar("user_id", e.user_id, codec::since(4));
  ar("group_id", e.group_id, codec::since(4));
}

void fields(codec::Archive& ar, Finished& f) {
  ar("job", f.job);
  ar("end_time", f.end_time);
}

void fields(codec::Archive& ar, Drain& d) {
  ar("on", d.on);
  ar("since", d.since);
  ar("reason", d.reason);
}

namespace {

template <class T>
void optional_shared(codec::Archive& ar, const char* name, std::shared_ptr<const T>& value) {
  std::optional<T> copy;
  if (!ar.fills() && value) copy = *value;
  ar(name, codec::present_bool(copy));
  if (ar.fills()) value = copy ? std::make_shared<const T>(std::move(*copy)) : nullptr;
}

}  // namespace

void fields(codec::Archive& ar, Report& r) {
  static const auto kNoPayload = std::make_shared<const model::JobPayload>();
  ar("number", r.number);
  ar("sequence", r.sequence);
  ar("kind", r.kind);
  ar("time", r.time);
  std::optional<Job> job;
  if (!ar.fills() && r.job) {
    job = *r.job;
    job->payload = kNoPayload;  // what is wanted of it stands in `payload`
  }
  ar("job", codec::present_bool(job));
  if (ar.fills()) r.job = job ? std::make_shared<const Job>(std::move(*job)) : nullptr;
  optional_shared(ar, "step", r.step);
  optional_shared(ar, "node", r.node);
  optional_shared(ar, "reservation", r.reservation);
  optional_shared(ar, "payload", r.payload);
  ar("start_before", r.start_before);
}

void fields(codec::Archive& ar, ClusterState& s) {
  // The format stands in front of the whole; what is older than the oldest that is written goes on in that one.
  if (ar.fills()) s.format = std::max(kOldestFormat, ar.version());
  ar("sequence", s.sequence);
  ar("now", s.now);
  ar("settings", s.settings);
  ar("next_job_id", s.next_job_id);
  ar("lowest_priority", s.lowest_priority);
  ar("next_effect_id", s.next_effect_id);
  std::uint64_t first_finished = s.next_finished - s.finished.size();  // the queue has no holes
  ar("first_finished", first_finished);
  if (ar.fills()) s.next_finished = first_finished;
  ar("next_node_id", s.next_node_id);
  ar("jobs", Table<Job>{s.jobs, [](const Job& job, std::uint64_t) { return std::uint64_t{job.id.v}; }});
  ar("nodes", Table<model::Node>{s.nodes, [](const model::Node& node, std::uint64_t) { return std::uint64_t{node.id}; }});
  ar("partitions", SharedList<model::Partition>{s.partitions});
  ar("effects", Table<Effect>{s.effects, [](const Effect& effect, std::uint64_t) { return effect.id; }});
  PersistentMap<Finished> queue;
  if (!ar.fills()) queue = s.finished;
  ar("finished", Table<Finished>{queue, [](const Finished&, std::uint64_t position) { return position; }});
  if (ar.fills())
    queue.for_each([&](std::uint64_t, const auto& finished) {
      s.finished.set(s.next_finished++, finished);
      return true;
    });
  session_fields(ar, s.sessions);
  ar("jobs_changed", s.jobs_changed);
  ar("nodes_changed", s.nodes_changed);
  ar("partitions_changed", s.partitions_changed);
  ar("config_changed", s.config_changed);
  ar("drain", s.drain, codec::since(3));
  ar("reservations", SharedList<model::Reservation>{s.reservations}, codec::since(4));
  ar("last_reservation_id", s.last_reservation_id, codec::since(4));
  ar("reservations_changed", s.reservations_changed, codec::since(4));
  ar("steps", Table<model::Step>{s.steps, [](const model::Step& step, std::uint64_t) { return step_key(step.job, step.slot); }},
     codec::since(4));
  ar("triggers", SharedList<model::Trigger>{s.triggers}, codec::since(4));
  ar("last_trigger_id", s.last_trigger_id, codec::since(4));
  ar("events", s.events, codec::since(4));
  if (ar.version() < 5) return;
  acct::Books books;
  if (!ar.fills()) books = *s.books;
  ar("books", books);
  if (ar.fills()) s.books = std::make_shared<const acct::Books>(std::move(books));
  ar("books_version", s.books_version);
  ar("assoc_usage", UsageTable{s.assoc_usage});
  ar("qos_usage", UsageTable{s.qos_usage});
  ar("usage_counted", s.usage_counted);
  ar("usage_reset", s.usage_reset);
  ar("reports", Table<Report>{s.reports, [](const Report& report, std::uint64_t) { return report.number; }});
  ar("next_report", s.next_report);
  ar("reports_dropped", s.reports_dropped);
  ar("crontabs",
     Table<model::Crontab>{s.crontabs, [](const model::Crontab& one, std::uint64_t) { return std::uint64_t{one.user_id}; }},
     codec::since(5));
  ar("next_turn", s.next_turn, codec::since(6));
  ar("slice_began", s.slice_began, codec::since(6));
  ar("last_step_port", s.last_step_port, codec::since(6));
}

std::string ClusterState::licenses() const {
  const std::string remote = books->remote_licenses(settings.cluster_name);
  if (settings.licenses.empty() || remote.empty()) return settings.licenses + remote;
  return settings.licenses + "," + remote;
}

const model::Node* ClusterState::node(std::string_view name) const {
  if (!node_ids) return nullptr;
  const auto found = node_ids->find(name);
  return found == node_ids->end() ? nullptr : node(found->second);
}

const model::Partition* ClusterState::partition(std::string_view name) const {
  for (const auto& partition : partitions)
    if (partition->name == name) return partition.get();
  return nullptr;
}

const model::Reservation* ClusterState::reservation(std::string_view name) const {
  for (const auto& reservation : reservations)
    if (reservation->name == name) return reservation.get();
  return nullptr;
}

const model::Partition* ClusterState::default_partition() const {
  for (const auto& partition : partitions)
    if (partition->flags & model::partition_flag::is_default) return partition.get();
  return nullptr;
}

const Job* ClusterState::array_task(JobId array_job, std::uint32_t task) const {
  if (const JobId* own = array_tasks.find(std::uint64_t{array_job.v} << 32 | task)) return job(*own);
  const Job* whole = job(array_job);
  if (whole && whole->array && whole->array->task == kNoVal32 && whole->array->pending.contains(task)) return whole;
  return nullptr;
}

std::vector<const Job*> ClusterState::with_array(JobId id) const {
  std::vector<const Job*> out;
  const Job* first = job(id);
  if (first) out.push_back(first);
  const std::uint64_t begin = std::uint64_t{id.v} << 32;
  array_tasks.for_each_from(begin, [&](std::uint64_t key, const auto& task) {
    if (key >> 32 != id.v) return false;
    if (*task != id)
      if (const Job* one = job(*task)) out.push_back(one);
    return true;
  });
  return out;
}

model::StepUses step_uses(const ClusterState& state, JobId job) {
  model::StepUses uses;
  state.for_steps_of(job, [&](const auto& step) { model::add_use(uses, *step); });
  return uses;
}

std::string save(const ClusterState& state) {
  return std::string(kMagic) + pack_with_format(state, state.format);
}

std::string describe(const ClusterState& state) { return codec::dump(state, state.format, codec::Style::json); }

Result<ClusterState> load(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) return fail(Errc::corrupt, "not a FLURM state snapshot");
  auto state = unpack_with_format<ClusterState>(bytes.substr(kMagic.size()), "state snapshot");
  if (!state) return state;
  rebuild_indexes(*state);
  recount_submitted(*state);
  return state;
}

std::uint64_t state_hash(const ClusterState& state) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (unsigned char c : save(state)) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

}  // namespace flurm::state
