// base/log.cpp — the only place that knows spdlog.
#include "base/log.hpp"

#include <atomic>
#include <memory>
#include <mutex>

#include "spdlog/sinks/basic_file_sink.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace flurm {
namespace {

std::atomic<Level> current_level{Level::info};
std::mutex sink_mutex;
std::shared_ptr<spdlog::logger> sink;
std::string sink_program = "flurm", sink_file;

constexpr std::string_view kLevelNames[] = {"fatal", "error", "warn", "info", "verbose", "debug", "debug2"};

std::shared_ptr<spdlog::logger> make_sink(const std::string& program, const std::string& file) {
  std::shared_ptr<spdlog::logger> made;
  try {
    if (file.empty()) {
      made = std::make_shared<spdlog::logger>(program, std::make_shared<spdlog::sinks::stderr_sink_mt>());
    } else {
      made = std::make_shared<spdlog::logger>(program, std::make_shared<spdlog::sinks::basic_file_sink_mt>(file));
    }
  } catch (const spdlog::spdlog_ex&) {
    return nullptr;
  }
  made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %n[%P] %v");
  made->flush_on(spdlog::level::trace);
  return made;
}

std::shared_ptr<spdlog::logger> current_sink() {
  std::lock_guard lock(sink_mutex);
  if (!sink) sink = make_sink(sink_program, "");
  return sink;
}

bool needs_quotes(const std::string& value) {
  return value.empty() || value.find_first_of(" \"=\n\t\r\\") != std::string::npos;
}

void append_value(std::string& line, const std::string& value) {
  if (!needs_quotes(value)) {
    line += value;
    return;
  }
  line += '"';
  for (unsigned char c : value) {
    if (c == '"' || c == '\\') {
      line += '\\';
      line += static_cast<char>(c);
    } else if (c < 0x20 || c == 0x7f) {
      line += fmt::format("\\x{:02x}", c);
    } else {
      line += static_cast<char>(c);
    }
  }
  line += '"';
}

}  // namespace

bool log_enabled(Level level) { return level <= current_level.load(std::memory_order_relaxed); }
Level log_level() { return current_level; }
void log_set_level(Level level) { current_level = level; }

void log(Level level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!log_enabled(level)) return;
  std::string line(kLevelNames[static_cast<int>(level)]);
  line += ' ';
  line += event;
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    append_value(line, field.value);
  }
  current_sink()->info(line);
}

bool log_open(std::string_view program, const std::string& file, Level level) {
  auto made = make_sink(std::string(program), file);
  if (!made) return false;
  std::lock_guard lock(sink_mutex);
  sink = std::move(made);
  sink_program = program;
  sink_file = file;
  current_level = level;
  return true;
}

void log_reopen() {
  std::lock_guard lock(sink_mutex);
  if (sink_file.empty()) return;
  if (auto made = make_sink(sink_program, sink_file)) sink = std::move(made);
}

}  // namespace flurm
