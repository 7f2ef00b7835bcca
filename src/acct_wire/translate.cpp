// acct_wire/translate.cpp — one small function per record and direction.
#include "acct_wire/translate.hpp"

#include <algorithm>
#include <charconv>

namespace flurm::acct {

wire::TresRec to_wire(const Tres& tres) {
  wire::TresRec rec;
  rec.id = tres.id;
  rec.name = tres.name;
  rec.type = tres.type;
  return rec;
}

namespace {

struct QosNumber {
  std::uint32_t Qos::*ours;
  std::uint32_t wire::QosRec::*theirs;
};
constexpr QosNumber kQosNumbers[] = {{&Qos::grp_jobs, &wire::QosRec::grp_jobs},
                                     {&Qos::grp_jobs_accrue, &wire::QosRec::grp_jobs_accrue},
                                     {&Qos::grp_submit_jobs, &wire::QosRec::grp_submit_jobs},
                                     {&Qos::grp_wall, &wire::QosRec::grp_wall},
                                     {&Qos::max_jobs_pa, &wire::QosRec::max_jobs_pa},
                                     {&Qos::max_jobs_pu, &wire::QosRec::max_jobs_pu},
                                     {&Qos::max_jobs_accrue_pa, &wire::QosRec::max_jobs_accrue_pa},
                                     {&Qos::max_jobs_accrue_pu, &wire::QosRec::max_jobs_accrue_pu},
                                     {&Qos::min_prio_thresh, &wire::QosRec::min_prio_thresh},
                                     {&Qos::max_submit_jobs_pa, &wire::QosRec::max_submit_jobs_pa},
                                     {&Qos::max_submit_jobs_pu, &wire::QosRec::max_submit_jobs_pu},
                                     {&Qos::max_wall_pj, &wire::QosRec::max_wall_pj},
                                     {&Qos::preempt_exempt_time, &wire::QosRec::preempt_exempt_time}};

struct QosTres {
  TresCounts Qos::*ours;
  std::string wire::QosRec::*theirs;
};
constexpr QosTres kQosTres[] = {{&Qos::grp_tres, &wire::QosRec::grp_tres},
                                {&Qos::grp_tres_mins, &wire::QosRec::grp_tres_mins},
                                {&Qos::grp_tres_run_mins, &wire::QosRec::grp_tres_run_mins},
                                {&Qos::max_tres_mins_pj, &wire::QosRec::max_tres_mins_pj},
                                {&Qos::max_tres_run_mins_pa, &wire::QosRec::max_tres_run_mins_pa},
                                {&Qos::max_tres_run_mins_pu, &wire::QosRec::max_tres_run_mins_pu},
                                {&Qos::max_tres_pa, &wire::QosRec::max_tres_pa},
                                {&Qos::max_tres_pj, &wire::QosRec::max_tres_pj},
                                {&Qos::max_tres_pn, &wire::QosRec::max_tres_pn},
                                {&Qos::max_tres_pu, &wire::QosRec::max_tres_pu},
                                {&Qos::min_tres_pj, &wire::QosRec::min_tres_pj}};

struct AssocNumber {
  std::uint32_t AssocLimits::*ours;
  std::uint32_t wire::AssocRec::*theirs;
};
constexpr AssocNumber kAssocNumbers[] = {{&AssocLimits::grp_jobs, &wire::AssocRec::grp_jobs},
                                         {&AssocLimits::grp_jobs_accrue, &wire::AssocRec::grp_jobs_accrue},
                                         {&AssocLimits::grp_submit_jobs, &wire::AssocRec::grp_submit_jobs},
                                         {&AssocLimits::grp_wall, &wire::AssocRec::grp_wall},
                                         {&AssocLimits::max_jobs, &wire::AssocRec::max_jobs},
                                         {&AssocLimits::max_jobs_accrue, &wire::AssocRec::max_jobs_accrue},
                                         {&AssocLimits::min_prio_thresh, &wire::AssocRec::min_prio_thresh},
                                         {&AssocLimits::max_submit_jobs, &wire::AssocRec::max_submit_jobs},
                                         {&AssocLimits::max_wall_pj, &wire::AssocRec::max_wall_pj},
                                         {&AssocLimits::priority, &wire::AssocRec::priority}};

struct AssocTres {
  TresCounts AssocLimits::*ours;
  std::string wire::AssocRec::*theirs;
};
constexpr AssocTres kAssocTres[] = {{&AssocLimits::grp_tres, &wire::AssocRec::grp_tres},
                                    {&AssocLimits::grp_tres_mins, &wire::AssocRec::grp_tres_mins},
                                    {&AssocLimits::grp_tres_run_mins, &wire::AssocRec::grp_tres_run_mins},
                                    {&AssocLimits::max_tres_pj, &wire::AssocRec::max_tres_pj},
                                    {&AssocLimits::max_tres_pn, &wire::AssocRec::max_tres_pn},
                                    {&AssocLimits::max_tres_mins_pj, &wire::AssocRec::max_tres_mins_pj},
                                    {&AssocLimits::max_tres_run_mins, &wire::AssocRec::max_tres_run_mins}};

void change(std::uint32_t& own, std::uint32_t wish) {
  if (wish != kNoVal32) own = wish;
}

/// QOS_FLAG_*: how the flags of a wish are meant (slurm 22.05 slurm/slurmdb.h).
constexpr std::uint32_t kFlagsNotSet = 0x10000000, kFlagsAdd = 0x20000000, kFlagsRemove = 0x40000000,
                        kFlagsBase = 0x0fffffff;
/// Factors that are left alone, and those that are taken away.
bool is_unset(double factor) {
  return factor == static_cast<double>(kNoVal32) || factor == static_cast<double>(kNoVal64);
}
bool is_infinite(double factor) {
  return factor == static_cast<double>(kInfinite32) || factor == static_cast<double>(kInfinite64) || factor < 0;
}

}  // namespace

wire::QosRec to_wire(const Qos& qos, const Books& all) {
  wire::QosRec rec;
  rec.id = qos.id;
  rec.name = qos.name;
  rec.description = qos.description;
  rec.flags = qos.flags;
  rec.grace_time = qos.grace_time;
  for (const QosNumber& each : kQosNumbers) rec.*each.theirs = qos.*each.ours;
  for (const QosTres& each : kQosTres) rec.*each.theirs = format_tres(qos.*each.ours);
  rec.preempt_bitstr = wire::Bits(all.qos.last_id() + 1);
  for (std::uint32_t id : qos.preempt)
    if (id < rec.preempt_bitstr.size()) rec.preempt_bitstr.set(id);
  rec.preempt_mode = qos.preempt_mode;
  rec.priority = qos.priority;
  rec.usage_factor = qos.usage_factor;
  rec.usage_thres = qos.usage_thres;
  rec.limit_factor = qos.limit_factor;
  return rec;
}

void change(Qos& qos, const wire::QosRec& wish) {
  if (!wish.description.empty()) qos.description = wish.description;
  if (wish.flags & kFlagsAdd)
    qos.flags |= wish.flags & kFlagsBase;
  else if (wish.flags & kFlagsRemove)
    qos.flags &= ~(wish.flags & kFlagsBase);
  else if (!(wish.flags & kFlagsNotSet))
    qos.flags = wish.flags & kFlagsBase;
  if (wish.grace_time == kInfinite32)
    qos.grace_time = 0;
  else
    change(qos.grace_time, wish.grace_time);
  for (const QosNumber& each : kQosNumbers) change(qos.*each.ours, wish.*each.theirs);
  for (const QosTres& each : kQosTres) change_tres(qos.*each.ours, parse_tres(wish.*each.theirs));
  if (wish.preempt_list) {
    bool replaced = false;
    for (const std::string& item : *wish.preempt_list) {
      if (item.empty()) {
        qos.preempt.clear();
        continue;
      }
      const bool sign = item[0] == '+' || item[0] == '-';
      std::uint32_t id = 0;
      std::from_chars(item.data() + (sign ? 1 : 0), item.data() + item.size(), id);
      if (!sign && !std::exchange(replaced, true)) qos.preempt.clear();
      if (item[0] == '-')
        qos.preempt.erase(id);
      else
        qos.preempt.insert(id);
    }
  }
  if (wish.preempt_mode != kNoVal16) qos.preempt_mode = wish.preempt_mode;
  if (wish.priority == kInfinite32)
    qos.priority = 0;
  else
    change(qos.priority, wish.priority);
  if (!is_unset(wish.usage_factor)) qos.usage_factor = is_infinite(wish.usage_factor) ? 1 : wish.usage_factor;
  if (!is_unset(wish.usage_thres)) qos.usage_thres = is_infinite(wish.usage_thres) ? Qos::kNoFactor : wish.usage_thres;
  if (!is_unset(wish.limit_factor))
    qos.limit_factor = is_infinite(wish.limit_factor) ? Qos::kNoFactor : wish.limit_factor;
}

wire::AssocRec to_wire(const Assoc& assoc) {
  wire::AssocRec rec;
  rec.id = assoc.id;
  rec.cluster = assoc.cluster;
  rec.acct = assoc.account;
  rec.user = assoc.user;
  rec.partition = assoc.partition;
  rec.parent_id = assoc.parent_id;
  rec.is_def = assoc.is_default ? 1 : 0;
  rec.flags = assoc.deleted ? 1 : 0;
  rec.shares_raw = assoc.shares;
  for (const AssocNumber& each : kAssocNumbers) rec.*each.theirs = assoc.limits.*each.ours;
  for (const AssocTres& each : kAssocTres) rec.*each.theirs = format_tres(assoc.limits.*each.ours);
  rec.def_qos_id = assoc.limits.def_qos_id == kInfinite32 ? 0 : assoc.limits.def_qos_id;
  rec.qos_list.emplace();
  for (std::uint32_t id : assoc.qos) rec.qos_list->push_back(std::to_string(id));
  for (const std::string& delta : assoc.delta_qos) rec.qos_list->push_back(delta);
  return rec;
}

void change(Assoc& assoc, const wire::AssocRec& wish) {
  if (wish.shares_raw == kInfinite32)
    assoc.shares = 1;
  else
    change(assoc.shares, wish.shares_raw);
  for (const AssocNumber& each : kAssocNumbers) change(assoc.limits.*each.ours, wish.*each.theirs);
  for (const AssocTres& each : kAssocTres) change_tres(assoc.limits.*each.ours, parse_tres(wish.*each.theirs));
  if (wish.def_qos_id == 0)
    assoc.limits.def_qos_id = kInfinite32;
  else
    change(assoc.limits.def_qos_id, wish.def_qos_id);
  if (!wish.qos_list || wish.qos_list->empty()) return;
  bool replaced = false;
  for (const std::string& item : *wish.qos_list) {
    const bool sign = !item.empty() && (item[0] == '+' || item[0] == '-');
    if (!sign) {
      // A whole list, or an empty one: back to what the account above has.
      if (!std::exchange(replaced, true)) {
        assoc.qos.clear();
        assoc.delta_qos.clear();
      }
      for (std::uint32_t id : numbers({item})) assoc.qos.push_back(id);
      continue;
    }
    const auto ids = numbers({item.substr(1)});
    if (ids.empty()) continue;
    if (!assoc.qos.empty()) {
      std::erase(assoc.qos, ids[0]);
      if (item[0] == '+') assoc.qos.push_back(ids[0]);
    } else {
      std::erase_if(assoc.delta_qos, [&](const std::string& each) { return each.substr(1) == item.substr(1); });
      assoc.delta_qos.push_back(item);
    }
  }
}

wire::ClusterRec to_wire(const Cluster& cluster) {
  wire::ClusterRec rec;
  rec.name = cluster.name;
  rec.control_host = cluster.control_host;
  rec.control_port = cluster.control_port;
  rec.rpc_version = cluster.rpc_version;
  rec.dimensions = cluster.dimensions;
  rec.classification = cluster.classification;
  rec.flags = cluster.flags;
  rec.plugin_id_select = cluster.plugin_id_select;
  rec.nodes = cluster.nodes;
  rec.tres_str = format_tres(cluster.tres);
  rec.fed_name = cluster.federation;
  rec.fed_id = cluster.fed_id;
  rec.fed_state = cluster.fed_state;
  if (!cluster.fed_features.empty()) rec.fed_feature_list = cluster.fed_features;
  return rec;
}

wire::ClusResRec to_wire(const std::string& cluster, std::uint32_t share) {
  return {.cluster = cluster, .percent_allowed = static_cast<std::uint16_t>(share), .allowed = share};
}

wire::ResRec to_wire(const Resource& resource) {
  wire::ResRec rec;
  rec.count = resource.count;
  rec.description = resource.description;
  rec.flags = resource.flags;
  rec.id = resource.id;
  rec.manager = resource.manager;
  rec.name = resource.name;
  rec.server = resource.server;
  rec.type = resource.type;
  rec.allocated = static_cast<std::uint32_t>(resource.shared());
  rec.percent_used = static_cast<std::uint16_t>(rec.allocated);
  rec.last_consumed = 0;
  rec.last_update = resource.modified;
  return rec;
}

void change(Resource& resource, const wire::ResRec& wish) {
  // slurm 22.05 slurm/slurmdb.h SLURMDB_RES_FLAG_*
  constexpr std::uint32_t kBase = 0x0fffffff, kNotSet = 0x10000000, kAdd = 0x20000000, kRemove = 0x40000000;
  change(resource.count, wish.count);
  if (wish.type != 0) resource.type = wish.type;
  if (!wish.description.empty()) resource.description = wish.description;
  if (!wish.manager.empty()) resource.manager = wish.manager;
  if (wish.flags & kNotSet) return;
  const std::uint32_t flags = wish.flags & kBase;
  if (wish.flags & kRemove)
    resource.flags &= ~flags;
  else
    resource.flags = wish.flags & kAdd ? resource.flags | flags : flags;
}

std::optional<std::uint32_t> share_of(const wire::ClusResRec& rec) {
  if (rec.allowed != kNoVal32) return rec.allowed;
  if (rec.percent_allowed != kNoVal16) return rec.percent_allowed;
  return std::nullopt;
}
std::optional<std::uint32_t> share_of(const wire::ResRec& rec) {
  if (rec.allocated != kNoVal32) return rec.allocated;
  if (rec.percent_used != kNoVal16) return rec.percent_used;
  return std::nullopt;
}

void change_names(std::vector<std::string>& names, const std::vector<std::string>& wish) {
  const auto signed_word = [](const std::string& word) { return word.starts_with('+') || word.starts_with('-'); };
  if (wish.empty() || !signed_word(wish.front())) names.clear();
  for (const std::string& word : wish) {
    const std::string name = signed_word(word) ? word.substr(1) : word;
    std::erase(names, name);
    if (!word.starts_with('-') && !name.empty()) names.push_back(name);
  }
  std::ranges::sort(names);
}

wire::AccountRec to_wire(const Account& account) {
  wire::AccountRec rec;
  rec.name = account.name;
  rec.description = account.description;
  rec.organization = account.organization;
  rec.flags = account.deleted ? 1 : 0;
  return rec;
}

wire::UserRec to_wire(const User& user) {
  wire::UserRec rec;
  rec.name = user.name;
  rec.admin_level = static_cast<std::uint16_t>(user.admin_level);
  rec.flags = user.deleted ? 1 : 0;
  return rec;
}

wire::WckeyRec to_wire(const Wckey& wckey) {
  wire::WckeyRec rec;
  rec.id = wckey.id;
  rec.cluster = wckey.cluster;
  rec.user = wckey.user;
  rec.name = wckey.name;
  rec.is_def = wckey.is_default ? 1 : 0;
  rec.flags = wckey.deleted ? 1 : 0;
  return rec;
}

wire::EventRec to_wire(const Event& event) {
  wire::EventRec rec;
  rec.cluster = event.cluster;
  rec.cluster_nodes = event.cluster_nodes;
  rec.event_type = event.node.empty() ? 1 : 2;
  rec.node_name = event.node;
  rec.period_start = event.start;
  rec.period_end = event.end;
  rec.reason = event.reason;
  rec.reason_uid = event.reason_uid;
  rec.state = event.state;
  rec.tres_str = event.tres;
  return rec;
}

wire::ReservationRec to_wire(const Reservation& reservation) {
  wire::ReservationRec rec;
  rec.assocs = reservation.assocs;
  rec.cluster = reservation.cluster;
  rec.comment = reservation.comment;
  rec.flags = reservation.flags;
  rec.id = reservation.id;
  rec.name = reservation.name;
  rec.nodes = reservation.nodes;
  rec.node_inx = reservation.node_inx;
  rec.time_start = reservation.start;
  rec.time_end = reservation.end;
  rec.tres_str = reservation.tres;
  rec.unused_wall = reservation.unused_wall;
  return rec;
}

Reservation to_acct(const wire::ReservationRec& rec) {
  Reservation reservation;
  reservation.assocs = rec.assocs;
  reservation.cluster = rec.cluster;
  reservation.comment = rec.comment;
  reservation.flags = rec.flags;
  reservation.id = rec.id;
  reservation.name = rec.name;
  reservation.nodes = rec.nodes;
  reservation.node_inx = rec.node_inx;
  reservation.start = rec.time_start;
  reservation.end = rec.time_end;
  reservation.tres = rec.tres_str;
  reservation.unused_wall = rec.unused_wall;
  return reservation;
}

std::vector<std::uint32_t> numbers(const std::vector<std::string>& list) {
  std::vector<std::uint32_t> result;
  for (const std::string& text : list) {
    std::uint32_t value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc()) result.push_back(value);
  }
  return result;
}

}  // namespace flurm::acct
