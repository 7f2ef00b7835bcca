// state/command.cpp — the stored form of the log's entries. Field order is the format: new fields go last, with
// since(<format>).
#include "state/command.hpp"

#include "acct/fields.hpp"
#include "codec/archive.hpp"
#include "codec/dump.hpp"
#include "state/format.hpp"

namespace flurm::state {
namespace {

/// optional<T> of any T, as a byte and the value.
template <class T>
void maybe(codec::Archive& ar, const char* name, std::optional<T>& value) {
  ar(name, codec::present_bool(value));
}

}  // namespace

void fields(codec::Archive& ar, Configure& c) {
  ar("settings", c.settings);
  ar("nodes", c.nodes);
  ar("partitions", c.partitions);
  ar("keep_updates", c.keep_updates);
}

void fields(codec::Archive& ar, SubmitJob& c) {
  ar("request", c.request);
  ar("payload", c.payload);
  ar("partitions", c.partitions);
  ar("time_limit", c.time_limit);
  ar("dependencies", c.dependencies);
  maybe(ar, "array", c.array);
  ar("operator_priority", c.operator_priority);
  if (ar.version() >= 5) maybe(ar, "cron", c.cron);
}

void fields(codec::Archive& ar, Schedule::Start& s) {
  ar("job", s.job);
  ar("task", s.task);
  ar("partition", s.partition);
  ar("shares", s.shares);
  ar("whole_node", s.whole_node);
  ar("preferred", s.preferred, codec::since(2));
  ar("reservation", s.reservation, codec::since(4));
  ar("backfilled", s.backfilled, codec::since(7));
}

void fields(codec::Archive& ar, Schedule::Wait& w) {
  ar("job", w.job);
  ar("reason", w.reason);
  ar("desc", w.desc);
  ar("expected_start", w.expected_start);
  ar("sched_nodes", w.sched_nodes);
}

void fields(codec::Archive& ar, Schedule& c) {
  ar("starts", c.starts);
  ar("waits", c.waits);
}

void fields(codec::Archive& ar, Target& t) {
  ar("job", t.job);
  ar("tasks", t.tasks);
  ar("whole_array", t.whole_array);
}

void fields(codec::Archive& ar, CancelJobs& c) {
  ar("targets", c.targets);
  ar("signal", c.signal);
  ar("flags", c.flags);
  ar("uid", c.uid);
}

void fields(codec::Archive& ar, UpdateJobs& c) {
  ar("targets", c.targets);
  ar("uid", c.uid);
  ar("by_operator", c.by_operator);
  maybe(ar, "priority", c.priority);
  maybe(ar, "hold_by_user", c.hold_by_user);
  maybe(ar, "nice", c.nice);
  maybe(ar, "time_limit", c.time_limit);
  maybe(ar, "time_min", c.time_min);
  ar("partitions", c.partitions);
  ar("name", c.name);
  ar("comment", c.comment);
  ar("admin_comment", c.admin_comment);
  ar("system_comment", c.system_comment);
  ar("extra", c.extra);
  ar("account", c.account);
  ar("qos", c.qos);
  ar("wckey", c.wckey);
  ar("features", c.features);
  ar("prefer", c.prefer);
  ar("req_nodes", c.req_nodes);
  ar("exc_nodes", c.exc_nodes);
  ar("licenses", c.licenses);
  ar("reservation", c.reservation);
  ar("std_out", c.std_out);
  ar("std_err", c.std_err);
  ar("std_in", c.std_in);
  ar("work_dir", c.work_dir);
  ar("mail_user", c.mail_user);
  ar("network", c.network);
  ar("burst_buffer", c.burst_buffer);
  ar("batch_features", c.batch_features);
  ar("cluster_features", c.cluster_features);
  ar("dependency_text", c.dependency_text);
  ar("dependencies", c.dependencies);
  maybe(ar, "begin_time", c.begin_time);
  maybe(ar, "deadline", c.deadline);
  maybe(ar, "end_time", c.end_time);
  maybe(ar, "min_nodes", c.min_nodes);
  maybe(ar, "max_nodes", c.max_nodes);
  maybe(ar, "num_tasks", c.num_tasks);
  maybe(ar, "min_cpus", c.min_cpus);
  maybe(ar, "max_cpus", c.max_cpus);
  maybe(ar, "min_tmp_disk", c.min_tmp_disk);
  maybe(ar, "delay_boot", c.delay_boot);
  maybe(ar, "array_throttle", c.array_throttle);
  maybe(ar, "pn_min_cpus", c.pn_min_cpus);
  maybe(ar, "cpus_per_task", c.cpus_per_task);
  maybe(ar, "requeue", c.requeue);
  maybe(ar, "contiguous", c.contiguous);
  maybe(ar, "shared", c.shared);
  maybe(ar, "core_spec", c.core_spec);
  maybe(ar, "ntasks_per_node", c.ntasks_per_node);
  maybe(ar, "sockets_per_node", c.sockets_per_node);
  maybe(ar, "cores_per_socket", c.cores_per_socket);
  maybe(ar, "threads_per_core", c.threads_per_core);
  maybe(ar, "mail_type", c.mail_type);
  maybe(ar, "pn_min_memory", c.pn_min_memory);
  ar("cpus_per_tres", c.cpus_per_tres, codec::since(5));
  ar("mem_per_tres", c.mem_per_tres, codec::since(5));
  ar("tres_per_job", c.tres_per_job, codec::since(5));
  ar("tres_per_node", c.tres_per_node, codec::since(5));
  ar("tres_per_socket", c.tres_per_socket, codec::since(5));
  ar("tres_per_task", c.tres_per_task, codec::since(5));
}

void fields(codec::Archive& ar, RequeueJobs& c) {
  ar("targets", c.targets);
  ar("uid", c.uid);
  ar("hold", c.hold);
  ar("special_exit", c.special_exit);
  ar("launch_failed", c.launch_failed, codec::since(2));
  ar("running_only", c.running_only, codec::since(4));
}

void fields(codec::Archive& ar, SuspendJobs& c) {
  ar("targets", c.targets);
  ar("uid", c.uid);
  ar("resume", c.resume);
}

void fields(codec::Archive& ar, TopJobs& c) {
  ar("jobs", c.jobs);
  ar("uid", c.uid);
  ar("by_operator", c.by_operator);
}

void fields(codec::Archive& ar, EndBatch& c) {
  ar("job", c.job);
  ar("restart_count", c.restart_count);
  ar("node", c.node);
  ar("wait_status", c.wait_status);
  ar("slurm_rc", c.slurm_rc);
  ar("usage", codec::present_bool(c.usage), codec::since(5));
}

void fields(codec::Archive& ar, NodeCleaned& c) {
  ar("job", c.job);
  ar("node", c.node);
  ar("epilog_rc", c.epilog_rc);
}

void fields(codec::Archive& ar, LaunchAnswered& c) {
  ar("job", c.job);
  ar("restart_count", c.restart_count);
  ar("effect", c.effect);
  ar("rc", c.rc);
}

void fields(codec::Archive& ar, RegisterNode::RunningStep& s) {
  ar("job", s.job);
  ar("slot", s.slot);
}

void fields(codec::Archive& ar, RegisterNode& c) {
  ar("name", c.name);
  ar("protocol_version", c.protocol_version);
  ar("version", c.version);
  ar("arch", c.arch);
  ar("os", c.os);
  ar("features_active", c.features_active);
  ar("cpus", c.cpus);
  ar("boards", c.boards);
  ar("sockets", c.sockets);
  ar("cores", c.cores);
  ar("threads", c.threads);
  ar("real_memory", c.real_memory);
  ar("tmp_disk", c.tmp_disk);
  ar("cpu_load", c.cpu_load);
  ar("free_memory", c.free_memory);
  ar("boot_time", c.boot_time);
  ar("daemon_start_time", c.daemon_start_time);
  ar("running_jobs", c.running_jobs);
  ar("config_overrides", c.config_overrides);
  ar("invalid_reason", c.invalid_reason);
  ar("gres", c.gres, codec::since(4));
  ar("running_steps", c.running_steps, codec::since(7));
}

void fields(codec::Archive& ar, NodesSeen::Load& l) {
  ar("node", l.node);
  ar("cpu_load", l.cpu_load);
  ar("free_memory", l.free_memory);
}

void fields(codec::Archive& ar, NodesSeen& c) {
  ar("answered", c.answered);
  ar("silent", c.silent);
  ar("down", c.down);
}

void fields(codec::Archive& ar, UpdateNodes& c) {
  ar("nodes", c.nodes);
  ar("uid", c.uid);
  maybe(ar, "state", c.state);
  ar("reason", c.reason);
  ar("comment", c.comment);
  ar("extra", c.extra);
  ar("features", c.features);
  ar("features_active", c.features_active);
  ar("gres", c.gres);
  ar("address", c.address);
  ar("hostname", c.hostname);
  maybe(ar, "weight", c.weight);
  maybe(ar, "cpu_bind", c.cpu_bind);
}

void fields(codec::Archive& ar, PutPartition& c) {
  ar("partition", c.partition);
  ar("create", c.create);
}

void fields(codec::Archive& ar, DeletePartition& c) { ar("name", c.name); }
void fields(codec::Archive& ar, EffectsDone& c) { ar("effects", c.effects); }
void fields(codec::Archive& ar, Tick& c) {
  ar("resv_over_run_s", c.resv_over_run_s, codec::since(4));
  ar("usage_reset_due", c.usage_reset_due, codec::since(5));
}
void fields(codec::Archive& ar, UseFormat& c) { ar("format", c.format); }

void fields(codec::Archive& ar, SetDrain& c) {
  ar("on", c.on);
  ar("reason", c.reason);
}

void fields(codec::Archive& ar, PutReservation& c) {
  ar("reservation", c.reservation);
  ar("replaces", c.replaces);
  ar("moved_only", c.moved_only);
  ar("next_occurrence", c.next_occurrence);
}

void fields(codec::Archive& ar, DeleteReservation& c) { ar("name", c.name); }
void fields(codec::Archive& ar, AddNodes& c) { ar("nodes", c.nodes); }
void fields(codec::Archive& ar, RemoveNode& c) { ar("name", c.name); }

void fields(codec::Archive& ar, AwaitStart& c) {
  ar("job", c.job);
  ar("or_never", c.or_never);
}

void fields(codec::Archive& ar, EndAllocation& c) {
  ar("job", c.job);
  ar("uid", c.uid);
  ar("wait_status", c.wait_status);
}

void fields(codec::Archive& ar, CreateStep& c) {
  ar("job", c.job);
  ar("restart_count", c.restart_count);
  ar("number", c.slot);
  ar("request", c.request);
  ar("placement", c.placement);
  ar("nodes", c.nodes);
  ar("protocol_version", c.protocol_version);
}

void fields(codec::Archive& ar, QueueStep& c) {
  ar("job", c.job);
  ar("restart_count", c.restart_count);
  ar("request", c.request);
}

void fields(codec::Archive& ar, EndStep& c) {
  ar("job", c.job);
  ar("step", c.step);
  ar("range_first", c.range_first);
  ar("range_last", c.range_last);
  ar("wait_status", c.wait_status);
  ar("usage", codec::present_bool(c.usage), codec::since(5));
}

void fields(codec::Archive& ar, SignalStep& c) {
  ar("job", c.job);
  ar("step", c.step);
  ar("signal", c.signal);
  ar("flags", c.flags);
  ar("uid", c.uid);
}

void fields(codec::Archive& ar, EndInactive& c) {
  ar("job", c.job);
  ar("restart_count", c.restart_count);
}

void fields(codec::Archive& ar, UpdateStep& c) {
  ar("job", c.job);
  ar("step", c.step);
  ar("time_limit", c.time_limit);
}

void fields(codec::Archive& ar, SubmitHetJob& c) { ar("components", c.components); }

void fields(codec::Archive& ar, ControllerScriptEnded& c) {
  ar("job", c.job);
  ar("restart_count", c.restart_count);
  ar("effect", c.effect);
  ar("epilog", c.epilog);
  ar("failed", c.failed);
}

void fields(codec::Archive& ar, SetTriggers& c) { ar("triggers", c.triggers); }

void fields(codec::Archive& ar, ClearTriggers& c) {
  ar("uid", c.uid);
  ar("id", c.id);
  ar("job", c.job);
  ar("user_id", c.user_id);
}

void fields(codec::Archive& ar, ForgetReports& c) { ar("up_to", c.up_to); }
void fields(codec::Archive& ar, ReportAll& c) { ar("nodes_only", c.nodes_only); }
void fields(codec::Archive& ar, NoteEvent& c) { ar("event", c.event); }

void fields(codec::Archive& ar, PutBooks& c) {
  ar("made_for", c.made_for);
  ar("whole", c.whole);
  ar("records", c.records);
  ar("assocs_gone", c.assocs_gone);
  ar("qos_gone", c.qos_gone);
  ar("wckeys_gone", c.wckeys_gone);
  ar("tres_gone", c.tres_gone);
  ar("users_gone", c.users_gone);
  ar("accounts_gone", c.accounts_gone);
  ar("assocs_unused", c.assocs_unused);
  ar("qos_unused", c.qos_unused);
  ar("resources_gone", c.resources_gone, codec::since(6));
}

void fields(codec::Archive& ar, RebootNodes& c) {
  ar("nodes", c.nodes);
  ar("asap", c.asap);
  ar("next_state", c.next_state);
  ar("reason", c.reason);
  ar("uid", c.uid);
}

void fields(codec::Archive& ar, UpdateCrontab& c) {
  ar("uid", c.uid);
  ar("text", c.text);
  ar("jobs", c.jobs);
}

void fields(codec::Archive& ar, SetDampening& c) { ar("factor", c.factor); }

void fields(codec::Archive& ar, SetCronStarts::Start& s) {
  ar("job", s.job);
  ar("at", s.at);
}
void fields(codec::Archive& ar, SetCronStarts& c) { ar("starts", c.starts); }

void fields(codec::Archive& ar, PreemptJobs::Pair& p) {
  ar("job", p.job);
  ar("preemptor", p.preemptor);
  ar("partition", p.partition);
}
void fields(codec::Archive& ar, PreemptJobs& c) { ar("pairs", c.pairs); }

namespace {

// The numbers of the stored form are the positions in Command, counted from 1: append, never insert.
template <std::size_t... I>
void code_alternative(codec::Archive& ar, Command& command, std::size_t wanted, std::index_sequence<I...>) {
  const auto one = [&]<std::size_t N>() {
    if (N != wanted) return;
    if (ar.fills()) command.emplace<N>();
    ar("command", std::get<N>(command));
  };
  (one.template operator()<I>(), ...);
}

}  // namespace

void fields(codec::Archive& ar, RequestId& id);  // session.cpp

void fields(codec::Archive& ar, Entry& e) {
  ar("now", e.now);
  ar("id", e.id);
  auto number = static_cast<std::uint16_t>(e.command.index() + 1);
  ar("number", number);
  constexpr std::size_t kCount = std::variant_size_v<Command>;
  if (number == 0 || number > kCount) {
    ar.reject("a command of a later release");
    return;
  }
  code_alternative(ar, e.command, number - 1u, std::make_index_sequence<kCount>{});
}

std::string_view command_name(const Command& command) {
  constexpr std::string_view kNames[] = {"Configure",   "SubmitJob",    "Schedule",   "CancelJobs",   "UpdateJobs",
                                         "RequeueJobs", "SuspendJobs",  "EndBatch",   "NodeCleaned",  "LaunchAnswered",
                                         "RegisterNode", "NodesSeen",   "UpdateNodes", "PutPartition", "DeletePartition",
                                         "EffectsDone", "Tick",         "TopJobs",     "UseFormat",    "SetDrain",
                                         "PutReservation", "DeleteReservation", "AddNodes", "RemoveNode", "AwaitStart",
                                         "EndAllocation", "CreateStep", "QueueStep",   "EndStep",      "SignalStep",
                                         "UpdateStep",  "EndInactive",  "SubmitHetJob", "ControllerScriptEnded",
                                         "SetTriggers", "ClearTriggers", "NoteEvent",   "RebootNodes", "PutBooks",
                                         "ForgetReports", "ReportAll", "UpdateCrontab", "SetCronStarts",
                                         "PreemptJobs", "SetDampening"};
  static_assert(std::size(kNames) == std::variant_size_v<Command>);
  return kNames[command.index()];
}

bool changes_tres(const UpdateJobs& c) {
  return c.cpus_per_tres || c.mem_per_tres || c.tres_per_job || c.tres_per_node || c.tres_per_socket || c.tres_per_task;
}

std::string describe(const Entry& entry) { return codec::dump(entry, kFormat); }

std::uint16_t format_of(const Command& command) {
  if (const auto* use = std::get_if<UseFormat>(&command)) return use->format;
  static_assert(std::is_same_v<std::variant_alternative_t<20, Command>, PutReservation>);
  static_assert(std::is_same_v<std::variant_alternative_t<38, Command>, PutBooks>);
  static_assert(std::is_same_v<std::variant_alternative_t<43, Command>, PreemptJobs>);
  static_assert(std::is_same_v<std::variant_alternative_t<44, Command>, SetDampening>);
  if (command.index() >= 44) return 7;
  if (command.index() >= 43) return 6;
  if (command.index() >= 38) return 5;
  if (const auto* update = std::get_if<UpdateJobs>(&command); update && changes_tres(*update)) return 5;
  if (const auto* step = std::get_if<CreateStep>(&command); step && model::component_of_slot(step->slot) != kNoVal32)
    return 6;
  if (command.index() >= 20) return 4;
  if (const auto* submit = std::get_if<SubmitJob>(&command); submit && !submit->request.batch) return 4;
  return std::holds_alternative<SetDrain>(command) ? 3 : kOldestFormat;
}

std::string encode(const Entry& entry, std::uint16_t format) {
  FLURM_CHECK(format >= format_of(entry.command), "{} in format {}", command_name(entry.command), format);
  return pack_with_format(entry, format);
}

Result<Entry> decode(std::string_view bytes) { return unpack_with_format<Entry>(bytes, "log entry"); }

}  // namespace flurm::state
