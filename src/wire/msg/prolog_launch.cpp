// wire/msg/prolog_launch.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/prolog_launch.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::absent_if_empty, codec::Archive, codec::counted, codec::secret, codec::since, codec::until;

void fields(Archive& ar, PrologLaunch& m) {
  bool no_stepmgr = false;
  ar("job_gres_prep", counted<std::uint16_t>(m.job_gres_prep), until(v25_05));
  ar("alloc_tls_cert", m.alloc_tls_cert, since(v25_05));
  ar("job_gres_prep", absent_if_empty(m.job_gres_prep), since(v25_05));
  ar("job_id", m.job_id, until(v25_11));
  ar("het_job_id", m.het_job_id);
  ar("uid", m.uid);
  ar("gid", m.gid);
  ar("alias_list", m.alias_list, until(v25_05));
  ar("nodes", m.nodes);
  ar("std_err", m.std_err, until(v23_11));
  ar("std_out", m.std_out, until(v23_11));
  ar("work_dir", m.work_dir);
  ar("x11", m.x11);
  ar("x11_alloc_host", m.x11_alloc_host);
  ar("x11_alloc_port", m.x11_alloc_port);
  ar("x11_magic_cookie", secret(m.x11_magic_cookie));
  ar("x11_target", m.x11_target);
  ar("x11_target_port", m.x11_target_port);
  ar("spank_job_env", m.spank_job_env);
  ar("cred", m.cred);
  ar("stepmgr_records", no_stepmgr, since(v24_05));
  if (no_stepmgr) ar.reject("records for a step manager");
  ar("user_name", m.user_name, until(v23_11));
}

}  // namespace flurm::wire
