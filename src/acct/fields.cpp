// acct/fields.cpp — see fields.hpp.
#include "acct/fields.hpp"

#include <bit>

#include "codec/archive.hpp"

namespace flurm::acct {
namespace {

/// All of its bits: the archives' own form of a double is rounded.
struct Exact {
  double& value;
  void code(codec::Archive& ar) {
    auto bits = std::bit_cast<std::uint64_t>(value);
    ar.item(bits);
    if (ar.fills()) value = std::bit_cast<double>(bits);
  }
};

/// A table as the list of its records.
template <class Rows, class T, class Put>
void table(codec::Archive& ar, const char* name, const Rows& rows, Put&& put, T, codec::Span span = {}) {
  std::vector<T> list;
  if (!ar.fills())
    for (const auto& [key, row] : rows) list.push_back(*row);
  ar(name, list, span);
  if (ar.fills())
    for (T& each : list) put(std::move(each));
}

template <class T>
void by_id(codec::Archive& ar, const char* name, Table<std::uint32_t, T>& rows, codec::Span span = {}) {
  table(
      ar, name, rows.rows(),
      [&](T row) {
        const std::uint32_t id = row.id;
        rows.set(id, std::move(row));
      },
      T{}, span);
}

template <class T>
void by_name(codec::Archive& ar, const char* name, Table<std::string, T>& rows) {
  table(
      ar, name, rows.rows(),
      [&](T row) {
        const std::string key = row.name;
        rows.set(key, std::move(row));
      },
      T{});
}

}  // namespace

void fields(codec::Archive& ar, Account& a) {
  ar("name", a.name);
  ar("description", a.description);
  ar("organization", a.organization);
  ar("coordinators", a.coordinators);
  ar("deleted", a.deleted);
  ar("created", a.created);
  ar("modified", a.modified);
}

void fields(codec::Archive& ar, User& u) {
  ar("name", u.name);
  ar("admin_level", u.admin_level);
  ar("deleted", u.deleted);
  ar("created", u.created);
  ar("modified", u.modified);
}

void fields(codec::Archive& ar, AssocLimits& l) {
  ar("grp_jobs", l.grp_jobs);
  ar("grp_jobs_accrue", l.grp_jobs_accrue);
  ar("grp_submit_jobs", l.grp_submit_jobs);
  ar("grp_wall", l.grp_wall);
  ar("grp_tres", l.grp_tres);
  ar("grp_tres_mins", l.grp_tres_mins);
  ar("grp_tres_run_mins", l.grp_tres_run_mins);
  ar("max_jobs", l.max_jobs);
  ar("max_jobs_accrue", l.max_jobs_accrue);
  ar("min_prio_thresh", l.min_prio_thresh);
  ar("max_submit_jobs", l.max_submit_jobs);
  ar("max_wall_pj", l.max_wall_pj);
  ar("priority", l.priority);
  ar("def_qos_id", l.def_qos_id);
  ar("max_tres_pj", l.max_tres_pj);
  ar("max_tres_pn", l.max_tres_pn);
  ar("max_tres_mins_pj", l.max_tres_mins_pj);
  ar("max_tres_run_mins", l.max_tres_run_mins);
}

void fields(codec::Archive& ar, Assoc& a) {
  ar("id", a.id);
  ar("cluster", a.cluster);
  ar("account", a.account);
  ar("user", a.user);
  ar("partition", a.partition);
  ar("parent_id", a.parent_id);
  ar("rank", a.rank);
  ar("is_default", a.is_default);
  ar("shares", a.shares);
  ar("limits", a.limits);
  ar("qos", a.qos);
  ar("delta_qos", a.delta_qos);
  ar("deleted", a.deleted);
  ar("created", a.created);
  ar("modified", a.modified);
}

void fields(codec::Archive& ar, Qos& q) {
  ar("id", q.id);
  ar("name", q.name);
  ar("description", q.description);
  ar("flags", q.flags);
  ar("grace_time", q.grace_time);
  ar("grp_jobs", q.grp_jobs);
  ar("grp_jobs_accrue", q.grp_jobs_accrue);
  ar("grp_submit_jobs", q.grp_submit_jobs);
  ar("grp_wall", q.grp_wall);
  ar("grp_tres", q.grp_tres);
  ar("grp_tres_mins", q.grp_tres_mins);
  ar("grp_tres_run_mins", q.grp_tres_run_mins);
  ar("max_tres_mins_pj", q.max_tres_mins_pj);
  ar("max_tres_run_mins_pa", q.max_tres_run_mins_pa);
  ar("max_tres_run_mins_pu", q.max_tres_run_mins_pu);
  ar("max_tres_pa", q.max_tres_pa);
  ar("max_tres_pj", q.max_tres_pj);
  ar("max_tres_pn", q.max_tres_pn);
  ar("max_tres_pu", q.max_tres_pu);
  ar("min_tres_pj", q.min_tres_pj);
  ar("max_jobs_pa", q.max_jobs_pa);
  ar("max_jobs_pu", q.max_jobs_pu);
  ar("max_jobs_accrue_pa", q.max_jobs_accrue_pa);
  ar("max_jobs_accrue_pu", q.max_jobs_accrue_pu);
  ar("min_prio_thresh", q.min_prio_thresh);
  ar("max_submit_jobs_pa", q.max_submit_jobs_pa);
  ar("max_submit_jobs_pu", q.max_submit_jobs_pu);
  ar("max_wall_pj", q.max_wall_pj);
  ar("preempt", q.preempt);
  ar("preempt_mode", q.preempt_mode);
  ar("preempt_exempt_time", q.preempt_exempt_time);
  ar("priority", q.priority);
  ar("usage_factor", Exact{q.usage_factor});
  ar("usage_thres", Exact{q.usage_thres});
  ar("limit_factor", Exact{q.limit_factor});
  ar("deleted", q.deleted);
  ar("created", q.created);
  ar("modified", q.modified);
}

void fields(codec::Archive& ar, Tres& t) {
  ar("id", t.id);
  ar("type", t.type);
  ar("name", t.name);
}

void fields(codec::Archive& ar, Wckey& w) {
  ar("id", w.id);
  ar("cluster", w.cluster);
  ar("user", w.user);
  ar("name", w.name);
  ar("is_default", w.is_default);
  ar("deleted", w.deleted);
  ar("created", w.created);
  ar("modified", w.modified);
}

void fields(codec::Archive& ar, Resource& r) {
  ar("id", r.id);
  ar("name", r.name);
  ar("server", r.server);
  ar("description", r.description);
  ar("manager", r.manager);
  ar("count", r.count);
  ar("flags", r.flags);
  ar("type", r.type);
  ar("shares", r.shares);
  ar("deleted", r.deleted);
  ar("created", r.created);
  ar("modified", r.modified);
}

void fields(codec::Archive& ar, Usage& u) {
  ar("raw", Exact{u.raw});
  ar("wall", Exact{u.wall});
  std::vector<std::uint32_t> ids;
  for (const auto& [id, amount] : u.tres) ids.push_back(id);
  ar("tres", ids);
  if (ar.fills()) u.tres.clear();
  for (std::uint32_t id : ids) {
    double amount = ar.fills() ? 0 : u.tres.at(id);
    ar("amount", Exact{amount});
    if (ar.fills()) u.tres[id] = amount;
  }
}

void fields(codec::Archive& ar, Books& b) {
  if (ar.fills()) b = {};
  by_name(ar, "accounts", b.accounts);
  by_name(ar, "users", b.users);
  by_id(ar, "qos", b.qos);
  by_id(ar, "tres", b.tres);
  by_id(ar, "wckeys", b.wckeys);
  table(
      ar, "assocs", b.assocs().rows(), [&](Assoc row) { b.set_assoc(std::move(row)); }, Assoc{});
  by_id(ar, "resources", b.resources, codec::since(6));
}

}  // namespace flurm::acct
