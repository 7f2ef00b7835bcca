// dbd/slurm_tables.cpp — rows of jobs, steps, events and what else happens, and how rows are read at all.
#include "dbd/slurm_tables.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "fmt/format.h"

namespace flurm::dbd {

std::string SlurmRow::text(std::string_view column) const {
  if (asked_) asked_->emplace(column);
  const auto at = places_.find(column);
  if (at == places_.end()) return {};
  const auto* text = std::get_if<std::string>(&row_[at->second]);
  return text ? *text : std::to_string(store::whole(row_[at->second]));
}

std::uint64_t SlurmRow::number(std::string_view column, std::uint64_t none) const {
  const std::string word = text(column);
  if (word.empty()) return none;
  if (word[0] == '-') return static_cast<std::uint64_t>(std::strtoll(word.c_str(), nullptr, 10));
  return std::strtoull(word.c_str(), nullptr, 10);
}

double SlurmRow::real(std::string_view column, double none) const {
  const std::string word = text(column);
  return word.empty() ? none : std::strtod(word.c_str(), nullptr);
}

void SlurmRow::read(std::string_view column, std::string& to) const {
  std::string word = text(column);
  if (places_.contains(column)) to = std::move(word);
}

SlurmTable::SlurmTable(store::Session& session, const std::string& name) : session_(session), name_(name) {
  if (name.find('`') != name.npos) throw store::DatabaseError("a cluster with '`' in its name: " + name);
  session_.for_each(
      "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? ORDER BY "
      "ordinal_position",
      {name}, [&](const store::Row& row) {
        const std::string column = std::get<std::string>(row[0]);
        // As text, so that NULL can be told from 0.
        columns_ += fmt::format("{}COALESCE(`{}`, '')", columns_.empty() ? "" : ", ", column);
        places_.emplace(column, places_.size());
      });
}

void SlurmTable::each(const std::string& which, const store::Row& values,
                      const std::function<void(const SlurmRow&)>& visit) const {
  if (places_.empty()) return;
  session_.for_each(fmt::format("SELECT {} FROM `{}` {}", columns_, name_, which), values,
                    [&](const store::Row& row) { visit(SlurmRow(places_, row)); });
}

std::int64_t SlurmTable::number(const std::string& what, const std::string& which, const store::Row& values) const {
  return places_.empty() ? 0 : session_.number(fmt::format("SELECT {} FROM `{}` {}", what, name_, which), values);
}

std::int64_t SlurmTable::last_given() const {
  const std::int64_t next = session_.number(
      "SELECT COALESCE(MAX(auto_increment), 0) FROM information_schema.tables WHERE table_schema = DATABASE() AND "
      "table_name = ?",
      {name_});
  return std::max<std::int64_t>(next - 1, 0);
}

std::uint32_t renumbered(const std::map<std::uint32_t, std::uint32_t>& numbers, std::uint32_t old) {
  const auto at = numbers.find(old);
  return at == numbers.end() ? old : at->second;
}

void read(const SlurmRow& row, acct::Job& job) {
  row.read("job_db_inx", job.db_index);
  row.read("id_assoc", job.assoc_id);
  row.read("id_wckey", job.wckey_id);
  row.read("id_job", job.job_id);
  row.read("id_user", job.uid);
  row.read("id_group", job.gid);
  row.read("id_qos", job.qos_id);
  row.read("id_resv", job.resv_id);
  row.read("account", job.account);
  row.read("partition", job.partition);
  row.read("wckey", job.wckey);
  row.read("job_name", job.name);
  row.read("work_dir", job.work_dir);
  row.read("submit_line", job.submit_line);
  row.read("container", job.container);
  row.read("mcs_label", job.mcs_label);
  row.read("constraints", job.constraints);
  row.read("gres_used", job.gres_used);
  row.read("id_array_job", job.array_job_id);
  row.read("id_array_task", job.array_task_id);
  row.read("array_max_tasks", job.array_max_tasks);
  row.read("array_task_pending", job.array_task_pending);
  row.read("array_task_str", job.array_task_str);
  row.read("het_job_id", job.het_job_id);
  row.read("het_job_offset", job.het_job_offset);
  row.read("state", job.state);
  row.read("state_reason_prev", job.state_reason_prev);
  row.read("flags", job.flags);
  row.read("priority", job.priority);
  row.read("timelimit", job.timelimit);
  row.read("cpus_req", job.req_cpus);
  row.read("nodes_alloc", job.alloc_nodes);
  row.read("mem_req", job.req_mem);
  row.read("nodelist", job.nodes);
  row.read("node_inx", job.node_inx);
  row.read("tres_alloc", job.tres_alloc);
  row.read("tres_req", job.tres_req);
  row.read("licenses", job.licenses);
  row.read("time_submit", job.submit);
  row.read("time_eligible", job.eligible);
  row.read("time_start", job.start);
  row.read("time_end", job.end);
  row.read("mod_time", job.modified);
  row.read("time_suspended", job.suspended);
  row.read("exit_code", job.exit_code);
  row.read("derived_ec", job.derived_ec);
  row.read("kill_requid", job.kill_uid);
  row.read("derived_es", job.derived_es);
  row.read("admin_comment", job.admin_comment);
  row.read("system_comment", job.system_comment);
  row.read("extra", job.extra);
  row.read("failed_node", job.failed_node);
  row.read("std_in", job.std_in);
  row.read("std_out", job.std_out);
  row.read("std_err", job.std_err);
  row.read("qos_req", job.qos_req);
  row.read("resv_req", job.resv_req);
  row.read("restart_cnt", job.restart_count);
  row.read("segment_size", job.segment_size);
}

acct::Job job_of(const SlurmRow& row, const std::string& cluster, const SlurmBooks& all) {
  const Renumbered& numbers = all.clusters.at(cluster);
  acct::Job job;
  job.cluster = cluster;
  read(row, job);
  job.db_index += numbers.jobs;
  job.assoc_id = renumbered(numbers.assocs, job.assoc_id);
  job.wckey_id = renumbered(numbers.wckeys, job.wckey_id);
  if (const acct::Assoc* assoc = all.books.assocs().find(job.assoc_id)) job.user = assoc->user;
  return job;
}

void read(const SlurmRow& row, acct::Step& step) {
  row.read("job_db_inx", step.db_index);
  row.read("id_step", step.step_id);
  row.read("step_het_comp", step.het_comp);
  row.read("step_name", step.name);
  row.read("nodelist", step.nodes);
  row.read("node_inx", step.node_inx);
  row.read("submit_line", step.submit_line);
  row.read("container", step.container);
  row.read("tres_alloc", step.tres_alloc);
  row.read("state", step.state);
  row.read("nodes_alloc", step.node_count);
  row.read("task_cnt", step.tasks);
  row.read("task_dist", step.task_dist);
  row.read("req_cpufreq_min", step.cpufreq_min);
  row.read("req_cpufreq", step.cpufreq_max);
  row.read("req_cpufreq_gov", step.cpufreq_gov);
  row.read("time_start", step.start);
  row.read("time_end", step.end);
  row.read("time_suspended", step.suspended);
  row.read("exit_code", step.exit_code);
  row.read("kill_requid", step.kill_uid);
  row.read("user_sec", step.user_sec);
  row.read("user_usec", step.user_usec);
  row.read("sys_sec", step.sys_sec);
  row.read("sys_usec", step.sys_usec);
  step.act_cpufreq = static_cast<std::uint64_t>(row.real("act_cpufreq", static_cast<double>(step.act_cpufreq)));
  row.read("consumed_energy", step.consumed_energy);
  const struct {
    const char* column;
    std::string acct::Step::*member;
  } kUsage[] = {{"tres_usage_in_ave", &acct::Step::in_ave},
                {"tres_usage_in_max", &acct::Step::in_max},
                {"tres_usage_in_max_nodeid", &acct::Step::in_max_node},
                {"tres_usage_in_max_taskid", &acct::Step::in_max_task},
                {"tres_usage_in_min", &acct::Step::in_min},
                {"tres_usage_in_min_nodeid", &acct::Step::in_min_node},
                {"tres_usage_in_min_taskid", &acct::Step::in_min_task},
                {"tres_usage_in_tot", &acct::Step::in_tot},
                {"tres_usage_out_ave", &acct::Step::out_ave},
                {"tres_usage_out_max", &acct::Step::out_max},
                {"tres_usage_out_max_nodeid", &acct::Step::out_max_node},
                {"tres_usage_out_max_taskid", &acct::Step::out_max_task},
                {"tres_usage_out_min", &acct::Step::out_min},
                {"tres_usage_out_min_nodeid", &acct::Step::out_min_node},
                {"tres_usage_out_min_taskid", &acct::Step::out_min_task},
                {"tres_usage_out_tot", &acct::Step::out_tot}};
  for (const auto& each : kUsage) row.read(each.column, step.*each.member);
  row.read("cwd", step.cwd);
  row.read("std_in", step.std_in);
  row.read("std_out", step.std_out);
  row.read("std_err", step.std_err);
  row.read("timelimit", step.timelimit);
}

acct::Step step_of(const SlurmRow& row, const Renumbered& numbers) {
  acct::Step step;
  read(row, step);
  step.db_index += numbers.jobs;
  return step;
}

acct::Event event_of(const SlurmRow& row, const std::string& cluster) {
  acct::Event event;
  event.cluster = cluster;
  event.node = row.text("node_name");
  event.start = row.time("time_start");
  event.end = row.time("time_end");
  event.state = row.small("state");
  event.reason_uid = row.small("reason_uid", kNoVal32);
  event.reason = row.text("reason");
  event.cluster_nodes = row.text("cluster_nodes");
  event.tres = row.text("tres");
  event.extra = row.text("extra");
  event.instance_id = row.text("instance_id");
  event.instance_type = row.text("instance_type");
  return event;
}

acct::Reservation reservation_of(const SlurmRow& row, const std::string& cluster, const Renumbered& numbers) {
  acct::Reservation reservation;
  reservation.cluster = cluster;
  reservation.name = row.text("resv_name");
  // "1,-5": an association that may not has a sign.
  const std::string assocs = row.text("assoclist");
  for (const char *at = assocs.data(), *end = at + assocs.size(); at < end;) {
    std::uint32_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error == std::errc()) {
      reservation.assocs += std::to_string(renumbered(numbers.assocs, number));
      at = next;
    } else {
      reservation.assocs += *at++;
    }
  }
  reservation.nodes = row.text("nodelist");
  reservation.node_inx = row.text("node_inx");
  reservation.tres = row.text("tres");
  reservation.comment = row.text("comment");
  reservation.id = row.small("id_resv");
  reservation.flags = row.number("flags");
  reservation.start = row.time("time_start");
  reservation.end = row.time("time_end");
  reservation.unused_wall = row.real("unused_wall", 0);
  reservation.deleted = row.flag("deleted");
  return reservation;
}

std::string text_key(const std::string& cluster, std::uint64_t number) {
  return number == 0 ? std::string() : fmt::format("{}#{}", cluster, number);
}

acct::Transaction transaction_of(const SlurmRow& row) {
  return {.id = row.small("id"),
          .time = row.time("timestamp"),
          .action = static_cast<std::uint16_t>(row.number("action")),
          .actor = row.text("actor"),
          .where = row.text("name"),
          .info = row.text("info"),
          .cluster = row.text("cluster")};
}

store::IdUsage id_usage_of(const SlurmRow& row, const std::map<std::uint32_t, std::uint32_t>& numbers) {
  return {renumbered(numbers, row.small("id")), row.small("id_tres"), row.time("time_start"), row.number("alloc_secs")};
}

store::ClusterUsage cluster_usage_of(const SlurmRow& row) {
  store::ClusterUsage usage;
  usage.tres = row.small("id_tres");
  usage.start = row.time("time_start");
  usage.use.count = row.number("count");
  usage.use.alloc = row.number("alloc_secs");
  usage.use.down = row.number("down_secs");
  usage.use.planned_down = row.number("pdown_secs");
  usage.use.idle = row.number("idle_secs");
  usage.use.planned = row.number("plan_secs", row.number("resv_secs"));  // as 21.08 calls it
  usage.use.over = row.number("over_secs");
  return usage;
}

}  // namespace flurm::dbd
