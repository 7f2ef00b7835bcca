// wire/cred.cpp — the credentials' fields, and carriage of their exact bytes.
#include "wire/cred.hpp"

#include "codec/pack.hpp"
#include "wire/plugin_data.hpp"
#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::count, codec::counted, codec::Kind, codec::secret, codec::since, codec::sized,
    codec::until;

namespace {

/// A count of width W, then two arrays of that length when it is not 0.
template <class W, class A, class B>
void counted_pair(Archive& ar, const char* size_name, const char* first_name, std::vector<A>& first,
                  const char* second_name, std::vector<B>& second) {
  auto n = static_cast<std::uint32_t>(first.size());
  ar(size_name, count<W>(n));
  if (n == 0 && ar.kind() != Kind::layout) return;
  ar(first_name, sized(first, n));
  ar(second_name, sized(second, n));
}

void body(Archive& ar, Cred& m) {
  ar("step_id", m.step_id);
  ar("id", m.id);
  ar("job_gres_list", counted<std::uint16_t>(m.job_gres_list));
  ar("step_gres_list", counted<std::uint16_t>(m.step_gres_list));
  ar("job_core_spec", m.job_core_spec);
  ar("job_account", m.job_account);
  ar("job_node_addrs", m.job_node_addrs, since(v23_11));
  ar("job_alias_list", m.job_alias_list);
  ar("job_comment", m.job_comment);
  ar("job_constraints", m.job_constraints);
  ar("job_end_time", m.job_end_time, since(v23_02));
  ar("job_extra", m.job_extra, since(v23_02));
  ar("job_exclusive", m.job_exclusive, since(v26_05));
  ar("job_oversubscribe", m.job_oversubscribe, since(v23_02));
  // From 23.02 to 24.05 a switch plugin hides its data behind the NUL of this string. Such strings are refused.
  ar("job_partition", m.job_partition);
  ar("job_qos", m.job_qos, since(v26_05));
  ar("job_reservation", m.job_reservation);
  ar("job_restart_cnt", m.job_restart_cnt);
  ar("job_start_time", m.job_start_time, since(v23_02));
  ar("job_std_err", m.job_std_err);
  ar("job_std_in", m.job_std_in);
  ar("job_std_out", m.job_std_out);
  ar("step_hostlist", m.step_hostlist);
  ar("job_x11", m.job_x11);
  ar("ctime", m.ctime);
  ar("tot_core_cnt", m.tot_core_cnt);
  ar("job_core_bitmap", m.job_core_bitmap);
  ar("step_core_bitmap", m.step_core_bitmap);
  auto core_array_size = static_cast<std::uint32_t>(m.cores_per_socket.size());
  ar("core_array_size", count<std::uint16_t>(core_array_size));
  if (core_array_size != 0 || ar.kind() == Kind::layout) {
    ar("cores_per_socket", sized(m.cores_per_socket, core_array_size));
    ar("sockets_per_node", sized(m.sockets_per_node, core_array_size));
    ar("sock_core_rep_count", sized(m.sock_core_rep_count, core_array_size));
  }
  counted_pair<std::uint32_t>(ar, "cpu_array_count", "cpu_array", m.cpu_array, "cpu_array_reps", m.cpu_array_reps);
  ar("job_nhosts", m.job_nhosts);
  ar("job_ntasks", m.job_ntasks);
  ar("job_hostlist", m.job_hostlist);
  ar("job_licenses", m.job_licenses, since(v23_02));
  counted_pair<std::uint32_t>(ar, "job_mem_alloc_size", "job_mem_alloc", m.job_mem_alloc, "job_mem_alloc_rep_count",
                              m.job_mem_alloc_rep_count);
  counted_pair<std::uint32_t>(ar, "step_mem_alloc_size", "step_mem_alloc", m.step_mem_alloc, "step_mem_alloc_rep_count",
                              m.step_mem_alloc_rep_count);
  ar("job_selinux_context", m.job_selinux_context);
  if (ar.version() >= v24_11) switch_stepinfo(ar);
}

void body(Archive& ar, SbcastCred& m) {
  if (ar.version() < v23_11) {
    ar("ctime", m.ctime);
    ar("expiration", m.expiration);
    ar("job_id", m.step_id.job_id);
    ar("het_job_id", m.het_job_id);
    ar("step_id", m.step_id.step_id);
    ar("uid", m.id.uid);
    ar("gid", m.id.gid);
    ar("user_name", m.id.pw_name);
    ar("gids", m.id.gids);
  } else {
    ar("step_id", m.step_id, since(v25_11));
    ar("id", m.id);
    ar("ctime", m.ctime);
    ar("expiration", m.expiration);
    ar("job_id", m.step_id.job_id, until(v25_11));
    ar("het_job_id", m.het_job_id);
    ar("step_id", m.step_id.step_id, until(v25_11));
  }
  ar("nodes", m.nodes);
}

template <class C>
std::string packed_body(const C& cred, std::uint16_t version) {
  std::string out;
  {
    codec::Packer packer(out, version);
    body(packer, const_cast<C&>(cred));  // a packer only reads
  }
  return out;
}

template <class C>
void signed_fields(Archive& ar, C& m) {
  if (ar.kind() == Kind::pack && !m.signed_bytes.empty()) {
    ar.raw(m.signed_bytes);
  } else {
    std::size_t start = ar.position();
    body(ar, m);
    if (ar.kind() == Kind::unpack) m.signed_bytes = ar.consumed_since(start);
    if (ar.kind() == Kind::fuzz) m.signed_bytes = packed_body(m, ar.version());
  }
  // Until 23.02 Slurm calls this bytes; they always end with the munge text's NUL, so a string is the same.
  ar("signature", secret(m.signature));
}

}  // namespace

void fields(Archive& ar, Identity& m) {
  ar("uid", m.uid);
  ar("gid", m.gid);
  ar("pw_name", m.pw_name);
  ar("pw_gecos", m.pw_gecos);
  ar("pw_dir", m.pw_dir);
  ar("pw_shell", m.pw_shell);
  ar("gids", m.gids);
  ar("gr_names", m.gr_names);
  if (ar.kind() == Kind::fuzz && !m.gr_names.empty()) m.gr_names.resize(m.gids.size());
  if (!m.gr_names.empty() && m.gr_names.size() != m.gids.size()) ar.reject("group names do not match groups");
}

void fields(Archive& ar, Cred& m) { signed_fields(ar, m); }
void fields(Archive& ar, SbcastCred& m) { signed_fields(ar, m); }

std::string pack_cred_body(const Cred& cred, std::uint16_t version) { return packed_body(cred, version); }
std::string pack_cred_body(const SbcastCred& cred, std::uint16_t version) { return packed_body(cred, version); }

void versioned_cred(Archive& ar, std::uint16_t& cred_version, Cred& cred) {
  std::uint16_t version = cred_version == 0 ? ar.version() : cred_version;
  ar("cred_version", version);
  if (ar.kind() == Kind::fuzz) version = kVersions[ar.choose(kVersions.size())];
  if (ar.fills()) cred_version = version;
  if (!supported(version)) return ar.reject("credential of a version not spoken here");
  ar.in_version(version, [&] { ar("cred", cred); });
}

}  // namespace flurm::wire
