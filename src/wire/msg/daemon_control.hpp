// wire/msg/daemon_control.hpp — running the daemons: reconfiguration, shutdown, reboot, log levels, configuration
// files.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"

namespace flurm::wire {

/// REQUEST_SHUTDOWN.
struct Shutdown {
  std::uint16_t options = 0;
  bool operator==(const Shutdown&) const = default;
};
void fields(codec::Archive& ar, Shutdown& m);

struct ConfigFile {
  bool exists = false, execute = false;
  std::string file_name, file_content;
  bool operator==(const ConfigFile&) const = default;
};
void fields(codec::Archive& ar, ConfigFile& m);

/// RESPONSE_CONFIG, REQUEST_RECONFIGURE_WITH_CONFIG, REQUEST_RECONFIGURE_SACKD.
struct ConfigResponse {
  std::optional<std::vector<ConfigFile>> config_files;
  std::string slurmd_spooldir;
  bool operator==(const ConfigResponse&) const = default;
};
void fields(codec::Archive& ar, ConfigResponse& m);

/// REQUEST_CONFIG. flags: 0 a client, 1 a slurmd.
struct ConfigRequest {
  std::uint32_t flags = 0;
  std::uint16_t port = 0;
  bool operator==(const ConfigRequest&) const = default;
};
void fields(codec::Archive& ar, ConfigRequest& m);

/// REQUEST_REBOOT_NODES.
struct Reboot {
  std::string features;
  std::uint16_t flags = 0;
  std::uint32_t next_state = kNoVal32;
  std::string node_list, power_action_name, reason;
  bool operator==(const Reboot&) const = default;
};
void fields(codec::Archive& ar, Reboot& m);

/// REQUEST_SET_DEBUG_LEVEL, REQUEST_SET_SCHEDLOG_LEVEL.
struct SetDebugLevel {
  std::uint32_t debug_level = 0;
  bool operator==(const SetDebugLevel&) const = default;
};
void fields(codec::Archive& ar, SetDebugLevel& m);

/// REQUEST_SET_DEBUG_FLAGS.
struct SetDebugFlags {
  std::uint64_t debug_flags_minus = 0, debug_flags_plus = 0;
  bool operator==(const SetDebugFlags&) const = default;
};
void fields(codec::Archive& ar, SetDebugFlags& m);

/// REQUEST_SET_FS_DAMPENING_FACTOR.
struct SetFsDampeningFactor {
  std::uint16_t dampening_factor = 0;
  bool operator==(const SetFsDampeningFactor&) const = default;
};
void fields(codec::Archive& ar, SetFsDampeningFactor& m);

/// RESPONSE_CONTROL_STATUS.
struct ControlStatus {
  std::uint16_t backup_inx = 0;
  TimeS control_time;
  bool operator==(const ControlStatus&) const = default;
};
void fields(codec::Archive& ar, ControlStatus& m);

/// REQUEST_SET_SUSPEND_EXC_NODES, _PARTS, _STATES (23.02+).
struct SuspendExcUpdate {
  std::string update_str;
  std::uint32_t mode = 0;
  bool operator==(const SuspendExcUpdate&) const = default;
};
void fields(codec::Archive& ar, SuspendExcUpdate& m);

/// REQUEST_AUTH_TOKEN.
struct TokenRequest {
  std::uint32_t lifespan = 0;  // s
  std::string username;
  bool operator==(const TokenRequest&) const = default;
};
void fields(codec::Archive& ar, TokenRequest& m);

/// RESPONSE_AUTH_TOKEN.
struct TokenResponse {
  std::string token;
  bool operator==(const TokenResponse&) const = default;
};
void fields(codec::Archive& ar, TokenResponse& m);

}  // namespace flurm::wire
