// ctld/job_defaults.cpp — see job_defaults.hpp.
#include "ctld/job_defaults.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "conf/lines.hpp"

namespace flurm::ctld {
namespace {

/// One of its texts names gpus: "gres:gpu:2,…".
bool wants_gpus(const model::JobRequest& request) {
  for (const std::string* text :
       {&request.tres_per_job, &request.tres_per_node, &request.tres_per_socket, &request.tres_per_task})
    for (std::size_t at = 0; (at = text->find("gpu", at)) != std::string::npos; ++at) {
      const bool begins = at == 0 || (*text)[at - 1] == ':' || (*text)[at - 1] == ',' || (*text)[at - 1] == '/';
      const std::size_t end = at + 3;
      if (begins && (end == text->size() || (*text)[end] == ':' || (*text)[end] == ',' || (*text)[end] == '='))
        return true;
    }
  return false;
}

}  // namespace

Result<JobDefaults> parse_job_defaults(std::string_view text) {
  JobDefaults out;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view word = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string_view key = word.substr(0, equals), value = word.substr(std::min(equals + 1, word.size()));
    std::uint64_t* to = conf::same_word(key, "DefCpuPerGPU")   ? &out.cpus_per_gpu
                        : conf::same_word(key, "DefMemPerGPU") ? &out.mib_per_gpu
                                                               : nullptr;
    const char* end = value.data() + value.size();
    const auto read = to ? std::from_chars(value.data(), end, *to) : std::from_chars_result{};
    if (!to || value.empty() || read.ec != std::errc{} || read.ptr != end)
      return fail(Errc::invalid_job_defaults, "{}", word);
  }
  return out;
}

std::string to_text(const JobDefaults& defaults) {
  std::string out;
  if (defaults.cpus_per_gpu) out = fmt::format("DefCpuPerGPU={}", defaults.cpus_per_gpu);
  if (defaults.mib_per_gpu) out += fmt::format("{}DefMemPerGPU={}", out.empty() ? "" : ",", defaults.mib_per_gpu);
  return out;
}

void apply_gpu_defaults(model::JobRequest& request, const model::Partition& partition, const conf::Config& config,
                        bool cpus_given, bool memory_given) {
  if (!wants_gpus(request)) return;
  const JobDefaults own = parse_job_defaults(partition.job_defaults).value_or(JobDefaults{});
  const std::uint64_t cpus = own.cpus_per_gpu ? own.cpus_per_gpu : config.def_cpu_per_gpu;
  const std::uint64_t mib = own.mib_per_gpu ? own.mib_per_gpu : config.def_mem_per_gpu;
  if (cpus && !cpus_given && request.cpus_per_tres.empty()) request.cpus_per_tres = fmt::format("gres:gpu:{}", cpus);
  if (mib && !memory_given && request.mem_per_tres.empty()) {
    request.mem_per_tres = fmt::format("gres:gpu:{}", mib);
    request.pn_min_memory = 0;  // it comes with the devices
  }
}

}  // namespace flurm::ctld
