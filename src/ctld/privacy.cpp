// ctld/privacy.cpp — see privacy.hpp.
#include "ctld/privacy.hpp"

#include "auth/users.hpp"
#include "ctld/mcs.hpp"

namespace flurm::ctld {
namespace {

/// The MCS labels that jobs of the user could have. None: any, for without enforced associations an account is a word.
std::optional<std::set<std::string>> labels_of(const Controller& c, std::uint32_t uid) {
  const std::string& plugin = c.config->mcs_plugin;
  std::set<std::string> labels;
  const auto user = c.users.cached_by_uid(uid);
  if (!user) return labels;
  if (plugin == "mcs/user") labels.insert(user->name);
  if (plugin == "mcs/group") {
    const auto groups = c.users.cached_groups_of(uid);
    if (groups) labels.insert(groups->begin(), groups->end());
  }
  if (plugin == "mcs/account") {
    if (!(c.config->accounting_storage_enforce & conf::kEnforceAssocs)) return std::nullopt;
    const auto state = c.replica.snapshot();
    for (const auto& [id, assoc] : state->books->assocs().rows())
      if (!assoc->deleted && assoc->user == user->name && assoc->cluster == c.config->cluster_name)
        labels.insert(assoc->account);
  }
  return labels;
}

}  // namespace

JobPrivacy::JobPrivacy(const Controller& controller, std::uint32_t uid) : controller_(controller), uid_(uid) {
  const conf::Config& config = *controller.config;
  if (!(config.private_data & conf::kPrivateJobs) || controller.is_operator(uid)) return;
  if (mcs_rule(config).private_data) {
    labels_ = labels_of(controller, uid);
    if (!labels_) return;
  }
  shows_all_ = false;
}

bool JobPrivacy::shows(const model::Job& job) const {
  const model::JobRequest& request = *job.request;
  if (shows_all_ || request.user_id == uid_) return true;
  if (labels_) return request.mcs_label.empty() || labels_->contains(request.mcs_label);
  return controller_.coordinates(uid_, request.account);
}

}  // namespace flurm::ctld
