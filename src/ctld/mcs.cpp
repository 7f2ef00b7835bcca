// ctld/mcs.cpp — see mcs.hpp.
#include "ctld/mcs.hpp"

#include <algorithm>
#include <string_view>

namespace flurm::ctld {
namespace {

constexpr std::uint16_t kExclusiveMcs = 3;

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

McsRule mcs_rule(const conf::Config& config) {
  McsRule rule;
  const std::string& text = config.mcs_plugin_params;
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string common = text.substr(0, colon);
  rule.private_data = conf::Config::has_option(common, "privatedata");
  if (config.mcs_plugin == "mcs/none" || config.mcs_plugin == "mcs/label") {
    rule.select = model::McsSelect::never;
    return rule;
  }
  rule.enforced = conf::Config::has_option(common, "enforced");
  if (conf::Config::has_option(common, "noselect"))
    rule.select = model::McsSelect::never;
  else if (conf::Config::has_option(common, "select"))
    rule.select = model::McsSelect::always;
  for (std::size_t at = colon + 1; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of("|:", at), text.size());
    if (end > at) rule.groups.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (config.mcs_plugin == "mcs/group" && rule.groups.empty()) return {.private_data = rule.private_data};
  return rule;
}

Result<void> settle_mcs_label(model::JobRequest& request, const conf::Config& config, const std::string& user_name,
                              const std::vector<std::string>& user_groups) {
  // Without a plugin it is a word among others; what a site calls mcs/label takes whatever it is given.
  if (config.mcs_plugin == "mcs/none" || config.mcs_plugin == "mcs/label") return {};
  const McsRule rule = mcs_rule(config);
  const bool wanted = rule.enforced || request.shared == kExclusiveMcs;
  if (request.mcs_label.empty() && !wanted) return {};
  if (config.mcs_plugin == "mcs/group") {
    if (!request.mcs_label.empty()) {
      if (has(rule.groups, request.mcs_label) && has(user_groups, request.mcs_label)) return {};
      return fail(Errc::invalid_mcs_label, "{}", request.mcs_label);
    }
    const auto own = std::ranges::find_if(rule.groups, [&](const std::string& name) { return has(user_groups, name); });
    if (own == rule.groups.end()) return fail(Errc::invalid_mcs_label, "the user is in none of the groups");
    request.mcs_label = *own;
    return {};
  }
  const std::string& own = config.mcs_plugin == "mcs/user" ? user_name : request.account;
  if (!request.mcs_label.empty() && request.mcs_label != own)
    return fail(Errc::invalid_mcs_label, "{}", request.mcs_label);
  request.mcs_label = own;
  return {};
}

}  // namespace flurm::ctld
