// noded/profile.cpp — see profile.hpp.
#include "noded/profile.hpp"

#include "base/log.hpp"
#include "fmt/format.h"
#include "io/clock.hpp"
#include "io/stream.hpp"

namespace flurm::noded {
namespace {

constexpr std::size_t kBufferBytes = 16 * 1024, kAnswerMax = 16 * 1024;
constexpr std::uint64_t kPostMs = 10'000;

std::string base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) out += i + j > text.size() ? '=' : kDigits[bits >> (18 - 6 * j) & 63];
  }
  return out;
}

/// Since the sample before; all of it where the number fell, because processes have gone.
double grown(std::uint64_t now, std::uint64_t before) {
  return static_cast<double>(now >= before ? now - before : now);
}

}  // namespace

std::string TaskSamples::take(const exec::StepState& state, TimeS now) {
  std::string lines;
  for (const exec::TaskState& task : state.tasks) {
    const auto known = last_.find(task.global_id);
    const bool first = known == last_.end();
    if (!first && known->second.ended) continue;
    const exec::StepUsage& usage = task.usage;
    const exec::StepUsage before = first ? usage : known->second.usage;
    const double cpu_s = grown(usage.user_us + usage.system_us, before.user_us + before.system_us) / 1e6;
    const std::int64_t passed_s = first ? 0 : now - known->second.at;
    const auto add = [&](std::string_view name, const std::string& value) {
      // The step's number is signed there, so that the batch script's is -5.
      lines += fmt::format("{},job={},step={},task={},host={} value={} {}\n", name, state.key.job_id,
                           static_cast<std::int32_t>(state.key.step_id), task.global_id, node_name_, value, now.v);
    };
    const auto mib = [](double bytes) { return fmt::format("{:.2f}", bytes / 1048576.0); };
    add("CPUFrequency", fmt::format("{}", usage.cpu_frequency));
    add("CPUTime", fmt::format("{:.2f}", cpu_s));
    add("CPUUtilization", fmt::format("{:.2f}", passed_s > 0 ? 100.0 * cpu_s / static_cast<double>(passed_s) : 0.0));
    add("RSS", fmt::format("{}", usage.rss_total_bytes / 1024));
    add("VMSize", fmt::format("{}", usage.virtual_total_bytes / 1024));
    add("Pages", fmt::format("{}", usage.major_faults));
    add("ReadMB", mib(grown(usage.read_bytes, before.read_bytes)));
    add("WriteMB", mib(grown(usage.written_bytes, before.written_bytes)));
    last_[task.global_id] = {.usage = usage, .at = now, .ended = task.exited};
  }
  return lines;
}

std::string influx_request(const conf::InfluxConf& conf, const std::string& lines) {
  std::string request = fmt::format("POST {}/write?db={}&rp={}&precision=s HTTP/1.1\r\nHost: {}:{}\r\n", conf.path,
                                    conf.database, conf.retention_policy, conf.host, conf.port);
  if (!conf.user.empty())
    request += fmt::format("Authorization: Basic {}\r\n", base64(fmt::format("{}:{}", conf.user, conf.password)));
  request += fmt::format("Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                         lines.size());
  return request + lines;
}

void Profiler::follow(const NodeJobPtr& job, const StepLink::Ptr& link) {
  if (conf_ && link->state().profile_interval_s != 0) io::spawn(sample(*this, job, link));
}

io::Task<void> Profiler::sample(Profiler& self, NodeJobPtr job, StepLink::Ptr link) {
  TaskSamples samples(self.node_name_);
  std::string lines;
  while (!link->over()) {
    auto asking = link->ask(exec::StepFrame::query);
    const auto reply = co_await asking;
    if (reply && reply->state) lines += samples.take(*reply->state, io::now());
    if (lines.size() >= kBufferBytes) {
      auto sending = self.send(std::exchange(lines, {}));
      co_await sending;
    }
    const auto next = io::Deadline::in_ms(std::uint64_t{link->state().profile_interval_s} * 1000);
    while (!link->over() && next.left_ms() > 0) {
      auto waiting = job->changed.changed(next);
      (void)co_await waiting;
    }
  }
  lines += samples.take(link->state(), io::now());
  auto sending = self.send(std::move(lines));
  co_await sending;
}

io::Task<void> Profiler::send(std::string lines) {
  if (lines.empty() || !conf_) co_return;
  auto posting = post(std::move(lines));
  const auto posted = co_await posting;
  if (!posted && !std::exchange(failing_, true))  // once, until it works again
    log(Level::error, "noded.profile_lost", {{"error", posted.error().text}});
  if (posted) failing_ = false;
}

io::Task<Result<void>> Profiler::post(std::string lines) {
  const conf::InfluxConf conf = *conf_;
  const auto deadline = io::Deadline::in_ms(kPostMs);
  auto connecting = io::connect_tcp(loop_, conf.host, conf.port, deadline);
  auto stream = co_await connecting;
  if (!stream) co_return fail(stream.error());
  auto writing = stream->write_all(influx_request(conf, lines), deadline);
  if (auto written = co_await writing; !written) co_return written;
  std::string answer;
  while (answer.size() < kAnswerMax && answer.find("\r\n") == std::string::npos) {
    auto reading = stream->read_append(answer, deadline);
    const auto n = co_await reading;
    if (!n) co_return fail(n.error());
    if (*n == 0) break;
  }
  // "HTTP/1.1 204 No Content"
  const std::string first = answer.substr(0, answer.find("\r\n"));
  const std::size_t blank = first.find(' ');
  if (first.starts_with("HTTP/") && blank != std::string::npos && first.compare(blank + 1, 1, "2") == 0)
    co_return Result<void>{};
  co_return fail(Errc::io, "{}:{} says '{}'", conf.host, conf.port, first);
}

}  // namespace flurm::noded
