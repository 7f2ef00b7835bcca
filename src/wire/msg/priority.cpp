// wire/msg/priority.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/priority.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::absent_if_empty, codec::Archive, codec::Kind, codec::since, codec::text_f64, codec::until, codec::unused;

void fields(Archive& ar, PriorityFactorsRequest& m) {
  ar("job_id_list", m.job_id_list, until(v23_02));
  ar("uid_list", m.uid_list, until(v23_02));
  ar("partitions", m.partitions, until(v23_02));
}

namespace {

void six_factors(Archive& ar, PriorityFactors& m) {
  ar("priority_age", m.priority_age);
  ar("priority_assoc", m.priority_assoc);
  ar("priority_fs", m.priority_fs);
  ar("priority_js", m.priority_js);
  ar("priority_part", m.priority_part);
  ar("priority_qos", m.priority_qos);
}

void fields_22_05(Archive& ar, PriorityFactorsObject& m) {
  PriorityFactors& factors = m.prio_factors;
  ar("job_id", m.step_id.job_id);
  ar("user_id", m.user_id);
  six_factors(ar, factors);
  ar("direct_prio", m.direct_prio);
  ar("priority_site", factors.priority_site);
  ar("priority_tres", factors.priority_tres);
  auto tres_cnt = static_cast<std::uint32_t>(factors.priority_tres.size());
  ar("tres_cnt", unused(tres_cnt));
  ar("assoc_mgr_tres_name_array", factors.assoc_mgr_tres_name_array);
  ar("tres_weights", factors.tres_weights);
  ar("nice", factors.nice);
  ar("partition", m.partition);
}

}  // namespace

void fields(Archive& ar, PriorityFactors& m) {
  six_factors(ar, m);
  ar("priority_site", m.priority_site);
  ar("priority_tres", m.priority_tres);
  ar("assoc_mgr_tres_name_array", m.assoc_mgr_tres_name_array);
  ar("tres_weights", m.tres_weights);
  ar("nice", m.nice);
}

void fields(Archive& ar, PriorityFactorsObject& m) {
  if (ar.version() < v23_02) return fields_22_05(ar, m);
  ar("account", m.account);
  ar("job_id", m.step_id.job_id, until(v26_05));
  ar("step_id", m.step_id, since(v26_05));
  ar("partition", m.partition);
  ar("direct_prio", m.direct_prio);
  if (ar.kind() == Kind::fuzz && ar.choose(2) == 0) m.direct_prio = 0;
  if (m.direct_prio == 0) ar("prio_factors", m.prio_factors);
  ar("qos", m.qos);
  ar("user_id", m.user_id);
}

void fields(Archive& ar, PriorityFactorsResponse& m) { ar("priority_factors_list", m.priority_factors_list); }

void fields(Archive& ar, SharesRequest& m) {
  ar("acct_list", m.acct_list);
  ar("user_list", m.user_list);
}

void fields(Archive& ar, AssocSharesObject& m) {
  ar("assoc_id", m.assoc_id);
  ar("cluster", m.cluster);
  ar("name", m.name);
  ar("parent", m.parent);
  ar("partition", m.partition);
  ar("shares_norm", m.shares_norm);
  ar("shares_raw", m.shares_raw);
  ar("tres_run_secs", m.tres_run_secs);
  ar("tres_grp_mins", m.tres_grp_mins);
  ar("usage_efctv", m.usage_efctv);
  ar("usage_norm", m.usage_norm);
  ar("usage_raw", m.usage_raw);
  ar("usage_tres_raw", text_f64(m.usage_tres_raw));
  ar("fs_factor", m.fs_factor);
  ar("level_fs", m.level_fs);
  ar("user", m.user);
}

void fields(Archive& ar, SharesResponse& m) {
  ar("tres_names", m.tres_names);
  ar("assoc_shares_list", absent_if_empty(m.assoc_shares_list));
  ar("tot_shares", m.tot_shares);
}

}  // namespace flurm::wire
