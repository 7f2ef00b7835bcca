// wire/msg/assoc_mgr.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/assoc_mgr.hpp"

namespace flurm::wire {

using codec::absent_if_empty, codec::Archive, codec::text_f64;

void fields(Archive& ar, AssocMgrInfoRequest& m) {
  ar("acct_list", absent_if_empty(m.acct_list));
  ar("flags", m.flags);
  ar("qos_list", absent_if_empty(m.qos_list));
  ar("user_list", absent_if_empty(m.user_list));
}

void fields(Archive& ar, AssocUsageRec& m) {
  ar("accrue_cnt", m.accrue_cnt);
  ar("grp_used_tres", m.grp_used_tres);
  ar("grp_used_tres_run_secs", m.grp_used_tres_run_secs);
  ar("grp_used_wall", m.grp_used_wall);
  ar("fs_factor", m.fs_factor);
  ar("level_shares", m.level_shares);
  ar("shares_norm", m.shares_norm);
  ar("usage_efctv", text_f64(m.usage_efctv));
  ar("usage_norm", text_f64(m.usage_norm));
  ar("usage_raw", text_f64(m.usage_raw));
  ar("usage_tres_raw", text_f64(m.usage_tres_raw));
  ar("used_jobs", m.used_jobs);
  ar("used_submit_jobs", m.used_submit_jobs);
  ar("level_fs", text_f64(m.level_fs));
  ar("valid_qos", m.valid_qos);
}

void fields(Archive& ar, AssocWithUsage& m) {
  ar("object", m.object);
  ar("usage", m.usage);
  ar("grp_tres_mins_ctld", m.grp_tres_mins_ctld);
  ar("grp_tres_run_mins_ctld", m.grp_tres_run_mins_ctld);
  ar("grp_tres_ctld", m.grp_tres_ctld);
  ar("max_tres_mins_ctld", m.max_tres_mins_ctld);
  ar("max_tres_run_mins_ctld", m.max_tres_run_mins_ctld);
  ar("max_tres_ctld", m.max_tres_ctld);
  ar("max_tres_pn_ctld", m.max_tres_pn_ctld);
}

void fields(Archive& ar, UsedLimits& m) {
  ar("accrue_cnt", m.accrue_cnt);
  ar("acct", m.acct);
  ar("jobs", m.jobs);
  ar("submit_jobs", m.submit_jobs);
  ar("tres", m.tres);
  ar("tres_run_secs", m.tres_run_secs);
  ar("uid", m.uid);
}

void fields(Archive& ar, QosUsageRec& m) {
  ar("accrue_cnt", m.accrue_cnt);
  ar("grp_used_jobs", m.grp_used_jobs);
  ar("grp_used_submit_jobs", m.grp_used_submit_jobs);
  ar("grp_used_tres", m.grp_used_tres);
  ar("grp_used_tres_run_secs", m.grp_used_tres_run_secs);
  ar("grp_used_wall", m.grp_used_wall);
  ar("norm_priority", m.norm_priority);
  ar("usage_raw", text_f64(m.usage_raw));
  ar("usage_tres_raw", text_f64(m.usage_tres_raw));
  ar("user_limit_list", absent_if_empty(m.user_limit_list));
  ar("acct_limit_list", absent_if_empty(m.acct_limit_list));
}

void fields(Archive& ar, QosWithUsage& m) {
  ar("object", m.object);
  ar("grp_tres_mins_ctld", m.grp_tres_mins_ctld);
  ar("grp_tres_run_mins_ctld", m.grp_tres_run_mins_ctld);
  ar("grp_tres_ctld", m.grp_tres_ctld);
  ar("max_tres_mins_pj_ctld", m.max_tres_mins_pj_ctld);
  ar("max_tres_run_mins_pa_ctld", m.max_tres_run_mins_pa_ctld);
  ar("max_tres_run_mins_pu_ctld", m.max_tres_run_mins_pu_ctld);
  ar("max_tres_pa_ctld", m.max_tres_pa_ctld);
  ar("max_tres_pj_ctld", m.max_tres_pj_ctld);
  ar("max_tres_pn_ctld", m.max_tres_pn_ctld);
  ar("max_tres_pu_ctld", m.max_tres_pu_ctld);
  ar("min_tres_pj_ctld", m.min_tres_pj_ctld);
  ar("usage", m.usage);
}

void fields(Archive& ar, AssocMgrInfo& m) {
  ar("tres_names", m.tres_names);
  ar("assoc_list", m.assoc_list);
  ar("qos_list", m.qos_list);
  ar("user_list", m.user_list);
}

}  // namespace flurm::wire
