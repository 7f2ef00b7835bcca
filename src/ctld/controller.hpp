// ctld/controller.hpp — what the handlers of the controller share.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "conf/config.hpp"
#include "ctld/call.hpp"
#include "ctld/colleagues.hpp"
#include "ctld/info_cache.hpp"
#include "ctld/replica.hpp"
#include "ctld/statistics.hpp"
#include "ctld/translate/build_info.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"
#include "rpc/client.hpp"
#include "rpc/stats.hpp"
#include "sched/plan.hpp"

namespace flurm::auth {
class Hosts;
class Munge;
class Users;
}

namespace flurm::ctld {

/// Owned by the service; loop thread only.
struct Controller {
  io::Loop& loop;
  Replica& replica;
  auth::Users& users;
  auth::Hosts& hosts;
  const auth::Munge& munge;
  std::shared_ptr<const conf::Config> config;
  std::string config_file{};                   // path of slurm.conf
  std::map<std::string, std::string> files;  // texts of slurm.conf and the files beside it, for configless nodes
  std::uint32_t slurm_user = 0;       // uid
  TimeS boot_time;                    // of this process
  BuildFacts build_facts;             // what `scontrol show config` tells beyond slurm.conf
  InfoCache info_cache;
  sched::Planner admission;           // whether a submitted job could ever run
  Statistics statistics;

  std::function<io::Task<Result<void>>()> reconfigure;  // reads the files again and proposes what they say
  std::function<void(bool nodes_too)> shut_down;
  std::function<void()> schedule_soon;
  std::function<void()> reservation_used;  // a job starts in one: that may want other nodes now
  std::function<void(const std::string& node)> node_registered;
  std::function<bool(const model::Job&)> launch_taken;    // the batch node took the order to start the present run
  std::function<void(model::NodeId, JobId)> abort_stray;  // ends a job that the node runs without being meant to
  /// One message to a user's srun or salloc; nobody waits for the answer.
  std::function<void(rpc::Address, wire::MsgType, std::string body, std::uint16_t version, std::uint32_t uid)> tell_client;
  std::function<void(rpc::Address, wire::MsgType, std::string body, std::uint16_t version)> tell_node;
  std::function<rpc::Stats()> server_stats;
  std::function<void()> reset_server_stats;

  Colleagues& colleagues() { return replica.colleagues(); }
  /// Root and SlurmUser: daemons speak as these.
  bool is_slurm_user(std::uint32_t uid) const { return uid == 0 || uid == slurm_user; }
  /// These, and users with such an AdminLevel in accounting; an administrator is an operator too.
  bool is_administrator(std::uint32_t uid) const;
  bool is_operator(std::uint32_t uid) const;
  /// The job's user, operators, and coordinators of its account.
  bool may_change(std::uint32_t uid, const model::Job& job) const;
  /// The user coordinates the account, or one above it.
  bool coordinates(std::uint32_t uid, const std::string& account) const;
  /// These, and JobPrivacy, need the user's name, or groups, which are to be looked up first.
  bool levels_matter(std::uint32_t uid) const;
};

/// Carries out one request. Answers always; what it does not know gets the error a Slurm server gives.
io::Task<Answer> dispatch(Controller& controller, Call call);

/// The planner's input.
sched::View scheduler_view(const state::ClusterState& state);

}  // namespace flurm::ctld
