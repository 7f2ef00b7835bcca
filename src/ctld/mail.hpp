// ctld/mail.hpp — tells a user by MailProg what became of a job.
#pragma once
#include <string>

#include "base/result.hpp"
#include "conf/config.hpp"
#include "exec/spawn.hpp"
#include "model/job.hpp"

namespace flurm::ctld {

/// "Slurm Job_id=12 Name=x Ended, Run time 00:00:03, COMPLETED, ExitCode 0"
/// (slurm 22.05 src/slurmctld/agent.c mail_job_info()).
std::string mail_subject(const model::Job& job, std::uint16_t event, TimeS now);

/// Runs a program and waits for its end; one that takes longer is killed with all its children. For worker threads.
/// Errors: node_execve_failed, timed_out.
Result<void> run_and_wait(const exec::SpawnSpec& spec, int patience_ms);

/// Runs MailProg with the subject and the recipient, and waits for its end, 30 s at most: for worker threads. Errors:
/// node_execve_failed, timed_out.
Result<void> mail_user(const conf::Config& config, const model::Job& job, std::uint16_t event, TimeS now);

}  // namespace flurm::ctld
