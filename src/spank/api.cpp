// spank/api.cpp — see api.hpp. Which function answers what in which context: slurm 22.05 common/plugstack.c.
#include "spank/api.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>

#include "spank/stack.hpp"

using namespace flurm::spank;

namespace {

bool is_valid(const Handle* handle) { return handle && handle->magic == Handle::kMagic; }

Code copy_out(std::string_view value, char* buffer, int size) {
  const std::size_t room = static_cast<std::size_t>(size);
  const std::size_t length = room == 0 ? 0 : std::min(value.size(), room - 1);
  if (room > 0) {
    std::memcpy(buffer, value.data(), length);
    buffer[length] = '\0';
  }
  return value.size() >= room ? kNoSpace : kSuccess;
}

/// Whether the environment of the job may be read and changed.
Code may_use_environment(const Handle* handle) {
  if (!is_valid(handle)) return kBadArg;
  if (handle->stack->context() != Context::remote) return kNotRemote;
  return handle->job && handle->job->env ? kSuccess : kBadArg;
}

/// The environment of prolog and epilog is made where the job is submitted. Here nobody can change it.
Code job_control(const Handle* handle) {
  if (!is_valid(handle) || handle->stack->context() == Context::remote) return is_valid(handle) ? kNotLocal : kBadArg;
  return handle->stack->context() == Context::slurmd ? kNotAvail : kSuccess;
}

void log(Tone tone, const char* format, va_list values) {
  constexpr int kLineMax = 4096;
  char line[kLineMax];
  std::vsnprintf(line, sizeof line, format, values);
  if (Stack::current()) Stack::current()->say(tone, line);
}

}  // namespace

extern "C" {

const char* spank_strerror(int code) {
  switch (code) {
    case kSuccess:
      return "No error";
    case kError:
      return "Generic error";
    case kBadArg:
      return "Bad argument";
    case kNotTask:
      return "Not in task context";
    case kEnvExists:
      return "Environment variable exists";
    case kEnvNoExist:
      return "No such environment variable";
    case kNoSpace:
      return "Buffer too small";
    case kNotRemote:
      return "Valid only in remote context";
    case kNoExist:
      return "Id/PID does not exist on this node";
    case kNotExecd:
      return "Lookup by PID requested, but no tasks running";
    case kNotAvail:
      return "Item not available from this callback";
    case kNotLocal:
      return "Valid only in local or allocator context";
    default:
      return std::strerror(code);
  }
}

int spank_symbol_supported(const char* symbol) {
  if (!symbol) return -1;
  return std::ranges::any_of(kFunctionNames, [&](const char* name) { return std::string_view(name) == symbol; });
}

int spank_remote(Handle* handle) {
  if (!is_valid(handle)) return -1;
  return handle->stack->context() == Context::remote;
}

int spank_context() { return static_cast<int>(Stack::current() ? Stack::current()->context() : Context::none); }

int spank_option_register(Handle* handle, COption* option) {
  if (!is_valid(handle) || handle->phase != Phase::init) return kBadArg;
  if (!option || !option->name || !option->usage) return kBadArg;
  return handle->stack->add_option(*handle->plugin, *option);
}

int spank_option_getopt(Handle* handle, COption* option, char** argument) {
  if (argument) *argument = nullptr;
  if (!is_valid(handle)) return kBadArg;
  switch (handle->phase) {
    case Phase::init:
    case Phase::init_post_opt:
    case Phase::task_post_fork:
    case Phase::slurmd_exit:
    case Phase::exit:
      return kNotAvail;
    default:
      break;
  }
  if (!option || !option->name || (option->has_argument && !argument)) return kBadArg;
  return handle->stack->find_option(*handle->plugin, *option, argument) ? kSuccess : kError;
}

int spank_getenv(Handle* handle, const char* name, char* buffer, int size) {
  if (const Code code = may_use_environment(handle); code != kSuccess) return code;
  if (size < 0 || !name || !buffer) return kBadArg;
  const auto value = handle->job->env->get(name);
  return value ? copy_out(*value, buffer, size) : kEnvNoExist;
}

int spank_setenv(Handle* handle, const char* name, const char* value, int overwrite) {
  if (const Code code = may_use_environment(handle); code != kSuccess) return code;
  if (!name || !value) return kBadArg;
  if (!overwrite && handle->job->env->get(name)) return kEnvExists;
  handle->job->env->set(name, value);
  return kSuccess;
}

int spank_unsetenv(Handle* handle, const char* name) {
  if (const Code code = may_use_environment(handle); code != kSuccess) return code;
  if (!name) return kBadArg;
  handle->job->env->unset(name);
  return kSuccess;
}

int spank_job_control_getenv(Handle* handle, const char* name, char* buffer, int size) {
  if (const Code code = job_control(handle); code != kSuccess) return code;
  return name && buffer && size > 0 ? kEnvNoExist : kBadArg;
}

int spank_job_control_setenv(Handle* handle, const char*, const char*, int) {
  const Code code = job_control(handle);
  return code != kSuccess ? code : kBadArg;
}

int spank_job_control_unsetenv(Handle* handle, const char*) {
  const Code code = job_control(handle);
  return code != kSuccess ? code : kBadArg;
}

#define FLURM_SPANK_LOG(name, tone)    \
  void name(const char* format, ...) { \
    va_list values;                    \
    va_start(values, format);          \
    log(tone, format, values);         \
    va_end(values);                    \
  }
FLURM_SPANK_LOG(slurm_info, Tone::log_only)
FLURM_SPANK_LOG(slurm_error, Tone::error)
FLURM_SPANK_LOG(slurm_verbose, Tone::log_only)
FLURM_SPANK_LOG(slurm_spank_log, Tone::plain)
#undef FLURM_SPANK_LOG

// What is for the plugin's author is dropped: the level of the node daemon's log is not known here.
void slurm_debug(const char*, ...) {}
void slurm_debug2(const char*, ...) {}
void slurm_debug3(const char*, ...) {}
}
