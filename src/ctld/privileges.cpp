// ctld/privileges.cpp — who may do what: SlurmUser, the levels that accounting gives to users, and coordinators of
// accounts. Source: slurm 22.05 src/slurmctld/slurmctld.h validate_*(), src/common/assoc_mgr.c.
#include "acct/edit.hpp"
#include "auth/users.hpp"
#include "ctld/controller.hpp"
#include "ctld/mcs.hpp"

namespace flurm::ctld {
namespace {

/// In the books users have names; dispatch() has asked for that of the sender.
acct::AdminLevel level_of(const Controller& c, std::uint32_t uid) {
  const auto user = c.users.cached_by_uid(uid);
  if (!user) return acct::AdminLevel::none;
  const auto state = c.replica.snapshot();
  const acct::User* known = state->books->users.find(user->name);
  return known ? known->admin_level : acct::AdminLevel::none;
}

}  // namespace

bool Controller::is_administrator(std::uint32_t uid) const {
  return is_slurm_user(uid) || level_of(*this, uid) >= acct::AdminLevel::admin;
}

bool Controller::is_operator(std::uint32_t uid) const {
  return is_slurm_user(uid) || level_of(*this, uid) >= acct::AdminLevel::op;
}

bool Controller::may_change(std::uint32_t uid, const model::Job& job) const {
  return uid == job.request->user_id || is_operator(uid) || coordinates(uid, job.request->account);
}

bool Controller::coordinates(std::uint32_t uid, const std::string& account) const {
  const auto state = replica.snapshot();
  if (account.empty() || state->books->accounts.size() == 0) return false;
  const auto user = users.cached_by_uid(uid);
  if (!user) return false;
  return acct::coordinators(*state->books, account).contains(user->name);
}

bool Controller::levels_matter(std::uint32_t uid) const {
  if (is_slurm_user(uid)) return false;
  const bool by_label = config->private_data & conf::kPrivateJobs && mcs_rule(*config).private_data;
  if (by_label && config->mcs_plugin == "mcs/group") return !users.cached_groups_of(uid);
  return (by_label || replica.snapshot()->books->users.size() != 0) && !users.cached_by_uid(uid);
}

}  // namespace flurm::ctld
