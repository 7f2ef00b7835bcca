// dbd/slurm_tables.cpp — rows of jobs, steps, events and what else happens, and how rows are read at all.
#include "dbd/slurm_tables.hpp"

#include <charconv>
#include <cstdlib>

#include "fmt/format.h"

namespace flurm::dbd {

std::string SlurmRow::text(std::string_view column) const {
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

std::uint32_t renumbered(const std::map<std::uint32_t, std::uint32_t>& numbers, std::uint32_t old) {
  const auto at = numbers.find(old);
  return at == numbers.end() ? old : at->second;
}

acct::Job job_of(const SlurmRow& row, const std::string& cluster, const SlurmBooks& all) {
  const Renumbered& numbers = all.clusters.at(cluster);
  acct::Job job;
  job.db_index = row.number("job_db_inx") + numbers.jobs;
  job.cluster = cluster;
  job.job_id = row.small("id_job");
  job.uid = row.small("id_user");
  job.gid = row.small("id_group");
  job.assoc_id = renumbered(numbers.assocs, row.small("id_assoc"));
  job.qos_id = row.small("id_qos");
  job.wckey_id = renumbered(numbers.wckeys, row.small("id_wckey"));
  job.resv_id = row.small("id_resv");
  job.account = row.text("account");
  if (const acct::Assoc* assoc = all.books.assocs().find(job.assoc_id)) job.user = assoc->user;
  job.partition = row.text("partition");
  job.wckey = row.text("wckey");
  job.name = row.text("job_name");
  job.work_dir = row.text("work_dir");
  job.submit_line = row.text("submit_line");
  job.container = row.text("container");
  job.mcs_label = row.text("mcs_label");
  job.constraints = row.text("constraints");
  job.gres_used = row.text("gres_used");
  job.array_job_id = row.small("id_array_job");
  job.array_task_id = row.small("id_array_task", kNoVal32);
  job.array_max_tasks = row.small("array_max_tasks");
  job.array_task_pending = row.small("array_task_pending");
  job.array_task_str = row.text("array_task_str");
  job.het_job_id = row.small("het_job_id");
  job.het_job_offset = row.small("het_job_offset", kNoVal32);
  job.state = row.small("state");
  job.state_reason_prev = row.small("state_reason_prev");
  job.flags = row.small("flags");
  job.priority = row.small("priority");
  job.timelimit = row.small("timelimit");
  job.req_cpus = row.small("cpus_req");
  job.alloc_nodes = row.small("nodes_alloc");
  job.req_mem = row.number("mem_req");
  job.nodes = row.text("nodelist");
  job.node_inx = row.text("node_inx");
  job.tres_alloc = row.text("tres_alloc");
  job.tres_req = row.text("tres_req");
  job.licenses = row.text("licenses");
  job.submit = row.time("time_submit");
  job.eligible = row.time("time_eligible");
  job.start = row.time("time_start");
  job.end = row.time("time_end");
  job.modified = row.time("mod_time");
  job.suspended = static_cast<std::int64_t>(row.number("time_suspended"));
  job.exit_code = static_cast<std::int32_t>(row.small("exit_code"));
  job.derived_ec = row.small("derived_ec");
  job.kill_uid = row.small("kill_requid", kInfinite32);
  job.derived_es = row.text("derived_es");
  job.admin_comment = row.text("admin_comment");
  job.system_comment = row.text("system_comment");
  job.extra = row.text("extra");
  job.failed_node = row.text("failed_node");
  job.std_in = row.text("std_in");
  job.std_out = row.text("std_out");
  job.std_err = row.text("std_err");
  job.qos_req = row.text("qos_req");
  job.resv_req = row.text("resv_req");
  job.restart_count = row.small("restart_cnt");
  job.segment_size = row.small("segment_size");
  return job;
}

acct::Step step_of(const SlurmRow& row, const Renumbered& numbers) {
  acct::Step step;
  step.db_index = row.number("job_db_inx") + numbers.jobs;
  step.step_id = row.small("id_step");
  step.het_comp = row.small("step_het_comp", kNoVal32);
  step.name = row.text("step_name");
  step.nodes = row.text("nodelist");
  step.node_inx = row.text("node_inx");
  step.submit_line = row.text("submit_line");
  step.container = row.text("container");
  step.tres_alloc = row.text("tres_alloc");
  step.state = row.small("state");
  step.node_count = row.small("nodes_alloc");
  step.tasks = row.small("task_cnt");
  step.task_dist = row.small("task_dist");
  step.cpufreq_min = row.small("req_cpufreq_min");
  step.cpufreq_max = row.small("req_cpufreq");
  step.cpufreq_gov = row.small("req_cpufreq_gov");
  step.start = row.time("time_start");
  step.end = row.time("time_end");
  step.suspended = static_cast<std::int64_t>(row.number("time_suspended"));
  step.exit_code = static_cast<std::int32_t>(row.small("exit_code"));
  step.kill_uid = row.small("kill_requid", kInfinite32);
  step.user_sec = row.number("user_sec");
  step.user_usec = row.number("user_usec");
  step.sys_sec = row.number("sys_sec");
  step.sys_usec = row.number("sys_usec");
  step.act_cpufreq = static_cast<std::uint64_t>(row.real("act_cpufreq", 0));
  step.consumed_energy = row.number("consumed_energy");
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
  for (const auto& each : kUsage) step.*each.member = row.text(each.column);
  step.cwd = row.text("cwd");
  step.std_in = row.text("std_in");
  step.std_out = row.text("std_out");
  step.std_err = row.text("std_err");
  step.timelimit = row.small("timelimit", kNoVal32);
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

acct::Transaction transaction_of(const SlurmRow& row) {
  return {.id = row.small("id"),
          .time = row.time("timestamp"),
          .action = static_cast<std::uint16_t>(row.number("action")),
          .actor = row.text("actor"),
          .where = row.text("name"),
          .info = row.text("info"),
          .cluster = row.text("cluster")};
}

}  // namespace flurm::dbd
