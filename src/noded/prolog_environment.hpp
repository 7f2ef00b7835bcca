// noded/prolog_environment.hpp — what prolog and epilog are told about the job. All of it comes from the controller:
// nothing a user can choose reaches a program that runs as root, but for names that begin with SPANK_.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "exec/environment.hpp"
#include "noded/batch_environment.hpp"
#include "wire/cred.hpp"

namespace flurm::noded {

struct PrologJob {
  std::uint32_t job_id = 0, het_job_id = 0, uid = 0, gid = 0;
  std::string user_name, nodes, partition, work_dir, alias_list;
  std::vector<std::string> spank_job_env;
  std::optional<wire::Cred> credential;  ///< verified
};

/// How the job ended, for the epilog; wait statuses.
struct EpilogJob {
  std::uint32_t exit_code = 0, derived_exit_code = 0;
};

/// (slurm 22.05 plugins/prep/script; slurm.conf(5), prolog_epilog guide)
exec::Environment prolog_environment(const PrologJob& job, const NodeFacts& facts);
exec::Environment epilog_environment(const PrologJob& job, const EpilogJob& end, const NodeFacts& facts);

}  // namespace flurm::noded
