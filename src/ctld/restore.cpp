// ctld/restore.cpp — see restore.hpp.
#include "ctld/restore.hpp"

#include <filesystem>

#include "replog/backup.hpp"
#include "replog/founding.hpp"
#include "state/cluster_state.hpp"

namespace flurm::ctld {

Result<std::string> restore_backup(std::string_view backup, const std::string& cluster_name, const conf::FlurmConf& flurm_conf,
                                   const Membership& membership) {
  FLURM_TRY(const replog::Backup opened, replog::open_backup(backup));
  FLURM_TRY(const state::ClusterState state, state::load(opened.state));
  if (opened.cluster != cluster_name)
    return fail(Errc::einval, "the backup is of cluster '{}', slurm.conf says ClusterName={}", opened.cluster, cluster_name);
  replog::RaftOptions raft;
  raft.directory = flurm_conf.ra_data_dir;
  raft.self = membership.own().id;
  raft.members = log_members(membership);
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(raft.directory).parent_path(), ignored);
  FLURM_TRY_VOID(replog::found_log(raft, opened.index, opened.state));
  return fmt::format("{}: {} jobs as after entry {}", raft.directory, state.jobs.size(), opened.index);
}

}  // namespace flurm::ctld
