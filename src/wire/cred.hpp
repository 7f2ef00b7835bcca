// wire/cred.hpp — the job credential: what a node may do for whom, signed by the controller.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/addr.hpp"
#include "wire/msg/gres.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// A user as the controller resolved it. Empty names and groups: the node looks them up itself. gr_names is empty or
/// as long as gids.
struct Identity {
  std::uint32_t uid = 0, gid = 0;
  std::string pw_name, pw_gecos, pw_dir, pw_shell;
  std::vector<std::uint32_t> gids;
  std::vector<std::string> gr_names;
  bool operator==(const Identity&) const = default;
};
void fields(codec::Archive& ar, Identity& m);

/// Cores are numbered over all nodes of the job: cores_per_socket, sockets_per_node and sock_core_rep_count describe
/// them run-length coded, cpu_array the CPUs, the *_mem_alloc arrays MiB per node.
struct Cred {
  StepId step_id;
  Identity id;
  std::vector<GresJobState> job_gres_list;
  std::vector<GresStepState> step_gres_list;
  std::uint16_t job_core_spec = kNoVal16;
  std::string job_account;
  std::vector<Addr> job_node_addrs;
  std::string job_alias_list, job_comment, job_constraints;
  TimeS job_end_time;
  std::string job_extra;
  std::uint16_t job_exclusive = 0, job_oversubscribe = 0;
  std::string job_partition, job_qos, job_reservation;
  std::uint16_t job_restart_cnt = 0;
  TimeS job_start_time;
  std::string job_std_err, job_std_in, job_std_out, step_hostlist;
  std::uint16_t job_x11 = 0;
  TimeS ctime;
  std::uint32_t tot_core_cnt = 0;
  Bits job_core_bitmap, step_core_bitmap;
  std::vector<std::uint16_t> cores_per_socket, sockets_per_node;
  std::vector<std::uint32_t> sock_core_rep_count;
  std::vector<std::uint16_t> cpu_array;
  std::vector<std::uint32_t> cpu_array_reps;
  std::uint32_t job_nhosts = 0, job_ntasks = 0;
  std::string job_hostlist, job_licenses;
  std::vector<std::uint64_t> job_mem_alloc;
  std::vector<std::uint32_t> job_mem_alloc_rep_count;
  std::vector<std::uint64_t> step_mem_alloc;
  std::vector<std::uint32_t> step_mem_alloc_rep_count;
  std::string job_selinux_context;

  /// Exactly the bytes that `signature` covers. Unpacking keeps them and packing repeats them, so that a credential
  /// passes through us unchanged; empty in a credential not signed yet, which is packed from its fields.
  std::string signed_bytes;
  std::string signature;  // munge credential text whose payload is signed_bytes
  bool operator==(const Cred&) const = default;
};
void fields(codec::Archive& ar, Cred& m);

/// The bytes to be signed: everything but the signature, in the receiver's version. The signer sets
/// `cred.signed_bytes = pack_cred_body(cred, version)`, then the signature over it.
std::string pack_cred_body(const Cred& cred, std::uint16_t version);

/// `cred_version` and the credential in that version (0: the message's own), as in launch messages. Unpacking
/// refuses versions not spoken here.
void versioned_cred(codec::Archive& ar, std::uint16_t& cred_version, Cred& cred);

/// The credential for sbcast (RESPONSE_JOB_SBCAST_CRED): who may write a file on which nodes, until when.
struct SbcastCred {
  StepId step_id;
  Identity id;
  TimeS ctime, expiration;
  JobId het_job_id;
  std::string nodes;
  std::string signed_bytes, signature;  // as in Cred
  bool operator==(const SbcastCred&) const = default;
};
void fields(codec::Archive& ar, SbcastCred& m);
std::string pack_cred_body(const SbcastCred& cred, std::uint16_t version);

}  // namespace flurm::wire
