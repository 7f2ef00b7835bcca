// dbd/publish.cpp — differences of two sets of books.
#include "dbd/publish.hpp"

#include <map>

#include "acct/edit.hpp"
#include "dbd/answers.hpp"
#include "dbd/translate.hpp"
#include "fmt/format.h"

namespace flurm::dbd {

namespace {

using wire::UpdateType;

/// Amounts that are gone are told as unlimited, else the controller would keep them.
std::string change_text(const std::string& before, const std::string& now) {
  if (before == now) return {};
  acct::TresCounts counts = acct::parse_tres(now);
  for (const auto& [id, amount] : acct::parse_tres(before)) counts.emplace(id, kInfinite64);
  return acct::format_tres(counts);
}

/// Only what differs; the rest as "unchanged".
wire::AssocRec difference(const wire::AssocRec& before, const wire::AssocRec& now) {
  wire::AssocRec rec;
  rec.id = now.id;
  rec.cluster = now.cluster;
  const auto number = [&](auto member) {
    if (before.*member != now.*member) rec.*member = now.*member;
  };
  for (auto member : {&wire::AssocRec::def_qos_id, &wire::AssocRec::shares_raw, &wire::AssocRec::grp_jobs,
                      &wire::AssocRec::grp_jobs_accrue, &wire::AssocRec::grp_submit_jobs, &wire::AssocRec::grp_wall,
                      &wire::AssocRec::max_jobs, &wire::AssocRec::max_jobs_accrue, &wire::AssocRec::min_prio_thresh,
                      &wire::AssocRec::max_submit_jobs, &wire::AssocRec::max_wall_pj, &wire::AssocRec::priority,
                      &wire::AssocRec::lft, &wire::AssocRec::rgt})
    number(member);
  for (auto member : {&wire::AssocRec::grp_tres, &wire::AssocRec::grp_tres_mins, &wire::AssocRec::grp_tres_run_mins,
                      &wire::AssocRec::max_tres_pj, &wire::AssocRec::max_tres_pn, &wire::AssocRec::max_tres_mins_pj,
                      &wire::AssocRec::max_tres_run_mins})
    rec.*member = change_text(before.*member, now.*member);
  if (before.is_def != now.is_def) rec.is_def = now.is_def;
  if (before.parent_id != now.parent_id) {
    rec.parent_acct = now.parent_acct;
    rec.parent_id = now.parent_id;
  }
  if (before.qos_list != now.qos_list) {
    // '=': the whole list, in place of the one before.
    rec.qos_list.emplace();
    for (const std::string& id : *now.qos_list) rec.qos_list->push_back("=" + id);
    if (now.qos_list->empty()) rec.qos_list->push_back("");
  }
  rec.lineage = now.lineage;
  return rec;
}

std::map<std::uint32_t, wire::AssocRec> told(const acct::Books& books, const std::string& cluster) {
  std::map<std::uint32_t, wire::AssocRec> records;
  for (const acct::Books::Placed& placed : books.tree(cluster))
    if (!placed.assoc->deleted) records.emplace(placed.assoc->id, tell_assoc(books, placed));
  return records;
}

/// Collects records of one kind.
class Collected {
 public:
  wire::UpdateObject& of(UpdateType type) {
    for (wire::UpdateObject& each : update_.update_list)
      if (each.type == type) return each;
    update_.update_list.emplace_back().type = type;
    return update_.update_list.back();
  }
  wire::AccountingUpdate take() { return std::move(update_); }

 private:
  wire::AccountingUpdate update_;
};

void user_updates(Collected& out, const acct::Books& before, const acct::Books& now, const std::string& cluster) {
  const auto tell = [&](const acct::Books& books, const acct::User& user) {
    wire::UserRec rec = tell_user(books, user, {cluster});
    for (const auto& [account, direct] : acct::coordinated(books, user.name))
      rec.coord_accts.push_back({account, static_cast<std::uint16_t>(direct)});
    return rec;
  };
  for (const auto& [name, user] : now.users.rows()) {
    if (user->deleted) continue;
    wire::UserRec rec = tell(now, *user);
    const acct::User* old = before.users.find_live(name);
    if (!old) {
      out.of(UpdateType::add_user).users.push_back(std::move(rec));
      continue;
    }
    const wire::UserRec was = tell(before, *old);
    if (was.coord_accts != rec.coord_accts) out.of(UpdateType::add_coord).users.push_back(rec);
    rec.coord_accts = was.coord_accts;
    if (!(was == rec)) out.of(UpdateType::modify_user).users.push_back(std::move(rec));
  }
  for (const auto& [name, user] : before.users.rows()) {
    if (user->deleted || now.users.find_live(name)) continue;
    wire::UserRec rec;
    rec.name = name;
    out.of(UpdateType::remove_user).users.push_back(std::move(rec));
  }
}

void assoc_updates(Collected& out, const acct::Books& before, const acct::Books& now, const std::string& cluster) {
  const auto old = told(before, cluster), fresh = told(now, cluster);
  for (const auto& [id, rec] : fresh) {
    auto was = old.find(id);
    if (was == old.end()) {
      out.of(UpdateType::add_assoc).assocs.push_back(rec);
    } else if (!(was->second == rec)) {
      out.of(UpdateType::modify_assoc).assocs.push_back(difference(was->second, rec));
    }
  }
  for (const auto& [id, rec] : old) {
    if (fresh.contains(id)) continue;
    wire::AssocRec gone;
    gone.id = id;
    gone.cluster = cluster;
    out.of(UpdateType::remove_assoc).assocs.push_back(std::move(gone));
  }
}

/// A controller hears of its own cluster's shares.
void resource_updates(Collected& out, const acct::Books& before, const acct::Books& now, const std::string& cluster) {
  const auto shared = [&](const acct::Books& books, std::uint32_t id) -> const acct::Resource* {
    const acct::Resource* resource = books.resources.find_live(id);
    return resource && resource->shares.contains(cluster) ? resource : nullptr;
  };
  const auto tell = [&](UpdateType type, const acct::Resource& resource) {
    wire::ResRec rec = to_wire(resource);
    rec.clus_res_rec = acct::to_wire(cluster, resource.shares.at(cluster));
    out.of(type).res.push_back(std::move(rec));
  };
  for (const auto& [id, row] : now.resources.rows()) {
    const acct::Resource* fresh = shared(now, id);
    const acct::Resource* old = shared(before, id);
    if (fresh && !old) tell(UpdateType::add_res, *fresh);
    if (fresh && old && !(*fresh == *old)) tell(UpdateType::modify_res, *fresh);
  }
  for (const auto& [id, row] : before.resources.rows())
    if (shared(before, id) && !shared(now, id)) tell(UpdateType::remove_res, *row);
}

template <class T, class Tell>
void table_updates(const acct::Table<std::uint32_t, T>& before, const acct::Table<std::uint32_t, T>& now, Tell&& tell) {
  for (const auto& [id, row] : now.rows()) {
    const T* old = before.find_live(id);
    if (row->deleted) continue;
    if (!old)
      tell(0, *row, nullptr);
    else if (!(*old == *row))
      tell(1, *row, old);
  }
  for (const auto& [id, row] : before.rows())
    if (!row->deleted && !now.find_live(id)) tell(2, *row, row.get());
}

}  // namespace

wire::AccountingUpdate updates(const acct::Books& before, const acct::Books& now, const std::string& cluster) {
  Collected out;
  for (const auto& [id, tres] : now.tres.rows())
    if (!before.tres.find(id)) out.of(UpdateType::add_tres).tres.push_back(to_wire(*tres));
  constexpr UpdateType kQos[] = {UpdateType::add_qos, UpdateType::modify_qos, UpdateType::remove_qos};
  table_updates(before.qos, now.qos, [&](int kind, const acct::Qos& qos, const acct::Qos* old) {
    wire::QosRec rec = to_wire(qos, now);
    if (kind == 1) {
      const wire::QosRec was = to_wire(*old, before);
      for (auto member : {&wire::QosRec::grp_tres, &wire::QosRec::grp_tres_mins, &wire::QosRec::grp_tres_run_mins,
                          &wire::QosRec::max_tres_mins_pj, &wire::QosRec::max_tres_run_mins_pa,
                          &wire::QosRec::max_tres_run_mins_pu, &wire::QosRec::max_tres_pa, &wire::QosRec::max_tres_pj,
                          &wire::QosRec::max_tres_pn, &wire::QosRec::max_tres_pu, &wire::QosRec::min_tres_pj})
        rec.*member = change_text(was.*member, rec.*member);
    }
    out.of(kQos[kind]).qos.push_back(std::move(rec));
  });
  user_updates(out, before, now, cluster);
  assoc_updates(out, before, now, cluster);
  constexpr UpdateType kWckey[] = {UpdateType::add_wckey, UpdateType::modify_wckey, UpdateType::remove_wckey};
  table_updates(before.wckeys, now.wckeys, [&](int kind, const acct::Wckey& wckey, const acct::Wckey*) {
    if (wckey.cluster == cluster) out.of(kWckey[kind]).wckeys.push_back(to_wire(wckey));
  });
  resource_updates(out, before, now, cluster);
  const wire::FederationList federations = tell_federations(now);
  // Even an empty list: the last one may have gone.
  if (!(federations == tell_federations(before))) out.of(UpdateType::update_feds).federations = federations.list;
  return out.take();
}

}  // namespace flurm::dbd
