// wire/msg/prolog_launch.hpp — run the prolog before anything of the job starts.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/cred.hpp"
#include "wire/msg/gres.hpp"

namespace flurm::wire {

/// REQUEST_LAUNCH_PROLOG. From 25.11 the job id travels in the credential only.
struct PrologLaunch {
  std::vector<GresPrep> job_gres_prep;
  std::string alloc_tls_cert;
  JobId job_id, het_job_id;
  std::uint32_t uid = 0, gid = 0;
  std::string alias_list, nodes, std_err, std_out, work_dir;
  std::uint16_t x11 = 0;
  std::string x11_alloc_host;
  std::uint16_t x11_alloc_port = 0;
  std::string x11_magic_cookie, x11_target;
  std::uint16_t x11_target_port = 0;
  std::vector<std::string> spank_job_env;
  Cred cred;
  std::string user_name;
  bool operator==(const PrologLaunch&) const = default;
};
void fields(codec::Archive& ar, PrologLaunch& m);

}  // namespace flurm::wire
