// dbd/records.cpp — job and step records, as they come.
#include "dbd/records.hpp"

#include <sys/wait.h>

#include <algorithm>

#include "dbd/periods.hpp"
#include "dbd/translate.hpp"
#include "fmt/format.h"

namespace flurm::dbd {

namespace {

constexpr std::uint32_t kStartReceived = 16;                                     // db_flags
constexpr std::uint64_t kSendEnvironment = 1ull << 6, kSendScript = 1ull << 35;  // in the answer to a start
enum TextKind : int { script = 1, environment = 2 };

/// A job that ends or has a step before its start was heard of.
acct::Job placeholder(const Reporter& reporter, std::uint32_t job_id, std::uint32_t assoc_id, TimeS submit) {
  acct::Job job;
  job.cluster = reporter.cluster;
  job.job_id = job_id;
  job.assoc_id = assoc_id;
  job.submit = submit;
  job.name = "allocation";
  job.array_task_id = kNoVal32;
  return job;
}

/// The record that a report is about: by its number if the controller knows it, else by id and submit time.
std::optional<acct::Job> find_job(Reporter& reporter, std::uint64_t db_index, std::uint32_t job_id, TimeS submit) {
  if (db_index != 0 && db_index != kNoVal64) {
    auto job = reporter.writer.job(db_index);
    if (job && job->cluster == reporter.cluster && job->job_id == job_id) return job;
  }
  return reporter.writer.job(reporter.cluster, job_id, submit);
}

acct::Job job_for(Reporter& reporter, std::uint64_t db_index, std::uint32_t job_id, std::uint32_t assoc_id,
                  TimeS submit) {
  if (auto job = find_job(reporter, db_index, job_id, submit)) return *job;
  acct::Job job = placeholder(reporter, job_id, assoc_id, submit);
  reporter.writer.add(job);
  return job;
}

void keep_new(std::string& own, const std::string& now) {
  if (!now.empty()) own = now;
}

}  // namespace

void Reporter::touch(TimeS when) {
  // An hour is done a moment after its end at the earliest; who comes shortly before that is in doubt.
  constexpr std::int64_t kDoubtS = 60;
  if (when && when < begin_of(acct::Period::hour, now + kDoubtS)) writer.stale_from(cluster, when);
}

Charged charged(const acct::Books& books, const std::string& cluster, const wire::DbdJobStart& message) {
  Charged found{"", message.wckey};
  if (const acct::Assoc* assoc = books.assocs().find(message.assoc_id)) found.user = assoc->user;
  if (!found.wckey.empty()) return found;
  found.wckey = "*";
  for (const auto& [id, wckey] : books.wckeys.rows())
    if (wckey->is_default && !wckey->deleted && wckey->user == found.user && wckey->cluster == cluster)
      found.wckey += wckey->name;
  return found;
}

wire::DbdIdRc record_job_start(Reporter& reporter, const wire::DbdJobStart& m) {
  wire::DbdIdRc answer;
  answer.job_id = m.job_id;
  const bool resized = m.job_state & acct::job_resizing_flag;
  const bool known = m.db_index != 0 && m.db_index != kNoVal64;  // the controller has heard our number
  // A job that changed its size goes on in a record of its own, as if it had been submitted at that moment.
  const TimeS submit = resized ? m.eligible_time : m.submit_time;
  std::optional<acct::Job> old = resized && known ? std::nullopt : find_job(reporter, m.db_index, m.job_id, submit);
  if (resized && known)
    if (auto before = find_job(reporter, m.db_index, m.job_id, m.submit_time); before && !before->end) {
      before->end = submit;
      before->state = acct::job_resizing_flag;
      reporter.writer.put(*before);
    }
  acct::Job job = old.value_or(placeholder(reporter, m.job_id, m.assoc_id, submit));
  const bool ended = job.end && job.state >= acct::job_complete;
  keep_new(job.account, m.account);
  job.alloc_nodes = m.alloc_nodes;
  job.array_job_id = m.array_job_id;
  job.array_task_id = m.array_job_id ? m.array_task_id : kNoVal32;
  job.array_task_str = m.array_task_str;
  job.array_task_pending = m.array_task_str.empty() ? 0 : m.array_task_pending;
  if (!m.array_task_str.empty()) job.array_max_tasks = m.array_max_tasks;
  job.assoc_id = m.assoc_id;
  keep_new(job.constraints, m.constraints);
  keep_new(job.container, m.container);
  job.flags = m.db_flags | kStartReceived;
  job.eligible = m.eligible_time;
  keep_new(job.gres_used, m.gres_used);
  // What comes late must not open a job again.
  if (!ended) job.state = std::max(job.state, m.job_state & acct::job_base_mask);
  job.state_reason_prev = m.state_reason_prev;
  keep_new(job.licenses, m.licenses);
  keep_new(job.mcs_label, m.mcs_label);
  job.name = m.name.empty() ? "allocation" : m.name;
  job.nodes = m.nodes.empty() ? "None assigned" : m.nodes;
  keep_new(job.node_inx, m.node_inx);
  job.het_job_id = m.het_job_id;
  job.het_job_offset = m.het_job_id ? m.het_job_offset : kNoVal32;
  keep_new(job.partition, m.partition);
  job.qos_id = m.qos_id;
  keep_new(job.qos_req, m.qos_req);
  job.req_mem = m.req_mem;
  job.restart_count = m.restart_cnt;
  job.resv_id = m.resv_id;
  keep_new(job.resv_req, m.resv_req);
  job.segment_size = m.segment_size;
  job.start = resized ? submit : m.start_time;
  keep_new(job.std_in, m.std_in);
  keep_new(job.std_out, m.std_out);
  keep_new(job.std_err, m.std_err);
  keep_new(job.submit_line, m.submit_line);
  job.timelimit = m.timelimit;
  keep_new(job.tres_alloc, m.tres_alloc_str);
  keep_new(job.tres_req, m.tres_req_str);
  if (!known) {
    job.uid = m.uid;
    job.gid = m.gid;
    job.priority = m.priority;
    job.req_cpus = m.req_cpus;
    job.env_hash = m.env_hash;
    job.script_hash = m.script_hash;
  }
  keep_new(job.work_dir, m.work_dir);
  keep_new(job.wckey, m.wckey);
  Charged to = charged(reporter.books, reporter.cluster, m);
  if (reporter.track_wckey) {
    if (const acct::Wckey* wckey = reporter.books.find_wckey(reporter.cluster, to.user, to.wckey))
      job.wckey_id = wckey->id;
    job.wckey = std::move(to.wckey);
  }
  if (!to.user.empty()) job.user = std::move(to.user);
  job.modified = reporter.now;
  reporter.touch(job.start ? job.start : job.eligible);
  if (old)
    reporter.writer.put(job);
  else
    reporter.writer.add(job);
  if (!known) {
    if (!m.env_hash.empty() && !reporter.writer.text(environment, m.env_hash)) answer.flags |= kSendEnvironment;
    if (!m.script_hash.empty() && !reporter.writer.text(script, m.script_hash)) answer.flags |= kSendScript;
  }
  answer.db_index = job.db_index;
  return answer;
}

void record_job_complete(Reporter& reporter, const wire::DbdJobComplete& m) {
  if (!m.end_time && !m.start_time) return;  // it never was
  acct::Job job = job_for(reporter, m.db_index, m.job_id, m.assoc_id, m.submit_time);
  job.end = m.end_time ? m.end_time : m.start_time;
  if (m.job_state & acct::job_resizing_flag)
    job.state = acct::job_resizing_flag;
  else if (m.job_state & acct::job_requeue_flag)
    job.state = acct::job_requeue_flag;
  else if (m.job_state & acct::job_revoked_flag)
    job.state = acct::job_revoked_flag;
  else
    job.state = m.job_state & acct::job_base_mask;
  if (m.derived_ec != kNoVal32) job.derived_ec = m.derived_ec;
  keep_new(job.tres_alloc, m.tres_alloc_str);
  keep_new(job.derived_es, m.comment);
  keep_new(job.admin_comment, m.admin_comment);
  keep_new(job.system_comment, m.system_comment);
  keep_new(job.extra, m.extra);
  keep_new(job.failed_node, m.failed_node);
  // 1 was set by Slurm itself and is no signal.
  job.exit_code = m.exit_code == 1 ? 256 : static_cast<std::int32_t>(m.exit_code);
  job.kill_uid = m.req_uid;
  job.modified = reporter.now;
  reporter.touch(job.end);
  reporter.writer.put(job);
}

void record_job_suspend(Reporter& reporter, const wire::DbdJobSuspend& m) {
  acct::Job job = job_for(reporter, m.db_index, m.job_id, m.assoc_id, m.submit_time);
  const std::uint32_t state = m.job_state & acct::job_base_mask;
  if (job.state == state) return;  // told before
  // So it was with what followed: a controller that got no answer tells all of it again.
  const bool stops = state == acct::job_suspended;
  for (const acct::Suspension& each : reporter.writer.suspensions(job.db_index))
    if ((stops ? each.start : each.end) == m.suspend_time) return;
  const std::int64_t at = m.suspend_time.v;
  job.suspended = at - job.suspended;
  job.state = state;
  job.modified = reporter.now;
  reporter.touch(m.suspend_time);
  reporter.writer.put(job);
  if (stops) {
    reporter.writer.put(acct::Suspension{job.db_index, m.suspend_time, {}});
  } else {
    for (acct::Suspension& each : reporter.writer.suspensions(job.db_index)) {
      if (each.end) continue;
      each.end = m.suspend_time;
      reporter.writer.put(each);
    }
  }
  for (acct::Step& step : reporter.writer.steps(job.db_index)) {
    if (step.end) continue;
    step.suspended = at - step.suspended;
    step.state = state;
    reporter.writer.put(step);
  }
}

void record_job_heavy(Reporter& reporter, const wire::DbdJobHeavy& m) {
  if (!m.env_hash.empty() && !m.env.empty()) reporter.writer.add_text(environment, m.env_hash, m.env);
  if (!m.script_hash.empty() && !m.script.empty()) reporter.writer.add_text(script, m.script_hash, m.script);
}

void record_step_start(Reporter& reporter, const wire::DbdStepStart& m) {
  const acct::Job job = job_for(reporter, m.db_index, m.step_id.job_id.v, m.assoc_id, m.job_submit_time);
  acct::Step step =
      reporter.writer.step(job.db_index, m.step_id.step_id, m.step_id.step_het_comp).value_or(acct::Step{});
  const bool ended = static_cast<bool>(step.end);
  step.db_index = job.db_index;
  step.step_id = m.step_id.step_id;
  step.het_comp = m.step_id.step_het_comp;
  step.container = m.container;
  step.name = m.name;
  step.nodes = m.nodes;
  step.node_inx = m.node_inx;
  step.node_count = m.node_cnt;
  step.start = m.start_time;
  step.cpufreq_min = m.req_cpufreq_min;
  step.cpufreq_max = m.req_cpufreq_max;
  step.cpufreq_gov = m.req_cpufreq_gov;
  step.submit_line = m.submit_line;
  step.task_dist = m.task_dist;
  step.tasks = m.total_tasks;
  step.tres_alloc = m.tres_alloc_str;
  step.cwd = m.cwd;
  step.std_in = m.std_in;
  step.std_out = m.std_out;
  step.std_err = m.std_err;
  step.timelimit = m.time_limit;
  if (!ended) step.state = acct::job_running;
  reporter.writer.put(step);
}

namespace {

/// "id=amount,…" of what a step used; each amount divided by `parts`. What was never measured is left out.
std::string usage_text(const std::vector<std::uint32_t>& ids, const std::vector<std::uint64_t>& amounts,
                       std::uint64_t parts) {
  std::string text;
  for (std::size_t i = 0; i < ids.size() && i < amounts.size(); ++i) {
    if (amounts[i] == kInfinite64) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", ids[i], amounts[i] / parts);
  }
  return text;
}

std::uint32_t final_state(const wire::DbdStepComplete& m, std::uint32_t& kill_uid) {
  constexpr std::uint32_t kSigOom = 0xfd;  // 253: Slurm's number for a step that ran out of memory
  const std::uint32_t state = m.state & acct::job_base_mask;
  if (state >= acct::job_complete) return state;
  if (m.exit_code == kSigOom) return acct::job_oom;
  if (WIFSIGNALED(static_cast<int>(m.exit_code))) return acct::job_cancelled;
  if (m.exit_code != 0) return acct::job_failed;
  kill_uid = kInfinite32;
  return acct::job_complete;
}

}  // namespace

void record_step_complete(Reporter& reporter, const wire::DbdStepComplete& m) {
  acct::Job job = job_for(reporter, m.db_index, m.step_id.job_id.v, m.assoc_id, m.job_submit_time);
  auto found = reporter.writer.step(job.db_index, m.step_id.step_id, m.step_id.step_het_comp);
  if (found) {
    acct::Step& step = *found;
    step.end = m.end_time;
    step.kill_uid = m.req_uid;
    step.state = final_state(m, step.kill_uid);
    step.exit_code = static_cast<std::int32_t>(m.exit_code);
    if (m.jobacct) {
      const wire::JobAcctInfo& used = *m.jobacct;
      step.user_sec = used.user_cpu_sec;
      step.user_usec = used.user_cpu_usec;
      step.sys_sec = used.sys_cpu_sec;
      step.sys_usec = used.sys_cpu_usec;
      step.act_cpufreq = used.act_cpufreq;
      step.consumed_energy = used.consumed_energy;
      const auto text = [&](const std::vector<std::uint64_t>& amounts, std::uint64_t parts = 1) {
        return usage_text(used.tres_ids, amounts, parts);
      };
      if (m.total_tasks > 0) {
        step.in_ave = text(used.tres_usage_in_tot, m.total_tasks);
        step.out_ave = text(used.tres_usage_out_tot, m.total_tasks);
      }
      step.in_max = text(used.tres_usage_in_max);
      step.in_max_node = text(used.tres_usage_in_max_nodeid);
      step.in_max_task = text(used.tres_usage_in_max_taskid);
      step.in_min = text(used.tres_usage_in_min);
      step.in_min_node = text(used.tres_usage_in_min_nodeid);
      step.in_min_task = text(used.tres_usage_in_min_taskid);
      step.in_tot = text(used.tres_usage_in_tot);
      step.out_max = text(used.tres_usage_out_max);
      step.out_max_node = text(used.tres_usage_out_max_nodeid);
      step.out_max_task = text(used.tres_usage_out_max_taskid);
      step.out_min = text(used.tres_usage_out_min);
      step.out_min_node = text(used.tres_usage_out_min_nodeid);
      step.out_min_task = text(used.tres_usage_out_min_taskid);
      step.out_tot = text(used.tres_usage_out_tot);
    }
    reporter.writer.put(step);
  }
  if (m.job_tres_alloc_str.empty()) return;
  job.tres_alloc = m.job_tres_alloc_str;
  reporter.writer.put(job);
}

void fix_runaway(Reporter& reporter, const wire::JobList& message) {
  for (const wire::JobRec& each : message.list) {
    auto job = reporter.writer.job(each.db_index);
    if (!job || job->end) continue;
    // Nobody knows when it ended: the last moment that is certain.
    TimeS last = std::max({job->submit, job->eligible, job->start});
    for (acct::Step& step : reporter.writer.steps(job->db_index)) {
      last = std::max({last, step.start, step.end});
      if (step.end) continue;
      step.end = std::max(step.start, job->start);
      step.state = acct::job_complete;
      reporter.writer.put(step);
    }
    job->end = last;
    job->state = acct::job_complete;
    job->modified = reporter.now;
    reporter.touch(last);
    reporter.writer.put(*job);
  }
}

std::string modify_job(Reporter& reporter, acct::Job job, const wire::JobRec& wish) {
  if (wish.derived_ec != kNoVal32) job.derived_ec = wish.derived_ec;
  keep_new(job.derived_es, wish.derived_es);
  keep_new(job.admin_comment, wish.admin_comment);
  keep_new(job.system_comment, wish.system_comment);
  keep_new(job.extra, wish.extra);
  if (!wish.wckey.empty()) {
    job.wckey = wish.wckey;
    if (const acct::Wckey* wckey = reporter.books.find_wckey(job.cluster, job.user, wish.wckey))
      job.wckey_id = wckey->id;
    reporter.writer.stale_from(job.cluster, job.start ? job.start : job.eligible);
  }
  job.modified = reporter.now;
  reporter.writer.put(job);
  const std::time_t submitted = job.submit.v;
  std::tm parts{};
  localtime_r(&submitted, &parts);
  char when[32];
  std::strftime(when, sizeof when, "%FT%T", &parts);
  return fmt::format("{} submitted at {}", job.job_id, when);
}

}  // namespace flurm::dbd
