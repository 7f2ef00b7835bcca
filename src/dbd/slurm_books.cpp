// dbd/slurm_books.cpp — clusters, accounts, users, associations, QOS, TRES, wckeys, resources and federations of a
// slurmdbd's database as books.
#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

#include "dbd/slurm_tables.hpp"

namespace flurm::dbd {

namespace {

constexpr std::uint32_t kUnlimited = kInfinite32;

/// Calls `each` with the items of a list that may begin with a comma: ",1,2".
template <class Each>
void split(std::string_view text, Each&& each) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    if (end > 0) each(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// "1,3-5" as numbers.
template <class Add>
void numbers(std::string_view text, Add&& add) {
  split(text, [&](std::string_view item) {
    std::uint32_t first = 0, last = 0;
    const auto [at, error] = std::from_chars(item.data(), item.data() + item.size(), first);
    if (error != std::errc()) return;
    last = first;
    if (at < item.data() + item.size() && *at == '-') std::from_chars(at + 1, item.data() + item.size(), last);
    constexpr std::uint32_t kRangeMax = 100'000;
    for (std::uint32_t id = first; id <= last && id - first < kRangeMax; ++id) add(id);
  });
}

template <class T>
void stamp(const SlurmRow& row, T& record) {
  record.deleted = row.flag("deleted");
  record.created = row.time("creation_time");
  record.modified = row.time("mod_time");
}

acct::Cluster cluster_of(const SlurmRow& row) {
  acct::Cluster cluster;
  cluster.name = row.text("name");
  cluster.last_port = row.small("last_port");
  cluster.rpc_version = static_cast<std::uint16_t>(row.number("rpc_version"));
  cluster.dimensions = static_cast<std::uint16_t>(row.number("dimensions", 1));
  cluster.classification = static_cast<std::uint16_t>(row.number("classification"));
  cluster.flags = row.small("flags");
  cluster.plugin_id_select = row.small("plugin_id_select");
  cluster.federation = row.text("federation");
  cluster.fed_id = row.small("fed_id");
  cluster.fed_state = row.small("fed_state");
  split(row.text("features"), [&](std::string_view word) { cluster.fed_features.emplace_back(word); });
  stamp(row, cluster);
  return cluster;
}

acct::Qos qos_of(const SlurmRow& row) {
  acct::Qos qos;
  qos.id = row.small("id");
  qos.name = row.text("name");
  qos.description = row.text("description");
  qos.flags = row.small("flags");
  qos.grace_time = row.small("grace_time");
  const struct {
    const char* column;
    std::uint32_t acct::Qos::*member;
  } kNumbers[] = {{"max_jobs_pa", &acct::Qos::max_jobs_pa},
                  {"max_jobs_per_user", &acct::Qos::max_jobs_pu},
                  {"max_jobs_accrue_pa", &acct::Qos::max_jobs_accrue_pa},
                  {"max_jobs_accrue_pu", &acct::Qos::max_jobs_accrue_pu},
                  {"min_prio_thresh", &acct::Qos::min_prio_thresh},
                  {"max_submit_jobs_pa", &acct::Qos::max_submit_jobs_pa},
                  {"max_submit_jobs_per_user", &acct::Qos::max_submit_jobs_pu},
                  {"max_wall_duration_per_job", &acct::Qos::max_wall_pj},
                  {"grp_jobs", &acct::Qos::grp_jobs},
                  {"grp_jobs_accrue", &acct::Qos::grp_jobs_accrue},
                  {"grp_submit_jobs", &acct::Qos::grp_submit_jobs},
                  {"grp_wall", &acct::Qos::grp_wall},
                  {"preempt_exempt_time", &acct::Qos::preempt_exempt_time}};
  for (const auto& each : kNumbers) qos.*each.member = row.small(each.column, kUnlimited);
  const struct {
    const char* column;
    acct::TresCounts acct::Qos::*member;
  } kTres[] = {{"max_tres_pa", &acct::Qos::max_tres_pa},
               {"max_tres_pj", &acct::Qos::max_tres_pj},
               {"max_tres_pn", &acct::Qos::max_tres_pn},
               {"max_tres_pu", &acct::Qos::max_tres_pu},
               {"max_tres_mins_pj", &acct::Qos::max_tres_mins_pj},
               {"max_tres_run_mins_pa", &acct::Qos::max_tres_run_mins_pa},
               {"max_tres_run_mins_pu", &acct::Qos::max_tres_run_mins_pu},
               {"min_tres_pj", &acct::Qos::min_tres_pj},
               {"grp_tres", &acct::Qos::grp_tres},
               {"grp_tres_mins", &acct::Qos::grp_tres_mins},
               {"grp_tres_run_mins", &acct::Qos::grp_tres_run_mins}};
  for (const auto& each : kTres) qos.*each.member = acct::parse_tres(row.text(each.column));
  numbers(row.text("preempt"), [&](std::uint32_t id) { qos.preempt.insert(id); });
  qos.preempt_mode = static_cast<std::uint16_t>(row.number("preempt_mode"));
  qos.priority = row.small("priority");
  qos.usage_factor = row.real("usage_factor", 1);
  qos.usage_thres = row.real("usage_thres", acct::Qos::kNoFactor);
  qos.limit_factor = row.real("limit_factor", acct::Qos::kNoFactor);
  stamp(row, qos);
  return qos;
}

/// Without its own number, its place in the tree and its cluster.
acct::Assoc assoc_of(const SlurmRow& row) {
  acct::Assoc assoc;
  assoc.account = row.text("acct");
  assoc.user = row.text("user");
  assoc.partition = row.text("partition");
  assoc.is_default = row.flag("is_def");
  assoc.shares = row.small("shares", 1);
  const struct {
    const char* column;
    std::uint32_t acct::AssocLimits::*member;
  } kNumbers[] = {{"max_jobs", &acct::AssocLimits::max_jobs},
                  {"max_jobs_accrue", &acct::AssocLimits::max_jobs_accrue},
                  {"min_prio_thresh", &acct::AssocLimits::min_prio_thresh},
                  {"max_submit_jobs", &acct::AssocLimits::max_submit_jobs},
                  {"max_wall_pj", &acct::AssocLimits::max_wall_pj},
                  {"grp_jobs", &acct::AssocLimits::grp_jobs},
                  {"grp_jobs_accrue", &acct::AssocLimits::grp_jobs_accrue},
                  {"grp_submit_jobs", &acct::AssocLimits::grp_submit_jobs},
                  {"grp_wall", &acct::AssocLimits::grp_wall},
                  {"priority", &acct::AssocLimits::priority},
                  {"def_qos_id", &acct::AssocLimits::def_qos_id}};
  for (const auto& each : kNumbers) assoc.limits.*each.member = row.small(each.column, kUnlimited);
  const struct {
    const char* column;
    acct::TresCounts acct::AssocLimits::*member;
  } kTres[] = {{"max_tres_pj", &acct::AssocLimits::max_tres_pj},
               {"max_tres_pn", &acct::AssocLimits::max_tres_pn},
               {"max_tres_mins_pj", &acct::AssocLimits::max_tres_mins_pj},
               {"max_tres_run_mins", &acct::AssocLimits::max_tres_run_mins},
               {"grp_tres", &acct::AssocLimits::grp_tres},
               {"grp_tres_mins", &acct::AssocLimits::grp_tres_mins},
               {"grp_tres_run_mins", &acct::AssocLimits::grp_tres_run_mins}};
  for (const auto& each : kTres) assoc.limits.*each.member = acct::parse_tres(row.text(each.column));
  numbers(row.text("qos"), [&](std::uint32_t id) { assoc.qos.push_back(id); });
  split(row.text("delta_qos"), [&](std::string_view word) { assoc.delta_qos.emplace_back(word); });
  stamp(row, assoc);
  return assoc;
}

/// Hands out the old number where no cluster before has it, and else the next new one.
class Numbering {
 public:
  explicit Numbering(std::uint32_t& next) : next_(next) {}
  std::uint32_t take(std::uint32_t old) {
    if (taken_.insert(old).second) return old;
    taken_.insert(next_);
    return next_++;
  }

 private:
  std::set<std::uint32_t> taken_;
  std::uint32_t& next_;  // above all old ones
};

struct Placed {
  acct::Assoc assoc;
  std::string parent;
  std::tuple<std::int64_t, std::string> order;  // of the tree: the left number, or since 23.11 the lineage
};

void add_assocs(SlurmBooks& all, const std::string& cluster, const SlurmTable& table, Numbering& numbering) {
  Renumbered& numbered = all.clusters[cluster];
  std::vector<Placed> list;
  table.each("ORDER BY id_assoc", {}, [&](const SlurmRow& row) {
    Placed each{
        assoc_of(row), row.text("parent_acct"), {static_cast<std::int64_t>(row.number("lft")), row.text("lineage")}};
    each.assoc.cluster = cluster;
    each.assoc.id = numbering.take(row.small("id_assoc"));
    numbered.assocs[row.small("id_assoc")] = each.assoc.id;
    list.push_back(std::move(each));
  });
  std::map<std::string, std::uint32_t> accounts;
  for (const Placed& each : list)
    if (each.assoc.user.empty()) accounts[each.assoc.account] = each.assoc.id;
  // Who comes first among neighbours has the highest rank; whoever is added later gets one above all of these.
  std::ranges::sort(list, {}, &Placed::order);
  std::uint32_t rank = static_cast<std::uint32_t>(list.size());
  for (Placed& each : list) {
    const auto above = accounts.find(each.assoc.user.empty() ? each.parent : each.assoc.account);
    each.assoc.parent_id = above == accounts.end() ? 0 : above->second;
    each.assoc.rank = rank--;
    all.books.set_assoc(std::move(each.assoc));
  }
}

void add_wckeys(SlurmBooks& all, const std::string& cluster, const SlurmTable& table, Numbering& numbering) {
  table.each("ORDER BY id_wckey", {}, [&](const SlurmRow& row) {
    acct::Wckey wckey;
    wckey.id = numbering.take(row.small("id_wckey"));
    wckey.cluster = cluster;
    wckey.user = row.text("user");
    wckey.name = row.text("wckey_name");
    wckey.is_default = row.flag("is_def");
    stamp(row, wckey);
    all.clusters[cluster].wckeys[row.small("id_wckey")] = wckey.id;
    const std::uint32_t id = wckey.id;
    all.books.wckeys.set(id, std::move(wckey));
  });
}

void add_resources(acct::Books& books, store::Session& session) {
  SlurmTable(session, "res_table").each("", {}, [&](const SlurmRow& row) {
    acct::Resource resource;
    resource.id = row.small("id");
    resource.name = row.text("name");
    resource.description = row.text("description");
    resource.manager = row.text("manager");
    resource.server = row.text("server");
    resource.count = row.small("count");
    resource.type = row.small("type");
    resource.flags = row.small("flags");
    stamp(row, resource);
    const std::uint32_t id = resource.id;
    books.resources.set(id, std::move(resource));
  });
  const SlurmTable shares(session, "clus_res_table");
  shares.each("WHERE deleted = 0", {}, [&](const SlurmRow& row) {
    const acct::Resource* known = books.resources.find(row.small("res_id"));
    if (!known) return;
    acct::Resource shared = *known;
    shared.shares[row.text("cluster")] = row.small(shares.has("allowed") ? "allowed" : "percent_allowed");
    const std::uint32_t id = shared.id;
    books.resources.set(id, std::move(shared));
  });
  books.next_resource_id = books.resources.last_id() + 1;
}

void add_entities(acct::Books& books, store::Session& session) {
  SlurmTable(session, "tres_table").each("WHERE deleted = 0", {}, [&](const SlurmRow& row) {
    books.tres.set(row.small("id"), {row.small("id"), row.text("type"), row.text("name")});
  });
  books.next_tres_id = std::max(books.tres.last_id() + 1, std::uint32_t{acct::tres_first_dynamic});
  SlurmTable(session, "qos_table").each("", {}, [&](const SlurmRow& row) {
    books.qos.set(row.small("id"), qos_of(row));
  });
  books.next_qos_id = books.qos.last_id() + 1;
  SlurmTable(session, "user_table").each("", {}, [&](const SlurmRow& row) {
    acct::User user;
    user.name = row.text("name");
    user.admin_level = static_cast<acct::AdminLevel>(row.number("admin_level", 1));
    stamp(row, user);
    books.users.set(row.text("name"), std::move(user));
  });
  SlurmTable(session, "acct_table").each("", {}, [&](const SlurmRow& row) {
    acct::Account account;
    account.name = row.text("name");
    account.description = row.text("description");
    account.organization = row.text("organization");
    stamp(row, account);
    books.accounts.set(row.text("name"), std::move(account));
  });
  SlurmTable(session, "acct_coord_table").each("WHERE deleted = 0", {}, [&](const SlurmRow& row) {
    const acct::Account* known = books.accounts.find(row.text("acct"));
    if (!known) return;
    acct::Account coordinated = *known;
    coordinated.coordinators.insert(row.text("user"));
    books.accounts.set(row.text("acct"), std::move(coordinated));
  });
  SlurmTable(session, "federation_table").each("", {}, [&](const SlurmRow& row) {
    acct::Federation federation;
    federation.name = row.text("name");
    federation.flags = row.small("flags");
    stamp(row, federation);
    books.federations.set(row.text("name"), std::move(federation));
  });
  add_resources(books, session);
}

}  // namespace

SlurmBooks read_books(store::Session& session) {
  SlurmBooks all;
  add_entities(all.books, session);
  std::vector<acct::Cluster> clusters;
  SlurmTable(session, "cluster_table").each("ORDER BY name", {}, [&](const SlurmRow& row) {
    clusters.push_back(cluster_of(row));
  });
  struct Tables {
    SlurmTable assocs, wckeys, events, jobs;
  };
  std::vector<Tables> tables;
  for (const acct::Cluster& each : clusters) {
    const auto table = [&](const char* name) { return SlurmTable(session, each.name + name); };
    tables.push_back({table("_assoc_table"), table("_wckey_table"), table("_event_table"), table("_job_table")});
    const auto above = [](const SlurmTable& of, const char* column) {
      return static_cast<std::uint32_t>(of.number(std::string("MAX(") + column + ")")) + 1;
    };
    all.books.next_assoc_id = std::max(all.books.next_assoc_id, above(tables.back().assocs, "id_assoc"));
    all.books.next_wckey_id = std::max(all.books.next_wckey_id, above(tables.back().wckeys, "id_wckey"));
  }
  Numbering assocs(all.books.next_assoc_id), wckeys(all.books.next_wckey_id);
  std::uint64_t jobs = 0;
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    acct::Cluster& cluster = clusters[i];
    all.clusters[cluster.name].jobs = jobs;
    // Those that were purged count, too: archives may bring them back.
    jobs += static_cast<std::uint64_t>(std::max(tables[i].jobs.number("MAX(job_db_inx)"), tables[i].jobs.last_given()));
    add_assocs(all, cluster.name, tables[i].assocs, assocs);
    add_wckeys(all, cluster.name, tables[i].wckeys, wckeys);
    tables[i].events.each("WHERE node_name = '' ORDER BY time_start DESC LIMIT 1", {}, [&](const SlurmRow& row) {
      cluster.nodes = row.text("cluster_nodes");
      cluster.tres = acct::parse_tres(row.text("tres"));
    });
    const std::string name = cluster.name;
    all.books.clusters.set(name, std::move(cluster));
  }
  all.last_job = jobs;
  return all;
}

}  // namespace flurm::dbd
