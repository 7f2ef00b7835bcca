// exec/step_messages.cpp — see step_messages.hpp.
#include "exec/step_messages.hpp"

#include <algorithm>
#include <charconv>

#include "codec/unpack.hpp"
#include "fmt/format.h"

namespace flurm::exec {

using codec::since, codec::until;

namespace {

constexpr std::uint16_t kWithTasks = 2, kWithPlugins = 3, kWithFrequency = 4;

struct NamedStep {
  std::uint32_t id;
  std::string_view name;
};
/// The first field of a greeting is the version that the rest is in.
void greeting(codec::Archive& ar, std::uint16_t& protocol) {
  std::uint16_t version = ar.version();
  ar("protocol", version);
  if (ar.fills()) protocol = version;
}

constexpr NamedStep kNamedSteps[] = {
    {kBatchStep, "step_batch"}, {kExternStep, "step_extern"}, {kInteractiveStep, "step_interactive"}};

}  // namespace

void fields(codec::Archive& ar, Identity& m) {
  ar("uid", m.uid);
  ar("gid", m.gid);
  ar("gids", m.gids);
  ar("name", m.name);
}

void fields(codec::Archive& ar, StepKey& m) {
  ar("job_id", m.job_id);
  ar("step_id", m.step_id);
  ar("restart_count", m.restart_count);
  ar("het_component", m.het_component, since(kWithTasks));
}

void fields(codec::Archive& ar, TaskStream& m) {
  ar("kind", m.kind);
  ar("path", m.path);
}

void fields(codec::Archive& ar, DeviceNumber& m) {
  ar("is_block", m.is_block);
  ar("major", m.major);
  ar("minor", m.minor);
}

void fields(codec::Archive& ar, TaskLaunch& m) {
  ar("global_id", m.global_id);
  ar("argv", m.argv);
  ar("env", m.env);
  ar("in", m.in);
  ar("out", m.out);
  ar("err", m.err);
  ar("cpus", m.cpus);
  ar("cpu_bind_report", m.cpu_bind_report);
  ar("memory_nodes", m.memory_nodes, since(kWithPlugins));
  ar("memory_preferred", m.memory_preferred, since(kWithPlugins));
  ar("denied_devices", m.denied_devices, since(kWithPlugins));
}

void fields(codec::Archive& ar, StepClient& m) {
  ar("host", m.host);
  ar("io_port", m.io_port);
  ar("message_port", m.message_port);
  ar("version", m.version);
  ar("io_key", codec::secret(m.io_key));
}

void fields(codec::Archive& ar, StepTerminal& m) {
  ar("port", m.port);
  ar("rows", m.rows);
  ar("columns", m.columns);
}

void fields(codec::Archive& ar, StepX11& m) {
  ar("job_id", m.job_id);
  ar("client_host", m.client_host);
  ar("client_port", m.client_port);
  ar("version", m.version);
  ar("cookie", codec::secret(m.cookie));
  ar("target", m.target);
  ar("target_port", m.target_port);
  ar("directory", m.directory);
  ar("munge_socket", m.munge_socket);
}

void fields(codec::Archive& ar, X11Ready& m) {
  ar("display", m.display);
  ar("xauthority", m.xauthority);
  ar("error", m.error);
}

void fields(codec::Archive& ar, StepSpace& m) {
  ar("base", m.base);
  ar("make_base", m.make_base);
  ar("shared", m.shared);
  ar("directories", m.directories);
  ar("init_script", m.init_script);
  ar("init_env", m.init_env);
}

void fields(codec::Archive& ar, SpankOption& m) {
  ar("name", m.name);
  ar("plugin", m.plugin);
  ar("value", m.value);
}

void fields(codec::Archive& ar, StepSpank& m) {
  ar("plugstack", m.plugstack);
  ar("plugin_dir", m.plugin_dir);
  ar("options", m.options);
  ar("argv", m.argv);
  ar("task_count", m.task_count);
  ar("cpus_per_task", m.cpus_per_task);
  ar("array_job_id", m.array_job_id);
  ar("array_task_id", m.array_task_id);
  ar("cpus", m.cpus);
  ar("job_cores", m.job_cores);
  ar("step_cores", m.step_cores);
  ar("job_memory_mib", m.job_memory_mib);
  ar("step_memory_mib", m.step_memory_mib);
}

void fields(codec::Archive& ar, StepLaunch& m) {
  greeting(ar, m.protocol);
  ar("key", m.key);
  ar("user", m.user);
  ar("node_name", m.node_name);
  ar("directory", m.directory);
  ar("script", m.script);
  // The first version knew batch steps alone: one task, which runs the script.
  TaskLaunch batch;
  ar("arguments", batch.argv, until(kWithTasks));
  ar("env", m.env);
  ar("work_dir", m.work_dir);
  ar("stdin_path", batch.in.path, until(kWithTasks));
  ar("stdout_path", batch.out.path, until(kWithTasks));
  ar("stderr_path", batch.err.path, until(kWithTasks));
  ar("append", m.append);
  ar("umask", codec::present_u8(m.umask));
  ar("nice", codec::present_u8(m.nice));
  ar("rlimit_mask", m.rlimit_mask);
  ar("memory_mib", m.memory_mib);
  ar("admin_prolog", m.admin_prolog);
  ar("user_prolog", m.user_prolog);
  ar("admin_epilog", m.admin_epilog);
  ar("user_epilog", m.user_epilog);
  ar("tracker", m.tracker);
  ar("cgroup_root", m.cgroup_root);
  ar("cgroup_path", m.cgroup_path);
  ar("limit_memory", m.limit_memory);
  ar("kill_over_memory", m.kill_over_memory);
  ar("sample_interval_s", m.sample_interval_s);
  ar("log_file", m.log_file);
  ar("tasks", m.tasks, since(kWithTasks));
  ar("node_rank", m.node_rank, since(kWithTasks));
  ar("node_count", m.node_count, since(kWithTasks));
  ar("client", codec::present_u8(m.client), since(kWithTasks));
  ar("line_buffered", m.line_buffered, since(kWithTasks));
  ar("terminal", codec::present_u8(m.terminal), since(kWithTasks));
  ar("label_offset", m.label_offset, since(kWithTasks));
  ar("pmi", codec::present_u8(m.pmi), since(kWithTasks));
  ar("job_memory_mib", m.job_memory_mib, since(kWithTasks));
  ar("for_debugger", m.for_debugger, since(kWithTasks));
  ar("pmix", codec::present_u8(m.pmix), since(kWithTasks));
  ar("opening", m.opening, since(kWithTasks));
  ar("space", codec::present_u8(m.space), since(kWithPlugins));
  ar("spank", codec::present_u8(m.spank), since(kWithPlugins));
  ar("denied_devices", m.denied_devices, since(kWithPlugins));
  ar("x11", codec::present_u8(m.x11), since(kWithPlugins));
  ar("node_above", m.node_above, since(kWithPlugins));
  ar("profile_interval_s", m.profile_interval_s, since(kWithPlugins));
  if (ar.fills() && ar.version() < kWithTasks) {
    batch.argv.insert(batch.argv.begin(), fmt::format("{}/{}", m.directory, kScriptName));
    m.tasks = {std::move(batch)};
  }
}

void fields(codec::Archive& ar, StepNode& m) {
  ar("name", m.name);
  ar("tasks", m.tasks);
}

void fields(codec::Archive& ar, StepPmix& m) {
  ar("nodes", m.nodes);
  ar("text", m.text);
  ar("abort_port", m.abort_port);
}

void fields(codec::Archive& ar, StepParcel& m) {
  ar("from", m.from);
  ar("to", m.to);
  ar("number", m.number);
  ar("node", m.node);
  ar("data", codec::bytes(m.data));
}

void fields(codec::Archive& ar, StepParcelSent& m) {
  ar("to", m.to);
  ar("number", m.number);
}

void fields(codec::Archive& ar, PmixSetup& m) {
  ar("step", m.step);
  ar("node_rank", m.node_rank);
}

void fields(codec::Archive& ar, PmixTask& m) { ar("env", m.env); }

void fields(codec::Archive& ar, PmixReady& m) {
  ar("tasks", m.tasks);
  ar("error", m.error);
}

void fields(codec::Archive& ar, PmixAbort& m) {
  ar("task", m.task);
  ar("status", m.status);
  ar("text", m.text);
}

void fields(codec::Archive& ar, StepSignal& m) {
  ar("signal", m.signal);
  ar("scope", m.scope);
  ar("details", m.details);
  ar("grace_s", m.grace_s);
}

void fields(codec::Archive& ar, StepTerminate& m) {
  ar("why", m.why);
  ar("details", m.details);
  ar("grace_s", m.grace_s);
}

void fields(codec::Archive& ar, StepNotify& m) { ar("text", m.text); }

void fields(codec::Archive& ar, StepAttach& m) { ar("client", m.client); }

void fields(codec::Archive& ar, StepPmi& m) {
  ar("srun_port", m.srun_port);
  ar("node_id", m.node_id);
  ar("task_count", m.task_count);
  ar("job_text", m.job_text);
  ar("process_mapping", m.process_mapping);
  ar("reserved_ports", m.reserved_ports);
}

void fields(codec::Archive& ar, StepPmiData& m) { ar("data", codec::bytes(m.data)); }

void fields(codec::Archive& ar, StepTold& m) {
  ar("launch", m.launch);
  ar("exits", m.exits);
}

void fields(codec::Archive& ar, TaskState& m) {
  ar("global_id", m.global_id);
  ar("pid", m.pid);
  ar("exited", m.exited);
  ar("told", m.told);
  ar("wait_status", m.wait_status);
  ar("program", m.program);
  ar("usage", m.usage);
}

void fields(codec::Archive& ar, StepUsage& m) {
  ar("user_us", m.user_us);
  ar("system_us", m.system_us);
  ar("rss_max_bytes", m.rss_max_bytes);
  ar("virtual_max_bytes", m.virtual_max_bytes);
  ar("rss_total_bytes", m.rss_total_bytes);
  ar("virtual_total_bytes", m.virtual_total_bytes, since(kWithPlugins));
  ar("major_faults", m.major_faults, since(kWithPlugins));
  ar("read_bytes", m.read_bytes, since(kWithPlugins));
  ar("written_bytes", m.written_bytes, since(kWithPlugins));
  ar("cpu_frequency", m.cpu_frequency, since(kWithFrequency));
}

void fields(codec::Archive& ar, StepEnd& m) {
  ar("wait_status", m.wait_status);
  ar("slurm_rc", m.slurm_rc);
  ar("aborted", m.aborted);
  ar("ended_at", m.ended_at);
  ar("usage", m.usage);
}

void fields(codec::Archive& ar, StepState& m) {
  greeting(ar, m.protocol);
  ar("key", m.key);
  ar("uid", m.uid);
  ar("gid", m.gid);
  ar("supervisor_pid", m.supervisor_pid);
  ar("supervisor_start_ticks", m.supervisor_start_ticks);
  std::uint32_t task_pid = m.tasks.empty() ? 0 : m.tasks.front().pid;
  ar("task_pid", task_pid, until(kWithTasks));
  ar("started_at", m.started_at);
  ar("stage", m.stage);
  ar("suspended", m.suspended);
  ar("usage", m.usage);
  ar("pids", m.pids);
  ar("end", codec::present_u8(m.end));
  ar("tasks", m.tasks, since(kWithTasks));
  ar("node_rank", m.node_rank, since(kWithTasks));
  ar("node_count", m.node_count, since(kWithTasks));
  ar("clients", m.clients, since(kWithTasks));
  ar("launch_told", m.launch_told, since(kWithTasks));
  ar("kill_wanted", m.kill_wanted, since(kWithTasks));
  ar("x11_display", m.x11_display, since(kWithPlugins));
  ar("xauthority", m.xauthority, since(kWithPlugins));
  ar("node_above", m.node_above, since(kWithPlugins));
  ar("profile_interval_s", m.profile_interval_s, since(kWithPlugins));
}

void fields(codec::Archive& ar, StepReply& m) {
  ar("rc", m.rc);
  ar("state", codec::present_u8(m.state));
}

std::uint16_t greeting_protocol(std::string_view body) {
  if (body.size() < 2) return kStepProtocol;
  const auto version =
      static_cast<std::uint16_t>(static_cast<unsigned char>(body[0]) << 8 | static_cast<unsigned char>(body[1]));
  return version >= kStepProtocolOldest && version <= kStepProtocol ? version : kStepProtocol;
}

Result<StepLaunch> unpack_launch(std::string_view body) {
  return codec::unpack<StepLaunch>(body, greeting_protocol(body));
}

Result<StepState> unpack_state(std::string_view body) {
  return codec::unpack<StepState>(body, greeting_protocol(body));
}

void note_told(StepState& state, const StepTold& told) {
  state.launch_told = state.launch_told || told.launch;
  for (TaskState& task : state.tasks) {
    if (std::ranges::find(told.exits, task.global_id) != told.exits.end()) task.told = true;
  }
}

std::string step_frame(StepFrame type, std::string_view body) {
  const auto length = static_cast<std::uint32_t>(body.size() + 2);
  const auto number = static_cast<std::uint16_t>(type);
  std::string frame;
  frame.reserve(6 + body.size());
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(length >> shift));
  frame.push_back(static_cast<char>(number >> 8));
  frame.push_back(static_cast<char>(number));
  return frame.append(body);
}

Result<std::optional<StepFrameReader::Frame>> StepFrameReader::next() {
  if (buffer_.size() < 6) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(buffer_[i])); };
  const std::uint32_t length = byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
  if (length < 2 || length > frame_max_) return fail(Errc::corrupt, "frame of {} bytes", length);
  if (buffer_.size() < 4 + std::size_t{length}) return std::nullopt;
  Frame frame{static_cast<StepFrame>(byte(4) << 8 | byte(5)), buffer_.substr(6, length - 2)};
  buffer_.erase(0, 4 + std::size_t{length});
  return frame;
}

std::string job_directory(std::string_view spool, std::uint32_t job_id) {
  return fmt::format("{}/job{:05}", spool, job_id);
}

std::string step_file_name(std::uint32_t step_id) {
  const auto* named = std::ranges::find(kNamedSteps, step_id, &NamedStep::id);
  return named != std::end(kNamedSteps) ? std::string(named->name) : fmt::format("step_{}", step_id);
}

std::optional<std::uint32_t> step_of_file_name(std::string_view name) {
  const auto* named = std::ranges::find(kNamedSteps, name, &NamedStep::name);
  if (named != std::end(kNamedSteps)) return named->id;
  constexpr std::string_view kPrefix = "step_";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return id;
}

}  // namespace flurm::exec
