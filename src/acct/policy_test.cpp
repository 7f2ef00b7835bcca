// acct/policy_test.cpp — limits of associations and QOS, one a test.
#include "acct/policy.hpp"

#include "acct/limit_reason.hpp"
#include "gtest/gtest.h"

namespace flurm::acct {
namespace {

/// root (1) ─ physics (2) ─ ann (3); QOS normal (1) and high (2).
struct Site {
  Books books;
  PersistentMap<Usage> assoc_usage, qos_usage;
  Submitted submitted;
  bool safe = false;

  Site() {
    books.set_assoc({.id = 1, .cluster = "c", .account = "root"});
    books.set_assoc({.id = 2, .cluster = "c", .account = "physics", .parent_id = 1});
    books.set_assoc({.id = 3, .cluster = "c", .account = "physics", .user = "ann", .parent_id = 2});
    books.qos.set(1, {.id = 1, .name = "normal"});
    books.qos.set(2, {.id = 2, .name = "high"});
    for (std::uint32_t id : {1u, 2u, 4u, 1001u})
      books.tres.set(id, {.id = id, .type = id == 1001 ? "gres" : "x", .name = "gpu"});
  }
  void limit(std::uint32_t assoc, void (*change)(AssocLimits&)) {
    Assoc changed = *books.assocs().find(assoc);
    change(changed.limits);
    books.set_assoc(std::move(changed));
  }
  void limit_qos(std::uint32_t id, void (*change)(Qos&)) {
    Qos changed = *books.qos.find(id);
    change(changed);
    books.qos.set(id, std::move(changed));
  }
  Policy policy() const { return {std::make_shared<const Books>(books), assoc_usage, qos_usage, safe}; }
  std::uint32_t submit(Claimant job) const { return check_submission(books, submitted, job); }
};

Claimant job(std::uint64_t cpus = 1, std::uint32_t minutes = 10) {
  return {.assoc = 3, .qos = 1, .user = 1000, .time_limit = minutes, .tres = {{1, cpus}, {4, 1}}, .nodes = {7}};
}

TEST(Policy, jobs_of_a_user_and_of_an_account_are_counted) {
  Site site;
  site.limit(3, [](AssocLimits& l) { l.max_jobs = 2; });
  site.limit(1, [](AssocLimits& l) { l.grp_jobs = 1; });
  Policy policy = site.policy();
  EXPECT_EQ(policy.before(job()), reason_none);
  const std::uint64_t version = policy.version();
  policy.begin(job());
  EXPECT_NE(policy.version(), version);
  EXPECT_EQ(policy.before(job()), reason_assoc_grp_jobs);
  site.limit(1, [](AssocLimits& l) { l.grp_jobs = kInfinite32; });
  policy = site.policy();
  policy.begin(job());
  EXPECT_EQ(policy.before(job()), reason_none);
  policy.begin(job());
  EXPECT_EQ(policy.before(job()), reason_assoc_max_jobs);
}

TEST(Policy, a_qos_goes_before_the_association) {
  Site site;
  site.limit(3, [](AssocLimits& l) { l.max_tres_pj = {{1, 2}}; });
  site.limit_qos(1, [](Qos& q) { q.max_tres_pj = {{1, 4}}; });
  EXPECT_EQ(site.policy().after(job(4)), reason_none);
  EXPECT_EQ(site.policy().after(job(5)), limit_reason(TresLimit::qos_max_job, 1, "cpu"));
  site.limit_qos(1, [](Qos& q) { q.max_tres_pj = {{2, 4}}; });
  EXPECT_EQ(site.policy().after(job(3)), limit_reason(TresLimit::assoc_max_job, 1, "cpu")) << "of another resource";
}

TEST(Policy, the_partitions_qos_goes_before_the_jobs) {
  Site site;
  site.limit_qos(1, [](Qos& q) { q.max_jobs_pu = 5; });
  site.limit_qos(2, [](Qos& q) { q.max_jobs_pu = 1; });
  Claimant one = job();
  one.partition_qos = 2;
  Policy policy = site.policy();
  policy.begin(one);
  EXPECT_EQ(policy.before(one), reason_qos_max_jobs_user);
  site.limit_qos(1, [](Qos& q) { q.flags = qos_flag::over_part_qos; });
  policy = site.policy();
  policy.begin(one);
  EXPECT_EQ(policy.before(one), reason_none);
}

TEST(Policy, nodes_that_jobs_share_count_once) {
  Site site;
  site.limit(2, [](AssocLimits& l) { l.grp_tres = {{4, 1}}; });
  Policy policy = site.policy();
  policy.begin(job());
  EXPECT_EQ(policy.after(job()), reason_none);
  Claimant elsewhere = job();
  elsewhere.nodes = {8};
  EXPECT_EQ(policy.after(elsewhere), limit_reason(TresLimit::assoc_grp, 4, "node"));
}

TEST(Policy, minutes_run_out) {
  Site site;
  site.limit(2, [](AssocLimits& l) { l.grp_tres_mins = {{1, 100}}; });
  site.assoc_usage.set(2, std::make_shared<const Usage>(Usage{.tres = {{1, 95 * 60.0}}}));
  const std::uint32_t reason = limit_reason(TresLimit::assoc_grp_mins, 1, "cpu");
  EXPECT_EQ(site.policy().after(job(1, 10)), reason_none);
  site.safe = true;
  EXPECT_EQ(site.policy().after(job(1, 10)), reason) << "it could not end";
  EXPECT_EQ(site.policy().after(job(1, 5)), reason_none);
  Policy policy = site.policy();
  policy.begin(job(1, 5));
  EXPECT_EQ(policy.after(job(1, 1)), reason) << "what runs may need them";
  site.safe = false;
  site.assoc_usage.set(2, std::make_shared<const Usage>(Usage{.tres = {{1, 100 * 60.0}}}));
  EXPECT_EQ(site.policy().after(job(1, 1)), reason);
  site.limit_qos(1, [](Qos& q) { q.usage_factor = 0; });
  EXPECT_EQ(site.policy().after(job(1, 1)), reason_none) << "it costs nothing";
}

TEST(Policy, minutes_that_running_jobs_may_need_are_limited) {
  Site site;
  site.limit_qos(1, [](Qos& q) { q.grp_tres_run_mins = {{1, 100}}; });
  Policy policy = site.policy();
  policy.begin(job(4, 20), 15 * 60);
  EXPECT_EQ(policy.after(job(1, 40)), reason_none);
  EXPECT_EQ(policy.after(job(1, 41)), limit_reason(TresLimit::qos_grp_run_mins, 1, "cpu"));
}

TEST(Policy, submissions_are_counted_with_all_tasks) {
  Site site;
  site.limit(3, [](AssocLimits& l) { l.max_submit_jobs = 3; });
  site.submitted.set(scope_key(Scope::assoc, 3), std::make_shared<const std::uint32_t>(1));
  Claimant array = job();
  array.tasks = 2;
  EXPECT_EQ(site.submit(array), reason_none);
  array.tasks = 3;
  EXPECT_EQ(site.submit(array), reason_assoc_max_submit);
  EXPECT_EQ(limit_reason_name(reason_assoc_max_submit), "AssocMaxSubmitJobLimit");
}

TEST(Policy, sizes_are_refused_only_where_a_qos_says_so) {
  Site site;
  site.limit(3, [](AssocLimits& l) { l.max_tres_pj = {{1, 2}}; });
  EXPECT_EQ(site.submit(job(3)), reason_none);
  site.limit_qos(1, [](Qos& q) { q.flags = qos_flag::deny_limit; });
  EXPECT_EQ(limit_reason_name(site.submit(job(3))), "AssocMaxCpuPerJobLimit");
  Claimant without = job(3);
  without.qos = 0;
  site.limit_qos(1, [](Qos& q) { q.flags = 0; });
  EXPECT_NE(site.submit(without), reason_none);
}

TEST(Policy, a_job_without_a_time_limit_gets_that_of_its_limits) {
  Site site;
  site.limit(3, [](AssocLimits& l) { l.max_wall_pj = 30; });
  site.limit_qos(1, [](Qos& q) { q.grp_wall = 60; });
  Claimant open = job(1, kNoVal32);
  EXPECT_EQ(check_submission(site.books, site.submitted, open), reason_none);
  EXPECT_EQ(open.time_limit, 30u);
  EXPECT_EQ(site.policy().before(job(1, 31)), reason_assoc_max_wall);
}

TEST(Policy, names_are_those_that_clients_print) {
  EXPECT_EQ(limit_reason_name(limit_reason(TresLimit::qos_grp, tres_mem, "mem")), "QOSGrpMemLimit");
  EXPECT_EQ(limit_reason_name(limit_reason(TresLimit::assoc_grp_run_mins, tres_cpu, "cpu")),
            "AssocGrpCPURunMinutesLimit");
  EXPECT_EQ(limit_reason_name(limit_reason(TresLimit::qos_max_user, 1001, "gres")), "QOSMaxGRESPerUser");
  EXPECT_EQ(limit_reason_name(limit_reason(TresLimit::qos_max_account, tres_cpu, "cpu")), "MaxCpuPerAccount");
  EXPECT_EQ(limit_reason_name(1), "");
}

}  // namespace
}  // namespace flurm::acct
