// base/log.hpp — events with fields: log(Level::info, "job.start", {{"job_id", id}, {"nodes", nodes}}).
// Names are stable, `room.verb`; no secrets. Any thread may log. Output goes to one sink chosen at start.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace flurm {

/// From silent to talkative, as SlurmctldDebug names them.
enum class Level { fatal, error, warn, info, verbose, debug, debug2 };

/// One `key=value` of an event.
struct LogField {
  std::string_view key;
  std::string value;
  template <class T>
    requires std::is_arithmetic_v<T>
  LogField(std::string_view k, T v) : key(k), value(std::to_string(v)) {}
  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
};

/// Writes one line to the sink when `level` is enabled.
void log(Level level, std::string_view event, std::initializer_list<LogField> fields = {});
bool log_enabled(Level level);

/// Sends the log to `file` (empty: standard error) from now on. `program` stands in each line.
/// Returns false when the file cannot be opened; the old sink stays.
bool log_open(std::string_view program, const std::string& file, Level level);
/// Opens the file again under its name, after logrotate moved it (SIGUSR2).
void log_reopen();
void log_set_level(Level level);
Level log_level();

}  // namespace flurm
