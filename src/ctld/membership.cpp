// ctld/membership.cpp — see membership.hpp.
#include "ctld/membership.hpp"

#include "conf/lines.hpp"
#include "fmt/format.h"

namespace flurm::ctld {
namespace {

using cluster::Member;

std::string_view short_name(std::string_view name) { return name.substr(0, name.find('.')); }
bool is_loopback(std::string_view host) { return host.starts_with("127."); }

Result<std::size_t> find_self(const std::vector<Member>& members, std::string_view wanted) {
  if (members.size() == 1) return 0;
  if (const auto at = wanted.find('@'); at != wanted.npos) wanted.remove_prefix(at + 1);
  std::vector<std::size_t> alike;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (conf::same_word(members[i].name, wanted)) return i;
    if (conf::same_word(members[i].host, wanted) || conf::same_word(short_name(members[i].name), short_name(wanted)))
      alike.push_back(i);
  }
  if (alike.size() == 1) return alike[0];
  std::vector<std::string> names;
  for (const Member& member : members) names.push_back(member.name);
  return fail(Errc::einval, "'{}' is none of the controllers {}: set FLURM_NODE_NAME or ControllerName in flurm.conf",
              wanted, fmt::join(names, ", "));
}

}  // namespace

Result<std::vector<Member>> configured_members(const conf::Config& config, const conf::FlurmConf& flurm_conf) {
  std::vector<Member> members;
  for (const std::string& text : flurm_conf.controllers) {
    FLURM_TRY(Member member, cluster::parse_member(text, flurm_conf.controller_port));
    members.push_back(std::move(member));
  }
  if (members.empty())
    for (const conf::ControllerHost& host : config.controllers)
      members.push_back({cluster::member_id(host.name), host.name, host.addr, flurm_conf.controller_port});
  FLURM_TRY_VOID(cluster::check_members(members));
  return members;
}

Result<Membership> membership(const conf::Config& config, const conf::FlurmConf& flurm_conf,
                              std::string_view host_name) {
  Membership out;
  FLURM_TRY(out.members, configured_members(config, flurm_conf));
  FLURM_TRY(out.self,
            find_self(out.members, flurm_conf.controller_name.empty() ? host_name : flurm_conf.controller_name));
  // Controllers that share one machine are told apart by loopback addresses of their own.
  const bool several = out.members.size() > 1;
  if (is_loopback(out.own().host)) out.link_host = out.own().host;
  for (const conf::ControllerHost& host : config.controllers)
    if ((!several || conf::same_word(host.name, out.own().name)) && is_loopback(host.addr) &&
        (several || host.addr != "127.0.0.1"))
      out.rpc_host = host.addr;
  return out;
}

std::vector<replog::Member> log_members(const Membership& membership) {
  std::vector<replog::Member> out;
  for (const cluster::Member& member : membership.members) out.push_back({member.id, cluster::member_text(member)});
  return out;
}

}  // namespace flurm::ctld
