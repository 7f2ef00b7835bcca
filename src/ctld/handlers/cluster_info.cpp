// ctld/handlers/cluster_info.cpp — the cluster's statistics, configuration files, licenses, and the lists that are
// empty, for there are no such things (federation, burst buffers, front ends).
#include <algorithm>
#include <charconv>
#include <map>

#include "ctld/handlers/handlers.hpp"
#include "ctld/translate/build_info.hpp"
#include "ctld/translate/reservation.hpp"
#include "io/clock.hpp"
#include "wire/msg/burst_buffer.hpp"
#include "wire/msg/cluster.hpp"
#include "wire/msg/daemon_control.hpp"
#include "wire/msg/front_end.hpp"
#include "wire/msg/job_requests.hpp"
#include "wire/msg/licenses.hpp"
#include "wire/msg/priority.hpp"
#include "wire/msg/stats.hpp"
#include "wire/msg/topology.hpp"

namespace flurm::ctld {
namespace {

/// "a:2,b" as counts.
std::map<std::string, std::uint32_t> license_counts(std::string_view text) {
  std::map<std::string, std::uint32_t> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(",;"), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t mark = std::min(word.find_first_of(":*"), word.size());
    std::uint32_t count = 1;
    if (mark < word.size()) std::from_chars(word.data() + mark + 1, word.data() + word.size(), count);
    if (mark) out[std::string(word.substr(0, mark))] += count;
  }
  return out;
}

template <class Id, class Ids>
void pack_counts(const std::map<Id, rpc::Count>& counts, Ids& ids, std::vector<std::uint32_t>& numbers,
                 std::vector<std::uint64_t>& times) {
  std::vector<std::pair<Id, rpc::Count>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.count > b.second.count; });
  for (const auto& [id, count] : sorted) {
    ids.push_back(static_cast<typename Ids::value_type>(id));
    numbers.push_back(static_cast<std::uint32_t>(count.count));
    times.push_back(count.time_us);
  }
}

}  // namespace

Answer statistics_info(Controller& c, const Call& call) {
  const auto* request = call.as<wire::StatsRequest>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  constexpr std::uint16_t kReset = 0;
  if (request->command_id == kReset) {
    if (!c.is_operator(call.uid)) return rc_answer(call, Errc::access_denied);
    c.statistics.reset(io::now());
    c.reset_server_stats();
    return rc_answer(call, Errc::success);
  }
  const auto state = c.replica.snapshot();
  const Statistics& s = c.statistics;
  wire::StatsResponse r;
  r.req_time = io::now();
  r.req_time_start = s.since;
  r.agent_queue_size = static_cast<std::uint32_t>(state->effects.size());
  r.dbd_agent_queue_size = static_cast<std::uint32_t>(state->reports.size());
  r.jobs_submitted = s.jobs_submitted;
  r.jobs_started = s.jobs_started;
  r.jobs_completed = s.jobs_completed;
  r.jobs_canceled = s.jobs_canceled;
  r.jobs_failed = s.jobs_failed;
  state->pending.for_each([&](std::uint64_t, const auto& job) {
    r.jobs_pending += job->pending_count();
    return true;
  });
  state->active.for_each([&](std::uint64_t, const auto& job) {
    r.jobs_running += job->state.running();
    return true;
  });
  r.job_states_ts = state->now;
  r.schedule_cycle_max = s.pass_max_us;
  r.schedule_cycle_last = s.pass_last_us;
  r.schedule_cycle_sum = s.pass_sum_us;
  r.schedule_cycle_counter = s.passes;
  r.schedule_cycle_depth = static_cast<std::uint32_t>(s.pass_depth_sum);
  r.schedule_queue_len = s.pass_queue_length;
  r.bf_backfilled_jobs = r.bf_last_backfilled_jobs = s.backfilled;
  r.bf_backfilled_het_jobs = s.backfilled_het;
  r.bf_cycle_counter = s.backfill_passes;
  r.bf_cycle_sum = s.backfill_sum_us;
  r.bf_cycle_last = s.backfill_last_us;
  r.bf_cycle_max = s.backfill_max_us;
  r.bf_when_last_cycle = s.backfill_when;
  r.bf_last_depth = s.backfill_looked;
  r.bf_last_depth_try = s.backfill_tried;
  r.bf_queue_len = s.backfill_queue;
  r.bf_table_size = s.backfill_places;
  r.bf_depth_sum = s.backfill_looked_sum;
  r.bf_depth_try_sum = s.backfill_tried_sum;
  r.bf_queue_len_sum = s.backfill_queue_sum;
  r.bf_table_size_sum = s.backfill_places_sum;
  const rpc::Stats rpcs = c.server_stats();
  pack_counts(rpcs.by_type, r.rpc_type_id, r.rpc_type_cnt, r.rpc_type_time);
  pack_counts(rpcs.by_user, r.rpc_user_id, r.rpc_user_cnt, r.rpc_user_time);
  r.rpc_type_queued.resize(r.rpc_type_id.size());
  r.rpc_type_dropped.resize(r.rpc_type_id.size());
  r.rpc_type_cycle_last.resize(r.rpc_type_id.size());
  r.rpc_type_cycle_max.resize(r.rpc_type_id.size());
  return answer(call, wire::MsgType::RESPONSE_STATS_INFO, r);
}

Answer build_info_reply(Controller& c, const Call& call) {
  const auto* request = call.as<wire::LastUpdate>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  if (request->last_update && request->last_update - 1 >= state->config_changed)
    return rc_answer(call, Errc::no_change_in_data);
  BuildFacts facts = c.build_facts;
  facts.now = state->now;
  facts.next_job_id = state->next_job_id;
  return answer(call, wire::MsgType::RESPONSE_BUILD_INFO, build_info(*c.config, facts));
}

Answer config_files(Controller& c, const Call& call) {
  const auto* request = call.as<wire::ConfigRequest>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  if (!conf::Config::has_option(c.config->slurmctld_params, "enable_configless"))
    return rc_answer(call, Errc::configless_disabled);
  constexpr std::uint32_t kNode = 1;
  if (request->flags & kNode && !c.is_slurm_user(call.uid)) return rc_answer(call, Errc::user_id_missing);
  wire::ConfigResponse response;
  response.config_files.emplace();
  for (const auto& [name, text] : c.files)
    response.config_files->push_back({.exists = true, .execute = false, .file_name = name, .file_content = text});
  response.slurmd_spooldir = c.config->slurmd_spooldir;
  return answer(call, wire::MsgType::RESPONSE_CONFIG, response);
}

Answer license_info(Controller& c, const Call& call) {
  const auto state = c.replica.snapshot();
  wire::LicenseInfoMsg response;
  response.last_update = state->now;
  std::map<std::string, std::uint32_t> used;
  state->active.for_each([&](std::uint64_t, const auto& job) {
    if (job->state.running() || job->state.suspended())
      for (const auto& [name, count] : license_counts(job->request->licenses)) used[name] += count;
    return true;
  });
  for (const auto& [name, total] : license_counts(state->licenses())) {
    wire::LicenseInfo info;
    info.name = name;
    info.total = total;
    info.in_use = used[name];
    info.remote = name.find('@') != name.npos;
    info.reserved = reserved_licenses(*state, name, io::now());
    response.lic_array.push_back(std::move(info));
  }
  return answer(call, wire::MsgType::RESPONSE_LICENSE_INFO, response);
}

Answer federation_info(Controller&, const Call& call) {
  return answer(call, wire::MsgType::RESPONSE_FED_INFO, wire::FederationInfo{});
}

Answer burst_buffer_info(Controller&, const Call& call) {
  return answer(call, wire::MsgType::RESPONSE_BURST_BUFFER_INFO, wire::BurstBufferInfoMsg{});
}

Answer burst_buffer_status(Controller&, const Call& call) {
  return answer(call, wire::MsgType::RESPONSE_BURST_BUFFER_STATUS, wire::BurstBufferStatusResponse{});
}

Answer front_end_info(Controller& c, const Call& call) {
  return answer(call, wire::MsgType::RESPONSE_FRONT_END_INFO,
                wire::FrontEndInfo{.last_update = c.replica.snapshot()->now});
}

Answer update_front_end(Controller& c, const Call& call) {
  return rc_answer(call, c.is_administrator(call.uid) ? Errc::invalid_node_name : Errc::user_id_missing);
}

Answer topology_info(Controller& c, const Call& call) {
  wire::TopoInfoResponse response;
  const auto snapshot = c.replica.snapshot();
  for (const model::Switch& each : snapshot->settings.switches)
    response.topo_array.push_back({.level = each.level,
                                   .link_speed = each.link_speed,
                                   .name = each.name,
                                   .nodes = each.nodes,
                                   .switches = each.switches});
  return answer(call, wire::MsgType::RESPONSE_TOPO_INFO, response);
}

}  // namespace flurm::ctld
