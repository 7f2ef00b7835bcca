// noded/registration.cpp — see registration.hpp.
#include "noded/registration.hpp"

#include "base/log.hpp"

namespace flurm::noded {

wire::NodeRegistrationStatus Registration::message(Errc status, std::uint16_t protocol) const {
  const NodeSetup& setup = node_.setup;
  wire::NodeRegistrationStatus m;
  m.timestamp = io::now();
  m.slurmd_start_time = started_at_;
  m.status = static_cast<std::uint32_t>(status);
  m.hostname = setup.facts.host_name;
  m.node_name = setup.facts.node_name;
  m.arch = setup.hardware.arch;
  m.os = setup.hardware.os;
  m.cpus = setup.hardware.cpus;
  m.boards = setup.hardware.boards;
  m.sockets = setup.hardware.sockets;
  m.cores = setup.hardware.cores_per_socket;
  m.threads = setup.hardware.threads_per_core;
  m.real_memory = setup.hardware.memory_mib;
  m.tmp_disk = disk_mib(setup.config.tmp_fs);
  m.up_time = setup.booted ? static_cast<std::uint32_t>(io::now() - started_at_) : uptime_s();
  m.hash_val = setup.config.hash_val;
  m.cpu_load = cpu_load();
  m.free_mem = free_memory_mib();
  m.flags = wire::slurmd_reg_flag_resp;
  m.gres_info = packed_report(setup.gres, setup.hardware.cpus, protocol);
  if (!setup.dynamic_line.empty()) {
    constexpr std::uint8_t kComesByItself = 2;  // slurm 22.05 src/common/slurm_protocol_defs.h DYN_NODE_NORM
    m.dynamic_type = kComesByItself;
    m.dynamic_conf = setup.dynamic_line;
  }
  m.version = version_;
  for (const auto& [job_id, job] : node_.jobs.all()) {
    // A batch step counts as running until its end is acknowledged; else the controller would miss its job.
    for (const auto& [step_id, link] : job->steps) {
      wire::StepId& step = m.step_id.emplace_back();
      step.job_id = JobId{job_id};
      step.step_id = step_id;
    }
  }
  return m;
}

void Registration::register_node(Errc status) {
  if (status != Errc::success) status_ = status;
  again_ = true;
  if (!running_) io::spawn(run(*this));
}

io::Task<void> Registration::run(Registration& self) {
  self.running_ = true;
  while (std::exchange(self.again_, false)) {
    const Errc status = std::exchange(self.status_, Errc::success);
    auto asking = self.node_.ask_until_answered(
        {wire::MsgType::MESSAGE_NODE_REGISTRATION_STATUS,
         [&self, status](std::uint16_t version) { return codec::pack(self.message(status, version), version); }});
    const std::uint32_t code = co_await asking;
    self.registered_ = true;
    log(code == 0 ? Level::verbose : Level::error, "noded.registered",
        {{"code", code}, {"status", static_cast<int>(status)}});
  }
  self.running_ = false;
}

}  // namespace flurm::noded
