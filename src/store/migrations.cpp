// store/migrations.cpp — the schema, version by version. What a release has created is never edited: what comes later
// is a new migration, which also works on the databases of those before.
#include "store/migrations.hpp"

#include "fmt/format.h"

namespace flurm::store {
namespace {

struct Migration {
  int version;
  std::vector<const char*> statements;
};

const std::vector<Migration>& migrations() {
  static const std::vector<Migration> kMigrations = {
      {1,
       {
           "CREATE TABLE meta (name VARCHAR(190) NOT NULL, value BIGINT NOT NULL, PRIMARY KEY (name))",
           "CREATE TABLE texts (hash VARCHAR(190) NOT NULL, kind BIGINT NOT NULL, text TEXT NOT NULL, PRIMARY KEY "
           "(kind, hash))",
           "CREATE TABLE clusters (name VARCHAR(190) NOT NULL, control_host TEXT NOT NULL, control_port BIGINT NOT "
           "NULL, last_port BIGINT NOT NULL, rpc_version BIGINT NOT NULL, dimensions BIGINT NOT NULL, classification "
           "BIGINT NOT NULL, flags BIGINT NOT NULL, plugin_id_select BIGINT NOT NULL, nodes TEXT NOT NULL, tres TEXT "
           "NOT NULL, deleted BIGINT NOT NULL, created BIGINT NOT NULL, modified BIGINT NOT NULL, PRIMARY KEY (name))",
           "CREATE TABLE accounts (name VARCHAR(190) NOT NULL, description TEXT NOT NULL, organization TEXT NOT NULL, "
           "coordinators TEXT NOT NULL, deleted BIGINT NOT NULL, created BIGINT NOT NULL, modified BIGINT NOT NULL, "
           "PRIMARY KEY (name))",
           "CREATE TABLE users (name VARCHAR(190) NOT NULL, admin_level BIGINT NOT NULL, deleted BIGINT NOT NULL, "
           "created BIGINT NOT NULL, modified BIGINT NOT NULL, PRIMARY KEY (name))",
           "CREATE TABLE assocs (id BIGINT NOT NULL, cluster VARCHAR(190) NOT NULL, account VARCHAR(190) NOT NULL, "
           "user_name VARCHAR(190) NOT NULL, part TEXT NOT NULL, parent_id BIGINT NOT NULL, tree_rank BIGINT NOT "
           "NULL, is_default BIGINT NOT NULL, shares BIGINT NOT NULL, grp_jobs BIGINT NOT NULL, grp_jobs_accrue "
           "BIGINT NOT NULL, grp_submit_jobs BIGINT NOT NULL, grp_wall BIGINT NOT NULL, grp_tres TEXT NOT NULL, "
           "grp_tres_mins TEXT NOT NULL, grp_tres_run_mins TEXT NOT NULL, max_jobs BIGINT NOT NULL, max_jobs_accrue "
           "BIGINT NOT NULL, min_prio_thresh BIGINT NOT NULL, max_submit_jobs BIGINT NOT NULL, max_wall_pj BIGINT NOT "
           "NULL, priority BIGINT NOT NULL, def_qos_id BIGINT NOT NULL, max_tres_pj TEXT NOT NULL, max_tres_pn TEXT "
           "NOT NULL, max_tres_mins_pj TEXT NOT NULL, max_tres_run_mins TEXT NOT NULL, qos TEXT NOT NULL, delta_qos "
           "TEXT NOT NULL, deleted BIGINT NOT NULL, created BIGINT NOT NULL, modified BIGINT NOT NULL, PRIMARY KEY "
           "(id))",
           "CREATE TABLE qos (id BIGINT NOT NULL, name VARCHAR(190) NOT NULL, description TEXT NOT NULL, flags BIGINT "
           "NOT NULL, grace_time BIGINT NOT NULL, grp_jobs BIGINT NOT NULL, grp_jobs_accrue BIGINT NOT NULL, "
           "grp_submit_jobs BIGINT NOT NULL, grp_wall BIGINT NOT NULL, grp_tres TEXT NOT NULL, grp_tres_mins TEXT NOT "
           "NULL, grp_tres_run_mins TEXT NOT NULL, max_tres_mins_pj TEXT NOT NULL, max_tres_run_mins_pa TEXT NOT "
           "NULL, max_tres_run_mins_pu TEXT NOT NULL, max_tres_pa TEXT NOT NULL, max_tres_pj TEXT NOT NULL, "
           "max_tres_pn TEXT NOT NULL, max_tres_pu TEXT NOT NULL, min_tres_pj TEXT NOT NULL, max_jobs_pa BIGINT NOT "
           "NULL, max_jobs_pu BIGINT NOT NULL, max_jobs_accrue_pa BIGINT NOT NULL, max_jobs_accrue_pu BIGINT NOT "
           "NULL, min_prio_thresh BIGINT NOT NULL, max_submit_jobs_pa BIGINT NOT NULL, max_submit_jobs_pu BIGINT NOT "
           "NULL, max_wall_pj BIGINT NOT NULL, preempt TEXT NOT NULL, preempt_mode BIGINT NOT NULL, "
           "preempt_exempt_time BIGINT NOT NULL, priority BIGINT NOT NULL, usage_factor DOUBLE PRECISION NOT NULL, "
           "usage_thres DOUBLE PRECISION NOT NULL, limit_factor DOUBLE PRECISION NOT NULL, deleted BIGINT NOT NULL, "
           "created BIGINT NOT NULL, modified BIGINT NOT NULL, PRIMARY KEY (id))",
           "CREATE TABLE tres (id BIGINT NOT NULL, kind TEXT NOT NULL, name VARCHAR(190) NOT NULL, PRIMARY KEY (id))",
           "CREATE TABLE wckeys (id BIGINT NOT NULL, cluster VARCHAR(190) NOT NULL, user_name VARCHAR(190) NOT NULL, "
           "name VARCHAR(190) NOT NULL, is_default BIGINT NOT NULL, deleted BIGINT NOT NULL, created BIGINT NOT NULL, "
           "modified BIGINT NOT NULL, PRIMARY KEY (id))",
           "CREATE TABLE transactions (id BIGINT NOT NULL, time BIGINT NOT NULL, action BIGINT NOT NULL, actor TEXT "
           "NOT NULL, place TEXT NOT NULL, info TEXT NOT NULL, cluster VARCHAR(190) NOT NULL, PRIMARY KEY (id))",
           "CREATE TABLE jobs (db_index BIGINT NOT NULL, cluster VARCHAR(190) NOT NULL, job_id BIGINT NOT NULL, uid "
           "BIGINT NOT NULL, gid BIGINT NOT NULL, assoc_id BIGINT NOT NULL, qos_id BIGINT NOT NULL, wckey_id BIGINT "
           "NOT NULL, resv_id BIGINT NOT NULL, account VARCHAR(190) NOT NULL, user_name VARCHAR(190) NOT NULL, part "
           "TEXT NOT NULL, wckey TEXT NOT NULL, name TEXT NOT NULL, work_dir TEXT NOT NULL, submit_line TEXT "
           "NOT NULL, container TEXT NOT NULL, mcs_label TEXT NOT NULL, constraints TEXT NOT NULL, gres_used TEXT NOT "
           "NULL, array_job_id BIGINT NOT NULL, array_task_id BIGINT NOT NULL, array_max_tasks BIGINT NOT NULL, "
           "array_task_pending BIGINT NOT NULL, array_task_str TEXT NOT NULL, het_job_id BIGINT NOT NULL, "
           "het_job_offset BIGINT NOT NULL, state BIGINT NOT NULL, state_reason_prev BIGINT NOT NULL, flags BIGINT "
           "NOT NULL, priority BIGINT NOT NULL, timelimit BIGINT NOT NULL, req_cpus BIGINT NOT NULL, alloc_nodes "
           "BIGINT NOT NULL, req_mem BIGINT NOT NULL, nodes TEXT NOT NULL, node_inx TEXT NOT NULL, tres_alloc TEXT "
           "NOT NULL, tres_req TEXT NOT NULL, licenses TEXT NOT NULL, time_submit BIGINT NOT NULL, time_eligible "
           "BIGINT NOT "
           "NULL, time_start BIGINT NOT NULL, time_end BIGINT NOT NULL, modified BIGINT NOT NULL, suspended BIGINT "
           "NOT NULL, exit_code BIGINT NOT NULL, derived_ec BIGINT NOT NULL, kill_uid BIGINT NOT NULL, derived_es "
           "TEXT NOT NULL, admin_comment TEXT NOT NULL, system_comment TEXT NOT NULL, extra TEXT NOT NULL, "
           "failed_node TEXT NOT NULL, script_hash TEXT NOT NULL, env_hash TEXT NOT NULL, std_in TEXT NOT NULL, "
           "std_out TEXT NOT NULL, std_err TEXT NOT NULL, qos_req TEXT NOT NULL, resv_req TEXT NOT NULL, "
           "restart_count BIGINT NOT NULL, segment_size BIGINT NOT NULL, PRIMARY KEY (db_index))",
           "CREATE TABLE steps (db_index BIGINT NOT NULL, step_id BIGINT NOT NULL, het_comp BIGINT NOT NULL, name "
           "VARCHAR(190) NOT NULL, nodes TEXT NOT NULL, node_inx TEXT NOT NULL, submit_line TEXT NOT NULL, container "
           "TEXT NOT NULL, tres_alloc TEXT NOT NULL, state BIGINT NOT NULL, node_count BIGINT NOT NULL, tasks BIGINT "
           "NOT NULL, task_dist BIGINT NOT NULL, cpufreq_min BIGINT NOT NULL, cpufreq_max BIGINT NOT NULL, "
           "cpufreq_gov BIGINT NOT NULL, time_start BIGINT NOT NULL, time_end BIGINT NOT NULL, suspended BIGINT NOT "
           "NULL, exit_code BIGINT NOT NULL, kill_uid BIGINT NOT NULL, user_sec BIGINT NOT NULL, user_usec BIGINT NOT "
           "NULL, sys_sec BIGINT NOT NULL, sys_usec BIGINT NOT NULL, act_cpufreq BIGINT NOT NULL, consumed_energy "
           "BIGINT NOT NULL, in_ave TEXT NOT NULL, in_max TEXT NOT NULL, in_max_node TEXT NOT NULL, in_max_task TEXT "
           "NOT NULL, in_min TEXT NOT NULL, in_min_node TEXT NOT NULL, in_min_task TEXT NOT NULL, in_tot TEXT NOT "
           "NULL, out_ave TEXT NOT NULL, out_max TEXT NOT NULL, out_max_node TEXT NOT NULL, out_max_task TEXT NOT "
           "NULL, out_min TEXT NOT NULL, out_min_node TEXT NOT NULL, out_min_task TEXT NOT NULL, out_tot TEXT NOT "
           "NULL, cwd TEXT NOT NULL, std_in TEXT NOT NULL, std_out TEXT NOT NULL, std_err TEXT NOT NULL, timelimit "
           "BIGINT NOT NULL, PRIMARY KEY (db_index, step_id, het_comp))",
           "CREATE TABLE suspensions (db_index BIGINT NOT NULL, time_start BIGINT NOT NULL, time_end BIGINT NOT NULL, "
           "PRIMARY KEY (db_index, time_start))",
           "CREATE TABLE events (cluster VARCHAR(190) NOT NULL, node VARCHAR(190) NOT NULL, time_start BIGINT NOT "
           "NULL, time_end BIGINT NOT NULL, state BIGINT NOT NULL, reason_uid BIGINT NOT NULL, reason TEXT NOT NULL, "
           "cluster_nodes TEXT NOT NULL, tres TEXT NOT NULL, extra TEXT NOT NULL, instance_id TEXT NOT NULL, "
           "instance_type TEXT NOT NULL, PRIMARY KEY (cluster, node, time_start))",
           "CREATE TABLE reservations (cluster VARCHAR(190) NOT NULL, name VARCHAR(190) NOT NULL, assocs TEXT NOT "
           "NULL, nodes TEXT NOT NULL, node_inx TEXT NOT NULL, tres TEXT NOT NULL, comment TEXT NOT NULL, id BIGINT "
           "NOT NULL, flags BIGINT NOT NULL, time_start BIGINT NOT NULL, time_end BIGINT NOT NULL, unused_wall DOUBLE "
           "PRECISION NOT NULL, deleted BIGINT NOT NULL, PRIMARY KEY (cluster, id, time_start))",
           "CREATE INDEX jobs_by_id ON jobs (cluster, job_id)",
           "CREATE INDEX jobs_by_array ON jobs (cluster, array_job_id)",
           "CREATE INDEX jobs_by_end ON jobs (cluster, time_end)",
           "CREATE INDEX jobs_by_user ON jobs (cluster, uid, time_end)",
           "CREATE INDEX jobs_by_assoc ON jobs (assoc_id, time_end)",
           "CREATE INDEX events_by_end ON events (cluster, time_end)",
       }},
      // Usage, rolled up. kind: 0 of associations, 1 of wckeys; period: 0 hours, 1 days, 2 months.
      {2,
       {
           "CREATE TABLE usage_of_ids (cluster VARCHAR(190) NOT NULL, kind BIGINT NOT NULL, period BIGINT NOT NULL, "
           "time_start BIGINT NOT NULL, id BIGINT NOT NULL, tres BIGINT NOT NULL, alloc BIGINT NOT NULL, PRIMARY KEY "
           "(cluster, kind, period, time_start, id, tres))",
           "CREATE TABLE usage_of_clusters (cluster VARCHAR(190) NOT NULL, period BIGINT NOT NULL, time_start BIGINT "
           "NOT NULL, tres BIGINT NOT NULL, amount BIGINT NOT NULL, alloc BIGINT NOT NULL, down BIGINT NOT NULL, "
           "planned_down BIGINT NOT NULL, idle BIGINT NOT NULL, over_asked BIGINT NOT NULL, planned BIGINT NOT NULL, "
           "PRIMARY KEY (cluster, period, time_start, tres))",
           "CREATE TABLE usage_of_reservations (cluster VARCHAR(190) NOT NULL, time_start BIGINT NOT NULL, id BIGINT "
           "NOT "
           "NULL, began BIGINT NOT NULL, unused_wall DOUBLE PRECISION NOT NULL, PRIMARY KEY (cluster, time_start, id, "
           "began))",
           "CREATE TABLE rollups (cluster VARCHAR(190) NOT NULL, hours_until BIGINT NOT NULL, days_until BIGINT NOT "
           "NULL, months_until BIGINT NOT NULL, stale_from BIGINT NOT NULL, busy_until BIGINT NOT NULL, PRIMARY KEY "
           "(cluster))",
       }},
      {3,
       {
           "CREATE TABLE resources (id BIGINT NOT NULL, name VARCHAR(190) NOT NULL, server VARCHAR(190) NOT NULL, "
           "description TEXT NOT NULL, manager TEXT NOT NULL, amount BIGINT NOT NULL, flags BIGINT NOT NULL, kind "
           "BIGINT NOT NULL, shares TEXT NOT NULL, deleted BIGINT NOT NULL, created BIGINT NOT NULL, modified BIGINT "
           "NOT NULL, PRIMARY KEY (id))",
           "CREATE TABLE federations (name VARCHAR(190) NOT NULL, flags BIGINT NOT NULL, deleted BIGINT NOT NULL, "
           "created BIGINT NOT NULL, modified BIGINT NOT NULL, PRIMARY KEY (name))",
           "ALTER TABLE clusters ADD COLUMN federation VARCHAR(190) NOT NULL DEFAULT ''",
           "ALTER TABLE clusters ADD COLUMN fed_id BIGINT NOT NULL DEFAULT 0",
           "ALTER TABLE clusters ADD COLUMN fed_state BIGINT NOT NULL DEFAULT 0",
           "ALTER TABLE clusters ADD COLUMN fed_features VARCHAR(1000) NOT NULL DEFAULT ''",
           "INSERT INTO meta (name, value) SELECT 'next_resource', 1 FROM meta WHERE name = 'revision'",
       }},
      // A day of long ago: what was submitted later is passed over without a look at the jobs themselves.
      {4,
       {
           "CREATE INDEX jobs_by_het ON jobs (cluster, het_job_id)",
           "CREATE INDEX jobs_in_time ON jobs (cluster, time_end, time_submit)",
           "CREATE INDEX jobs_of_user ON jobs (cluster, uid, time_end, time_submit)",
           "CREATE INDEX jobs_of_assoc ON jobs (assoc_id, time_end, time_submit)",
           "DROP INDEX jobs_by_end",
           "DROP INDEX jobs_by_user",
           "DROP INDEX jobs_by_assoc",
       }},
      // A day of long ago, without a look at the index of all that came later: store/spans.hpp.
      {5,
       {
           "ALTER TABLE jobs ADD COLUMN lasted BIGINT GENERATED ALWAYS AS (CASE WHEN time_end < 7200 + CASE WHEN "
           "time_eligible > 0 AND time_eligible < time_submit THEN time_eligible ELSE time_submit END THEN 0 WHEN "
           "time_end < 86400 + CASE WHEN time_eligible > 0 AND time_eligible < time_submit THEN time_eligible ELSE "
           "time_submit END THEN 1 WHEN time_end < 604800 + CASE WHEN time_eligible > 0 AND time_eligible < "
           "time_submit THEN time_eligible ELSE time_submit END THEN 2 WHEN time_end < 3024000 + CASE WHEN "
           "time_eligible > 0 AND time_eligible < time_submit THEN time_eligible ELSE time_submit END THEN 3 ELSE 4 "
           "END) STORED",
           "CREATE INDEX jobs_of_time ON jobs (cluster, lasted, time_end, time_submit)",
           "CREATE INDEX jobs_of_users_time ON jobs (cluster, uid, lasted, time_end, time_submit)",
           "CREATE INDEX jobs_of_assocs_time ON jobs (assoc_id, lasted, time_end, time_submit)",
           "DROP INDEX jobs_in_time",
           "DROP INDEX jobs_of_user",
           "DROP INDEX jobs_of_assoc",
       }},
  };
  return kMigrations;
}

/// Has no tables of ours.
bool is_empty(Session& session) {
  switch (session.kind()) {
    case Place::Kind::sqlite:
      return session.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'meta'").empty();
    case Place::Kind::mysql:
      return session
          .query(
              "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = "
              "'meta'")
          .empty();
    case Place::Kind::pgsql:
      return session
          .query(
              "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = "
              "'meta'")
          .empty();
  }
  return true;
}

/// The statement as this database wants it.
std::string adapted(std::string statement, Place::Kind kind) {
  if (kind == Place::Kind::mysql && statement.starts_with("DROP INDEX")) return statement + " ON jobs";
  // A table of its that is there gets no column that is stored; what an index holds is, all the same.
  constexpr std::string_view kStored = " STORED";
  if (kind == Place::Kind::sqlite && statement.ends_with(kStored))
    return statement.substr(0, statement.size() - kStored.size()) + " VIRTUAL";
  if (kind != Place::Kind::mysql || !statement.starts_with("CREATE TABLE")) return statement;
  // Its TEXT ends at 64 KiB, and its usual order takes "a" and "A" for one.
  constexpr std::string_view kText = " TEXT ", kLongText = " LONGTEXT ";
  for (std::size_t at = 0; (at = statement.find(kText, at)) != statement.npos; at += kLongText.size())
    statement.replace(at, kText.size(), kLongText);
  return statement + " ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
}

}  // namespace

void migrate(Session& session) {
  const bool fresh = is_empty(session);
  std::int64_t have = fresh ? 0 : session.number("SELECT value FROM meta WHERE name = 'schema'");
  const int newest = migrations().back().version;
  if (have > newest)
    throw DatabaseError(fmt::format("the database has schema {}; this program knows {} and older ones", have, newest));
  for (const Migration& each : migrations()) {
    if (each.version <= have) continue;
    session.begin();
    try {
      for (const char* statement : each.statements) session.execute(adapted(statement, session.kind()));
      if (have == 0)
        session.execute("INSERT INTO meta (name, value) VALUES ('schema', ?)", {std::int64_t{each.version}});
      else
        session.execute("UPDATE meta SET value = ? WHERE name = 'schema'", {std::int64_t{each.version}});
      session.commit();
    } catch (...) {
      session.rollback();
      throw;
    }
    have = each.version;
  }
}

}  // namespace flurm::store
