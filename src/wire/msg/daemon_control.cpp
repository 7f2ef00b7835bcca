// wire/msg/daemon_control.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/daemon_control.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::secret, codec::since;

void fields(Archive& ar, Shutdown& m) { ar("options", m.options); }

void fields(Archive& ar, ConfigFile& m) {
  ar("exists", m.exists);
  ar("execute", m.execute, since(v23_11));
  ar("file_name", m.file_name);
  ar("file_content", m.file_content);
}

void fields(Archive& ar, ConfigResponse& m) {
  ar("config_files", m.config_files);
  ar("slurmd_spooldir", m.slurmd_spooldir);
}

void fields(Archive& ar, ConfigRequest& m) {
  ar("flags", m.flags);
  ar("port", m.port, since(v25_05));
}

void fields(Archive& ar, Reboot& m) {
  ar("features", m.features);
  ar("flags", m.flags);
  ar("next_state", m.next_state);
  ar("node_list", m.node_list);
  ar("power_action_name", m.power_action_name, since(v26_05));
  ar("reason", m.reason);
}

void fields(Archive& ar, SetDebugLevel& m) { ar("debug_level", m.debug_level); }

void fields(Archive& ar, SetDebugFlags& m) {
  ar("debug_flags_minus", m.debug_flags_minus);
  ar("debug_flags_plus", m.debug_flags_plus);
}

void fields(Archive& ar, SetFsDampeningFactor& m) { ar("dampening_factor", m.dampening_factor); }

void fields(Archive& ar, ControlStatus& m) {
  ar("backup_inx", m.backup_inx);
  ar("control_time", m.control_time);
}

void fields(Archive& ar, SuspendExcUpdate& m) {
  ar("update_str", m.update_str);
  ar("mode", m.mode);
}

void fields(Archive& ar, TokenRequest& m) {
  ar("lifespan", m.lifespan);
  ar("username", m.username);
}

void fields(Archive& ar, TokenResponse& m) { ar("token", secret(m.token)); }

}  // namespace flurm::wire
