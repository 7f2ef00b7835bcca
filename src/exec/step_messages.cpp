// exec/step_messages.cpp — see step_messages.hpp.
#include "exec/step_messages.hpp"

#include "fmt/format.h"

namespace flurm::exec {

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
}

void fields(codec::Archive& ar, StepLaunch& m) {
  ar("protocol", m.protocol);
  ar("key", m.key);
  ar("user", m.user);
  ar("node_name", m.node_name);
  ar("directory", m.directory);
  ar("script", m.script);
  ar("arguments", m.arguments);
  ar("env", m.env);
  ar("work_dir", m.work_dir);
  ar("stdin_path", m.stdin_path);
  ar("stdout_path", m.stdout_path);
  ar("stderr_path", m.stderr_path);
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

void fields(codec::Archive& ar, StepUsage& m) {
  ar("user_us", m.user_us);
  ar("system_us", m.system_us);
  ar("rss_max_bytes", m.rss_max_bytes);
  ar("virtual_max_bytes", m.virtual_max_bytes);
  ar("rss_total_bytes", m.rss_total_bytes);
}

void fields(codec::Archive& ar, StepEnd& m) {
  ar("wait_status", m.wait_status);
  ar("slurm_rc", m.slurm_rc);
  ar("aborted", m.aborted);
  ar("ended_at", m.ended_at);
  ar("usage", m.usage);
}

void fields(codec::Archive& ar, StepState& m) {
  ar("protocol", m.protocol);
  ar("key", m.key);
  ar("uid", m.uid);
  ar("gid", m.gid);
  ar("supervisor_pid", m.supervisor_pid);
  ar("supervisor_start_ticks", m.supervisor_start_ticks);
  ar("task_pid", m.task_pid);
  ar("started_at", m.started_at);
  ar("stage", m.stage);
  ar("suspended", m.suspended);
  ar("usage", m.usage);
  ar("pids", m.pids);
  ar("end", codec::present_u8(m.end));
}

void fields(codec::Archive& ar, StepReply& m) {
  ar("rc", m.rc);
  ar("state", codec::present_u8(m.state));
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
  if (step_id == kBatchStep) return "step_batch";
  return fmt::format("step_{}", step_id);
}

}  // namespace flurm::exec
