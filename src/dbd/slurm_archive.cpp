// dbd/slurm_archive.cpp — see the header.
#include "dbd/slurm_archive.hpp"

#include <algorithm>
#include <span>

#include "codec/unpack.hpp"
#include "fmt/format.h"
#include "wire/msg_type.hpp"
#include "wire/versions.hpp"

namespace flurm::dbd {

namespace {

constexpr std::uint16_t kOldest = wire::v20_11, kNewest = wire::v25_05;
constexpr std::size_t kRowsMax = 500;  // of one statement

/// `name` empty: says nothing here, as scripts of jobs, which 21.08 kept with each.
struct Column {
  const char* name;
  codec::Span span = {};
};

using codec::between;
using codec::since;
using codec::until;
using wire::v21_08, wire::v22_05, wire::v23_02, wire::v23_11, wire::v24_05, wire::v24_11, wire::v25_05;

constexpr Column kEvent[] = {
    {"cluster_nodes"},
    {"extra", since(v23_11)},
    {"instance_id", since(v23_11)},
    {"instance_type", since(v23_11)},
    {"node_name"},
    {"time_end"},
    {"time_start"},
    {"reason"},
    {"reason_uid"},
    {"state"},
    {"tres"},
};
constexpr Column kJob[] = {
    {"account"},
    {"admin_comment"},
    {"nodes_alloc"},
    {"id_assoc"},
    {"id_array_job"},
    {"array_max_tasks"},
    {"id_array_task"},
    {"array_task_pending"},
    {"array_task_str"},
    {"", between(v21_08, v22_05)},  // the script itself
    {"script_hash_inx", since(v22_05)},
    {"id_block"},
    {"constraints"},
    {"container", since(v22_05)},
    {"deleted"},
    {"derived_ec"},
    {"derived_es"},
    {"", between(v21_08, v22_05)},  // the environment
    {"env_hash_inx", since(v22_05)},
    {"exit_code"},
    {"extra", since(v23_02)},
    {"flags"},
    {"timelimit"},
    {"time_eligible"},
    {"time_end"},
    {"id_group"},
    {"gres_used"},
    {"job_db_inx"},
    {"id_job"},
    {"kill_requid"},
    {"licenses", since(v23_02)},
    {"mcs_label"},
    {"mod_time"},
    {"job_name"},
    {"nodelist"},
    {"node_inx"},
    {"het_job_id"},
    {"het_job_offset"},
    {"partition"},
    {"priority"},
    {"id_qos"},
    {"qos_req", since(v24_11)},
    {"cpus_req"},
    {"mem_req"},
    {"restart_cnt", since(v24_11)},
    {"id_resv"},
    {"resv_req", since(v25_05)},
    {"segment_size", since(v25_05)},
    {"time_start"},
    {"state"},
    {"state_reason_prev"},
    {"std_err", since(v24_05)},
    {"std_in", since(v24_05)},
    {"std_out", since(v24_05)},
    {"time_submit"},
    {"time_suspended"},
    {"submit_line", since(v22_05)},
    {"system_comment"},
    {"", until(v22_05)},  // track_steps
    {"tres_alloc"},
    {"tres_req"},
    {"id_user"},
    {"wckey"},
    {"id_wckey"},
    {"work_dir"},
};
constexpr Column kReservation[] = {
    {"assoclist"},   {"comment", since(v23_02)},
    {"deleted"},     {"flags"},
    {"id_resv"},     {"resv_name"},
    {"nodelist"},    {"node_inx"},
    {"time_end"},    {"", since(v25_05)},  // time_force
    {"time_start"},  {"tres"},
    {"unused_wall"},
};
constexpr Column kStep[] = {
    {"act_cpufreq"},
    {"deleted"},
    {"exit_code"},
    {"consumed_energy"},
    {"container", since(v22_05)},
    {"job_db_inx"},
    {"kill_requid"},
    {"step_name"},
    {"nodelist"},
    {"nodes_alloc"},
    {"node_inx"},
    {"time_end"},
    {"time_start"},
    {"time_suspended"},
    {"req_cpufreq_min"},
    {"req_cpufreq"},
    {"req_cpufreq_gov"},
    {"state"},
    {"id_step"},
    {"step_het_comp"},
    {"cwd", since(v25_05)},
    {"std_err", since(v25_05)},
    {"std_in", since(v25_05)},
    {"std_out", since(v25_05)},
    {"submit_line", since(v21_08)},
    {"sys_sec"},
    {"sys_usec"},
    {"task_cnt"},
    {"task_dist"},
    {"timelimit", since(v25_05)},
    {"tres_alloc"},
    {"tres_usage_in_ave"},
    {"tres_usage_in_max"},
    {"tres_usage_in_max_nodeid"},
    {"tres_usage_in_max_taskid"},
    {"tres_usage_in_min"},
    {"tres_usage_in_min_nodeid"},
    {"tres_usage_in_min_taskid"},
    {"tres_usage_in_tot"},
    {"tres_usage_out_ave"},
    {"tres_usage_out_max"},
    {"tres_usage_out_max_nodeid"},
    {"tres_usage_out_max_taskid"},
    {"tres_usage_out_min"},
    {"tres_usage_out_min_nodeid"},
    {"tres_usage_out_min_taskid"},
    {"tres_usage_out_tot"},
    {"user_sec"},
    {"user_usec"},
};
constexpr Column kSuspension[] = {{"id_assoc"}, {"job_db_inx"}, {"time_end"}, {"time_start"}};
constexpr Column kIdUsage[] = {
    {"id"},      {"", since(v24_11)},  // id_alt
    {"id_tres"}, {"time_start"},      {"alloc_secs"}, {"creation_time"}, {"mod_time"}, {"deleted"},
};
constexpr Column kClusterUsage[] = {
    {"id_tres"},   {"time_start"}, {"count"},     {"alloc_secs"},    {"down_secs"}, {"pdown_secs"},
    {"idle_secs"}, {"plan_secs"},  {"over_secs"}, {"creation_time"}, {"mod_time"},  {"deleted"},
};
constexpr Column kTransaction[] = {{"id"}, {"timestamp"}, {"action"}, {"name"}, {"actor"}, {"info"}, {"cluster"}};
constexpr Column kScript[] = {{"hash_inx"}, {"last_used"}, {"script_hash"}, {"batch_script"}};
constexpr Column kEnvironment[] = {{"hash_inx"}, {"last_used"}, {"env_hash"}, {"env_vars"}};

/// Numbers of messages that are none: only archives have them, since 23.02 (slurmdbd_defs.h, DBD_GOT_JOB_ENV,
/// …_SCRIPT).
constexpr wire::MsgType kGotEnvironments{1499}, kGotScripts{1500};

/// `table`: what follows "CLUSTER_", or for what all clusters share its name; {}: hour, day or month.
struct Kind {
  wire::MsgType type;
  std::string_view table;
  std::span<const Column> columns;
  bool of_period = false, shared = false;
};
const Kind kKinds[] = {
    {wire::MsgType::DBD_GOT_EVENTS, "event_table", kEvent},
    {wire::MsgType::DBD_GOT_JOBS, "job_table", kJob},
    {wire::MsgType::DBD_GOT_RESVS, "resv_table", kReservation},
    {wire::MsgType::DBD_STEP_START, "step_table", kStep},
    {wire::MsgType::DBD_JOB_SUSPEND, "suspend_table", kSuspension},
    {wire::MsgType::DBD_GOT_ASSOC_USAGE, "assoc_usage_{}_table", kIdUsage, true},
    {wire::MsgType::DBD_GOT_WCKEY_USAGE, "wckey_usage_{}_table", kIdUsage, true},
    {wire::MsgType::DBD_GOT_CLUSTER_USAGE, "usage_{}_table", kClusterUsage, true},
    {wire::MsgType::DBD_GOT_TXN, "txn_table", kTransaction, false, true},
    {kGotScripts, "job_script_table", kScript},
    {kGotEnvironments, "job_env_table", kEnvironment},
};
constexpr std::string_view kPeriods[] = {"hour", "day", "month"};

struct Header {
  std::uint16_t version = 0;
  TimeS written;
  wire::MsgType type{};
  std::string cluster;
  std::uint32_t records = 0;
};

void fields(codec::Archive& ar, Header& m) {
  ar("version", m.version);
  ar("written", m.written);
  ar("type", m.type);
  ar("cluster", m.cluster);
  ar("records", m.records);
}

}  // namespace

bool is_slurm_archive(std::string_view bytes) {
  // Protocol versions since 14.03 are multiples of 256.
  return bytes.size() > 1 && bytes[1] == '\0' && bytes[0] >= 0x1b && bytes[0] < 0x60;
}

Result<void> read_slurm_archive(std::string_view bytes, const std::function<Result<void>(const SqlStatement&)>& take) {
  codec::Unpacker in(bytes, 0);
  Header header;
  in.item(header);
  FLURM_TRY_VOID(in.status());
  if (header.version < kOldest || header.version > kNewest)
    return fail(Errc::einval, "an archive in version {:#x} of Slurm's protocol, which is not known here",
                header.version);
  const auto kind = std::ranges::find(kKinds, header.type, &Kind::type);
  if (kind == std::end(kKinds))
    return fail(Errc::einval, "an archive of what is not known here, type {}", std::to_underlying(header.type));
  std::uint16_t period = 0;
  if (kind->of_period) in("period", period);
  if (period >= std::size(kPeriods)) return fail(Errc::corrupt, "usage of period {}", period);
  SqlInsert insert{
      .table = (kind->shared ? "" : header.cluster + "_") + fmt::format(fmt::runtime(kind->table), kPeriods[period]),
      .columns = {},
      .rows = {},
      .replaces = true,
      .updated = {}};
  std::vector<bool> kept;
  for (const Column& column : kind->columns) {
    if (header.version < column.span.from || header.version >= column.span.until) continue;
    kept.push_back(*column.name != '\0');
    if (kept.back()) insert.columns.emplace_back(column.name);
  }
  insert.updated = insert.columns;
  const auto hand_over = [&]() -> Result<void> {
    if (insert.rows.empty()) return {};
    FLURM_TRY_VOID(take(insert));
    insert.rows.clear();
    return {};
  };
  for (std::uint32_t record = 0; record < header.records; ++record) {
    std::vector<std::string> row;
    row.reserve(insert.columns.size());
    for (const bool keep : kept) {
      std::string text;
      in("column", text);
      if (keep) row.push_back(std::move(text));
    }
    FLURM_TRY_VOID(in.status());
    insert.rows.push_back(std::move(row));
    if (insert.rows.size() == kRowsMax) FLURM_TRY_VOID(hand_over());
  }
  FLURM_TRY_VOID(in.finish());
  return hand_over();
}

}  // namespace flurm::dbd
