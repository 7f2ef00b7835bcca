// dbd/job_answers.cpp — DBD_GET_JOBS_COND: jobs found, sifted, and as sacct expects them.
#include <algorithm>
#include <map>
#include <set>

#include "base/hostlist.hpp"
#include "dbd/answers.hpp"
#include "dbd/select.hpp"
#include "dbd/translate.hpp"

namespace flurm::dbd {

namespace {

/// Bits of JobCond::flags.
constexpr std::uint32_t kDuplicates = 1, kNoSteps = 2, kNoTruncation = 4, kRunaway = 8, kNoWholeHetJob = 32,
                        kNoDefaultPeriod = 128, kScript = 256, kEnvironment = 512;
constexpr std::uint32_t kStartReceived = 16;  // db_flags

/// All that decides about one job, prepared once.
struct Sieve {
  const wire::JobCond& cond;
  const acct::Books& books;
  std::vector<std::uint32_t> states;
  std::optional<std::set<std::string>> nodes;
  TimeS now;

  bool selected(const acct::Job& job) const;
  bool in_state(const acct::Job& job) const;
  bool in_period(const acct::Job& job) const;
  bool passes(const acct::Job& job) const;
};

/// Named by one of the steps asked for, if any are.
bool Sieve::selected(const acct::Job& job) const {
  if (cond.step_list.empty()) return true;
  return std::ranges::any_of(cond.step_list, [&](const wire::SelectedStep& step) {
    const std::uint32_t id = step.step_id.job_id.v;
    if (step.array_task_id != kNoVal32) return job.array_job_id == id && job.array_task_id == step.array_task_id;
    if (step.het_job_offset != kNoVal32) return job.het_job_id == id && job.het_job_offset == step.het_job_offset;
    if (job.job_id == id || job.array_job_id == id) return true;
    return job.het_job_id == id && !(cond.flags & kNoWholeHetJob);
  });
}

/// A state is asked for together with a period: which jobs were in it then.
bool Sieve::in_state(const acct::Job& job) const {
  const std::int64_t from = cond.usage_start.v, to = cond.usage_end.v;
  return std::ranges::any_of(states, [&](std::uint32_t state) {
    if (!from && !to) return job.state == state;
    switch (state) {
      case acct::job_pending:
        if (!job.eligible || job.eligible.v >= to) return false;
        if (job.start) return from < job.start.v;
        if (job.end) return from < job.end.v;
        return job.state == acct::job_pending;
      case acct::job_running:
        return job.start && (from < job.end.v || (!job.end && job.state == acct::job_running)) && to > job.start.v;
      case acct::job_suspended:
        return job.state == acct::job_suspended || job.suspended > 0;
      default:
        return job.state == state && job.end && job.end.v >= from && job.end.v <= to;
    }
  });
}

bool Sieve::in_period(const acct::Job& job) const {
  if (!states.empty()) return in_state(job);
  const std::int64_t from = cond.usage_start.v, to = cond.usage_end.v;
  const bool ended_before = job.end && job.end.v < from;
  // Jobs asked for by number are of interest before they could start, too.
  if (!cond.step_list.empty()) return (cond.flags & kNoDefaultPeriod) || (job.submit.v < to && !ended_before);
  if (from) return (!to || (job.eligible && job.eligible.v < to)) && !ended_before;
  return !to || (job.eligible && job.eligible.v < to);
}

bool within(std::uint64_t value, std::uint32_t low, std::uint32_t high) {
  if (!low || low == kNoVal32) return true;
  return high && high != kNoVal32 ? value >= low && value <= high : value == low;
}

bool Sieve::passes(const acct::Job& job) const {
  if (!selected(job) || !in_period(job)) return false;
  if (!wanted(cond.jobname_list, job.name) || !wanted(cond.partition_list, job.partition) ||
      !wanted(cond.qos_list, job.qos_id) || !wanted(cond.wckey_list, job.wckey) ||
      !wanted(cond.reason_list, job.state_reason_prev) || !wanted(cond.constraint_list, job.constraints) ||
      !wanted(cond.groupid_list, job.gid) || !wanted(cond.resvid_list, job.resv_id) ||
      !wanted(cond.acct_list, job.account) || !wanted(cond.associd_list, job.assoc_id) ||
      !wanted(cond.userid_list, job.uid))
    return false;
  const acct::TresCounts alloc = acct::parse_tres(job.tres_alloc), wish = acct::parse_tres(job.tres_req);
  const auto count = [&](std::uint32_t id) {
    if (auto at = alloc.find(id); at != alloc.end()) return at->second;
    if (auto at = wish.find(id); at != wish.end()) return at->second;
    return std::uint64_t{0};
  };
  if (!within(count(acct::tres_cpu), cond.cpus_min, cond.cpus_max)) return false;
  if (!within(count(acct::tres_node), cond.nodes_min, cond.nodes_max)) return false;
  if (!within(job.timelimit, cond.timelimit_min, cond.timelimit_max)) return false;
  if (cond.db_flags != kNoVal32 && cond.db_flags != 1 && !(job.flags & cond.db_flags)) return false;
  if (nodes) {
    const auto own = HostSet::parse(job.nodes);
    if (!own || std::ranges::none_of(own->names(), [&](const std::string& node) { return nodes->contains(node); }))
      return false;
  }
  return true;
}

/// Only what lies between is told of; no `from`: all of it.
struct Cut {
  TimeS from, to;
};

void cut(wire::StepRec& rec, const Cut& period) {
  if (!period.from) return;
  if (rec.start && rec.start < period.from) rec.start = period.from;
  if (!rec.start) rec.start = rec.end;
  if (!rec.end || rec.end > period.to) rec.end = period.to;
  if (rec.start > rec.end) rec.start = rec.end = {};
}

wire::StepRec to_wire(const acct::Step& step, std::uint32_t job_id, TimeS job_end, std::uint32_t job_state,
                      const Cut& period, TimeS now) {
  wire::StepRec rec;
  rec.container = step.container;
  rec.end = step.end;
  rec.start = step.start;
  rec.state = static_cast<std::uint16_t>(step.state);
  if (!rec.end && job_end) {
    rec.end = job_end;
    rec.state = static_cast<std::uint16_t>(job_state);
  }
  cut(rec, period);
  std::int64_t suspended = step.suspended;
  if (step.state == acct::job_suspended) suspended = now.v - suspended;
  std::int64_t elapsed = !rec.start ? 0 : (rec.end ? rec.end.v : now.v) - rec.start.v - suspended;
  rec.elapsed = static_cast<std::uint32_t>(std::max<std::int64_t>(elapsed, 0));
  rec.suspended = static_cast<std::uint32_t>(std::max<std::int64_t>(suspended, 0));
  rec.exitcode = static_cast<std::uint32_t>(step.exit_code);
  rec.nnodes = step.node_count;
  rec.nodes = step.nodes;
  rec.ntasks = step.tasks;
  rec.req_cpufreq_min = step.cpufreq_min;
  rec.req_cpufreq_max = step.cpufreq_max;
  rec.req_cpufreq_gov = step.cpufreq_gov;
  rec.requid = step.kill_uid;
  rec.step_id.job_id.v = job_id;
  rec.step_id.step_id = step.step_id;
  rec.step_id.step_het_comp = step.het_comp;
  rec.stepname = step.name;
  rec.cwd = step.cwd;
  rec.std_in = step.std_in;
  rec.std_out = step.std_out;
  rec.std_err = step.std_err;
  rec.timelimit = step.timelimit;
  rec.submit_line = step.submit_line;
  rec.task_dist = step.task_dist;
  rec.tres_alloc_str = step.tres_alloc;
  rec.user_cpu_sec = step.user_sec;
  rec.user_cpu_usec = static_cast<std::uint32_t>(step.user_usec);
  rec.sys_cpu_sec = step.sys_sec;
  rec.sys_cpu_usec = static_cast<std::uint32_t>(step.sys_usec);
  rec.tot_cpu_sec = step.user_sec + step.sys_sec;
  rec.tot_cpu_usec = static_cast<std::uint32_t>(step.user_usec + step.sys_usec);
  wire::StepStats& stats = rec.stats;
  stats.act_cpufreq = static_cast<double>(step.act_cpufreq);
  stats.consumed_energy = step.consumed_energy;
  stats.tres_usage_in_ave = step.in_ave;
  stats.tres_usage_in_max = step.in_max;
  stats.tres_usage_in_max_nodeid = step.in_max_node;
  stats.tres_usage_in_max_taskid = step.in_max_task;
  stats.tres_usage_in_min = step.in_min;
  stats.tres_usage_in_min_nodeid = step.in_min_node;
  stats.tres_usage_in_min_taskid = step.in_min_task;
  stats.tres_usage_in_tot = step.in_tot;
  stats.tres_usage_out_ave = step.out_ave;
  stats.tres_usage_out_max = step.out_max;
  stats.tres_usage_out_max_nodeid = step.out_max_node;
  stats.tres_usage_out_max_taskid = step.out_max_task;
  stats.tres_usage_out_min = step.out_min;
  stats.tres_usage_out_min_nodeid = step.out_min_node;
  stats.tres_usage_out_min_taskid = step.out_min_task;
  stats.tres_usage_out_tot = step.out_tot;
  return rec;
}

/// A job as it is told. Times outside of the period asked for are cut off unless the client says otherwise.
class Telling {
 public:
  /// Of these jobs.
  Telling(const Sieve& sieve, store::Reader& reader, const std::vector<acct::Job>& jobs);
  wire::JobRec tell(const acct::Job& job);

 private:
  TimeS last_moment() const { return !cond_.usage_end || cond_.usage_end > sieve_.now ? sieve_.now : cond_.usage_end; }
  void times(wire::JobRec& rec, const acct::Job& job);
  void steps(wire::JobRec& rec, const acct::Job& job);
  std::uint32_t place(const acct::Assoc& assoc);
  std::string reservation(const acct::Job& job);

  const Sieve& sieve_;
  const wire::JobCond& cond_;
  store::Reader& reader_;
  std::map<std::uint64_t, std::vector<acct::Step>> steps_;                // by db_index
  std::map<std::string, std::map<std::uint32_t, std::uint32_t>> places_;  // by cluster, once it was asked for
  std::map<std::string, std::vector<acct::Reservation>> reservations_;    // likewise
};

Telling::Telling(const Sieve& sieve, store::Reader& reader, const std::vector<acct::Job>& jobs)
    : sieve_(sieve), cond_(sieve.cond), reader_(reader) {
  if (cond_.flags & (kNoSteps | kRunaway)) return;
  std::vector<std::uint64_t> db_indices;
  for (const acct::Job& job : jobs) db_indices.push_back(job.db_index);
  for (acct::Step& step : reader.steps_of(db_indices)) steps_[step.db_index].push_back(std::move(step));
}

/// The name of the one that had this number when the job began; a number has several records when it was changed.
std::string Telling::reservation(const acct::Job& job) {
  if (job.resv_id == 0) return {};
  const auto [at, fresh] = reservations_.try_emplace(job.cluster);
  if (fresh) at->second = reader_.reservations({job.cluster});
  const TimeS moment = job.start ? job.start : job.submit;
  std::string name;
  for (const acct::Reservation& each : at->second)
    if (each.id == job.resv_id && (name.empty() || each.start <= moment)) name = each.name;
  return name;
}

/// Its left number in the cluster's tree, by which clients before 23.11 tell what lies below an account.
std::uint32_t Telling::place(const acct::Assoc& assoc) {
  const auto [at, fresh] = places_.try_emplace(assoc.cluster);
  if (fresh)
    for (const acct::Books::Placed& each : sieve_.books.tree(assoc.cluster)) at->second[each.assoc->id] = each.left;
  return at->second[assoc.id];
}

void Telling::times(wire::JobRec& rec, const acct::Job& job) {
  rec.eligible = job.eligible;
  rec.submit = job.submit;
  rec.start = job.start;
  rec.end = job.end;
  if (rec.end && rec.start > rec.end) rec.start = rec.end;
  std::int64_t elapsed = 0, suspended = 0;
  if (cond_.flags & kNoTruncation) {
    suspended = job.state == acct::job_suspended ? sieve_.now.v - job.suspended : job.suspended;
    if (rec.start) elapsed = (rec.end ? rec.end.v : sieve_.now.v) - rec.start.v - suspended;
  } else {
    const TimeS last = last_moment();
    if (rec.start && rec.start < cond_.usage_start) rec.start = cond_.usage_start;
    if (!rec.end || rec.end > last) rec.end = last;
    if (!rec.start) rec.start = rec.end;
    elapsed = rec.end.v - rec.start.v;
    if (job.suspended != 0 || job.state == acct::job_suspended)
      for (const acct::Suspension& each : reader_.suspensions(job.db_index)) {
        const std::int64_t from = std::max(each.start.v, rec.start.v);
        const std::int64_t to = each.end ? std::min(each.end.v, rec.end.v) : rec.end.v;
        if (to <= from) continue;
        elapsed -= to - from;
        suspended += to - from;
      }
  }
  rec.elapsed = static_cast<std::uint32_t>(std::max<std::int64_t>(elapsed, 0));
  rec.suspended = static_cast<std::uint32_t>(std::max<std::int64_t>(suspended, 0));
  // It ended and never began.
  if (!rec.start && rec.end && (job.flags & kStartReceived)) rec.start = {kNoVal32};
}

void Telling::steps(wire::JobRec& rec, const acct::Job& job) {
  std::set<std::uint32_t> only;
  for (const wire::SelectedStep& each : cond_.step_list) {
    const std::uint32_t id = each.step_id.job_id.v;
    if (id != job.job_id && id != job.array_job_id && id != job.het_job_id) continue;
    if (each.array_task_id != kNoVal32 && each.array_task_id != job.array_task_id) continue;
    if (each.het_job_offset != kNoVal32 && each.het_job_offset != job.het_job_offset) continue;
    if (each.step_id.step_id == kNoVal32) {
      rec.show_full = 1;
      break;
    }
    only.insert(each.step_id.step_id);
    rec.show_full = 0;
  }
  const Cut period = cond_.flags & kNoTruncation ? Cut{} : Cut{cond_.usage_start, last_moment()};
  for (const acct::Step& step : steps_[job.db_index]) {
    if (!only.empty() && !only.contains(step.step_id)) continue;
    if (cond_.usage_end && step.start > cond_.usage_end) continue;
    if (step.end && step.end < cond_.usage_start) continue;
    // The client adds up their times by itself: the job's own stay 0.
    rec.steps.push_back(to_wire(step, job.job_id, job.end, rec.state, period, sieve_.now));
  }
}

wire::JobRec Telling::tell(const acct::Job& job) {
  wire::JobRec rec;
  rec.account = job.account;
  rec.admin_comment = job.admin_comment;
  rec.alloc_nodes = job.alloc_nodes;
  rec.array_job_id = job.array_job_id;
  rec.array_max_tasks = job.array_max_tasks;
  rec.array_task_id = job.array_job_id ? job.array_task_id : kNoVal32;
  rec.array_task_str = job.array_task_str;
  rec.associd = job.assoc_id;
  rec.cluster = job.cluster;
  rec.constraints = job.constraints;
  rec.container = job.container;
  rec.db_index = job.db_index;
  rec.derived_ec = job.derived_ec;
  rec.derived_es = job.derived_es;
  rec.exitcode = static_cast<std::uint32_t>(job.exit_code);
  rec.extra = job.extra;
  rec.failed_node = job.failed_node;
  rec.flags = job.flags;
  rec.gid = job.gid;
  rec.jobid = job.job_id;
  rec.jobname = job.name;
  if (const acct::Assoc* assoc = sieve_.books.assocs().find(job.assoc_id)) {
    rec.user = assoc->user;
    if (rec.account.empty()) rec.account = assoc->account;
    rec.lft = place(*assoc);
    rec.lineage = lineage(sieve_.books, *assoc);
  }
  if (rec.user.empty()) rec.user = job.user;
  rec.licenses = job.licenses;
  rec.mcs_label = job.mcs_label;
  rec.nodes = job.nodes.empty() ? "None assigned" : job.nodes;
  rec.het_job_id = job.het_job_id;
  rec.het_job_offset = job.het_job_id ? job.het_job_offset : kNoVal32;
  rec.partition = job.partition;
  rec.priority = job.priority;
  rec.qosid = job.qos_id;
  rec.qos_req = job.qos_req;
  rec.req_cpus = job.req_cpus;
  rec.req_mem = job.req_mem;
  rec.requid = job.kill_uid;
  rec.restart_cnt = static_cast<std::uint16_t>(job.restart_count);
  rec.resvid = job.resv_id;
  rec.resv_name = reservation(job);
  rec.resv_req = job.resv_req;
  rec.segment_size = static_cast<std::uint16_t>(job.segment_size);
  rec.show_full = 1;
  rec.state = job.state;
  rec.state_reason_prev = job.state_reason_prev;
  rec.std_in = job.std_in;
  rec.std_out = job.std_out;
  rec.std_err = job.std_err;
  rec.submit_line = job.submit_line;
  rec.system_comment = job.system_comment;
  rec.timelimit = job.timelimit;
  rec.tres_alloc_str = job.tres_alloc;
  rec.tres_req_str = job.tres_req;
  rec.uid = job.uid;
  rec.wckey = job.wckey;
  rec.wckeyid = job.wckey_id;
  rec.work_dir = job.work_dir;
  if (cond_.flags & kScript && !job.script_hash.empty()) rec.script = reader_.text(1, job.script_hash).value_or("");
  if (cond_.flags & kEnvironment && !job.env_hash.empty()) rec.env = reader_.text(2, job.env_hash).value_or("");
  times(rec, job);
  steps(rec, job);
  return rec;
}

/// Of the runs of one job only the latest, unless all are asked for.
void drop_earlier_runs(std::vector<acct::Job>& jobs) {
  std::map<std::pair<std::string, std::uint32_t>, std::pair<std::int64_t, std::uint64_t>> latest;
  for (const acct::Job& job : jobs) {
    auto& last = latest[{job.cluster, job.job_id}];
    last = std::max(last, {job.submit.v, job.db_index});
  }
  std::erase_if(jobs, [&](const acct::Job& job) {
    if (job.state == acct::job_resizing_flag) return false;  // a part of the same run
    return latest[{job.cluster, job.job_id}] != std::pair{job.submit.v, job.db_index};
  });
}

}  // namespace

wire::JobList get_jobs(const Question& question, const wire::JobCond& cond) {
  Sieve sieve{cond, *question.books, numbers(cond.state_list), std::nullopt, question.now};
  if (!cond.used_nodes.empty())
    if (auto list = HostSet::parse(cond.used_nodes)) {
      const auto& names = list->names();
      sieve.nodes.emplace(names.begin(), names.end());
    }
  store::JobFilter filter;
  filter.clusters = cond.cluster_list;
  if (filter.clusters.empty())  // named, for the database's indexes
    for (const auto& [name, cluster] : question.books->clusters.rows()) filter.clusters.push_back(name);
  for (const wire::SelectedStep& each : cond.step_list) filter.job_ids.push_back(each.step_id.job_id.v);
  filter.uids = numbers(cond.userid_list);
  filter.assoc_ids = numbers(cond.associd_list);
  filter.accounts = cond.acct_list;
  if (cond.flags & kRunaway)
    filter.unfinished_only = true;
  else if (!(cond.flags & kNoDefaultPeriod)) {
    filter.period_start = cond.usage_start;
    filter.period_end = cond.usage_end;
  }
  wire::JobList answer;
  const auto read = question.store.read([&](store::Reader& reader) {
    std::vector<acct::Job> jobs = reader.jobs(filter);
    if (cond.flags & kRunaway) {
      std::erase_if(jobs, [](const acct::Job& job) { return job.state > acct::job_suspended; });
    } else {
      std::erase_if(jobs, [&](const acct::Job& job) { return !sieve.passes(job); });
      if (!(cond.flags & kDuplicates)) drop_earlier_runs(jobs);
    }
    // Scripts and environments are nobody else's, whatever the configuration says.
    if (question.hidden.jobs ||
        (cond.flags & (kScript | kEnvironment) && !is_operator(*question.books, question.actor))) {
      const std::set<std::uint32_t> own = own_assocs(*question.books, question.actor);
      std::erase_if(jobs,
                    [&](const acct::Job& job) { return job.uid != question.actor.uid && !own.contains(job.assoc_id); });
    }
    Telling telling(sieve, reader, jobs);
    answer.list.reserve(jobs.size());
    for (const acct::Job& job : jobs) answer.list.push_back(telling.tell(job));
  });
  if (!read) answer.return_code = static_cast<std::uint32_t>(read.error().code);
  return answer;
}

}  // namespace flurm::dbd
