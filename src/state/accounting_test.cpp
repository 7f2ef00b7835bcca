// state/accounting_test.cpp — a job's place in the books, the limits on submission, and what is used up.
#include "state/accounting.hpp"

#include <cmath>

#include "gtest/gtest.h"
#include "state/accrual.hpp"
#include "state/world.hpp"

namespace flurm::state {
namespace {

using model::JobReason;
using test::World;
namespace enforce = model::enforce_flag;

/// root (1) ─ physics (2) ─ ann (3, default); biology (4) ─ ann (5). QOS normal (1), high (2).
struct Site : World {
  Site() {
    use_newest_format();
    state.settings.enforce = enforce::assocs | enforce::limits | enforce::qos;
    PutBooks put{.whole = true};
    for (std::uint32_t id : {1u, 2u}) put.records.qos.set(id, {.id = id, .name = id == 1 ? "normal" : "high"});
    for (std::uint32_t id : {1u, 2u, 4u, 5u}) put.records.tres.set(id, {.id = id, .type = "t"});
    const auto add = [&](std::uint32_t id, const char* account, const char* user, std::uint32_t parent) {
      put.records.set_assoc({.id = id,
                             .cluster = "test",
                             .account = account,
                             .user = user,
                             .parent_id = parent,
                             .is_default = id == 3,
                             .qos = {1}});
    };
    add(1, "root", "", 0);
    add(2, "physics", "", 1);
    add(3, "physics", "ann", 2);
    add(4, "biology", "", 1);
    add(5, "biology", "ann", 4);
    EXPECT_EQ(run(put).code, Errc::success);
  }
  SubmitJob by_ann(const char* account = "") {
    SubmitJob submit = job();
    submit.request.user_name = "ann";
    submit.request.account = account;
    return submit;
  }
  void limit(std::uint32_t id, void (*change)(acct::AssocLimits&)) {
    PutBooks news{.made_for = state.books_version};
    acct::Assoc changed = *state.books->assocs().find(id);
    change(changed.limits);
    news.records.set_assoc(std::move(changed));
    EXPECT_EQ(run(news).code, Errc::success);
  }
  std::uint32_t submitted(std::uint32_t assoc) const {
    const auto* count = state.submitted.find(acct::scope_key(acct::Scope::assoc, assoc));
    return count ? *count : 0;
  }
};

TEST(Accrual, so_many_jobs_grow_older_at_a_time) {
  Site s;
  s.limit(3, [](acct::AssocLimits& limits) { limits.max_jobs_accrue = 1; });
  const JobId one = s.run(s.by_ann()).job, two = s.run(s.by_ann()).job, other = s.run(s.by_ann("biology")).job;
  EXPECT_EQ(s.at(other).accrue_time, s.now) << "it has no limit";
  EXPECT_FALSE(s.at(one).accrue_time);
  s.now = s.now + 5;
  EXPECT_TRUE(accrual_due(s.state));
  s.run(Tick{});
  EXPECT_EQ(s.at(one).accrue_time, s.now);
  EXPECT_FALSE(s.at(two).accrue_time);
  EXPECT_FALSE(accrual_due(s.state));
  s.now = s.now + 5;
  s.start(one);
  EXPECT_TRUE(accrual_due(s.state));
  s.run(Tick{});
  EXPECT_EQ(s.at(two).accrue_time, s.now);
}

TEST(Accrual, of_an_array_as_many_tasks) {
  Site s;
  s.limit(2, [](acct::AssocLimits& limits) { limits.grp_jobs_accrue = 2; });
  SubmitJob array = s.by_ann();
  array.array.emplace();
  array.array->pending = *model::TaskSet::parse("1-5", 100);
  const JobId id = s.run(std::move(array)).job;
  s.run(Tick{});
  EXPECT_EQ(s.state.array_task(id, 1)->accrue_time, s.now);
  EXPECT_EQ(s.state.array_task(id, 2)->accrue_time, s.now);
  EXPECT_FALSE(s.state.array_task(id, 3)->accrue_time);
  EXPECT_EQ(s.state.array_task(id, 3)->pending_count(), 3u);
}

TEST(Accrual, a_job_that_waited_for_another_begins_when_it_may_start) {
  Site s;
  const JobId first = s.run(s.by_ann()).job;
  SubmitJob after = s.by_ann();
  after.dependencies = *model::parse_dependencies("afterany:" + std::to_string(first.v));
  const JobId second = s.run(std::move(after)).job;
  EXPECT_FALSE(s.at(second).accrue_time);
  s.now = s.now + 60;
  s.cancel({{.job = first}});
  EXPECT_EQ(s.at(second).accrue_time, s.now);
}

TEST(Accounting, a_job_stands_where_its_user_does) {
  Site s;
  const model::Job& usual = s.at(s.run(s.by_ann()).job);
  EXPECT_EQ(usual.assoc, 3u);
  EXPECT_EQ(usual.qos, 1u);
  EXPECT_EQ(usual.request->account, "physics");
  EXPECT_EQ(usual.request->qos, "normal");
  EXPECT_EQ(s.at(s.run(s.by_ann("Biology")).job).assoc, 5u) << "names are small";
  EXPECT_EQ(s.run(s.by_ann("chemistry")).code, Errc::invalid_account);
  SubmitJob high = s.by_ann();
  high.request.qos = "high";
  EXPECT_EQ(s.run(high).code, Errc::invalid_qos) << "not one of hers";
  high.request.qos = "none";
  EXPECT_EQ(s.run(high).code, Errc::invalid_qos);
}

TEST(Accounting, without_enforcement_a_wrong_account_is_no_harm) {
  Site s;
  s.state.settings.enforce = 0;
  EXPECT_EQ(s.at(s.run(s.by_ann("chemistry")).job).assoc, 3u);
  SubmitJob stranger = s.job();
  EXPECT_EQ(s.at(s.run(stranger).job).assoc, 0u);
}

TEST(Accounting, submitted_jobs_are_counted_until_they_end) {
  Site s;
  s.limit(2, [](acct::AssocLimits& l) { l.grp_submit_jobs = 3; });
  SubmitJob array = s.by_ann();
  array.array.emplace();
  array.array->pending = *model::TaskSet::parse("0-1", 10);
  const JobId tasks = s.run(array).job;
  const JobId one = s.run(s.by_ann()).job;
  EXPECT_EQ(s.submitted(3), 3u);
  const Reply refused = s.run(s.by_ann());
  EXPECT_EQ(refused.code, Errc::accounting_policy);
  EXPECT_EQ(refused.text, "AssocGrpSubmitJobsLimit");
  s.start(tasks, 0, 1, 0);
  EXPECT_EQ(s.submitted(1), 3u);
  s.start(one, 1);
  s.finish(one, 0, 1);
  EXPECT_EQ(s.submitted(2), 2u);
  const auto loaded = load(save(s.state));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded->submitted.find(acct::scope_key(acct::Scope::assoc, 2)), 2u);
  UpdateJobs moved{.targets = {{.job = tasks, .tasks = {}, .whole_array = true}}, .by_operator = true};
  moved.account = "biology";
  s.run(moved);
  EXPECT_EQ(s.submitted(4), 1u) << "the task that waits";
}

TEST(Accounting, a_job_without_an_association_waits_for_it) {
  Site s;
  const JobId id = s.run(s.by_ann()).job;
  const acct::Assoc own = *s.state.books->assocs().find(3);
  PutBooks gone{.made_for = s.state.books_version};
  gone.assocs_gone = {3};
  s.run(gone);
  EXPECT_EQ(s.at(id).reason, JobReason::invalid_account);
  PutBooks back{.made_for = s.state.books_version};
  back.records.set_assoc(own);
  s.run(back);
  EXPECT_EQ(s.at(id).reason, JobReason::none);
  EXPECT_EQ(s.at(id).assoc, 3u);
}

TEST(Accounting, what_is_used_up_fades_and_is_forgotten) {
  Site s;
  s.state.settings.multifactor = true;
  s.state.settings.priority.half_life_s = 1000;
  s.state.settings.priority.calc_period_s = 60;
  s.run(Tick{});
  SubmitJob submit = s.by_ann();
  submit.time_limit = 100;
  const JobId id = s.run(submit).job;
  s.start(id, 0, 0b11);
  s.now = s.now + 100;
  s.run(Tick{});
  const double kept = std::pow(1 - 0.693 / 1000, 100);
  const auto cpu_s = [&](std::uint32_t assoc) { return s.state.assoc_usage.find(assoc)->tres.at(1); };
  EXPECT_NEAR(cpu_s(3), 200 * kept, 1e-6);
  EXPECT_EQ(cpu_s(3), cpu_s(1)) << "all the way up";
  EXPECT_NEAR(s.state.qos_usage.find(1)->wall, 100 * kept, 1e-6);
  EXPECT_FALSE(s.state.assoc_usage.find(5));
  s.now = s.now + 10;
  s.finish(id);
  EXPECT_NEAR(cpu_s(3), 200 * kept + 20 * std::pow(1 - 0.693 / 1000, 10), 1e-6) << "the rest, at its end";
  s.now = s.now + 1000;
  const double before = cpu_s(2);
  s.run(Tick{});
  EXPECT_NEAR(cpu_s(2) / before, 0.5, 0.01);
  PutBooks reset{.made_for = s.state.books_version};
  reset.assocs_unused = {3};
  s.run(reset);
  EXPECT_FALSE(s.state.assoc_usage.find(3));
  EXPECT_NEAR(cpu_s(1), 0, 1e-9) << "it had used all of it";
  s.now = s.now + 60;
  s.run(Tick{.usage_reset_due = s.now});
  EXPECT_TRUE(s.state.qos_usage.empty());
}

TEST(Accounting, what_runs_at_the_first_count_is_counted_from_its_start) {
  Site s;
  s.state.settings.multifactor = true;
  s.state.settings.priority.half_life_s = 0;
  const JobId id = s.run(s.by_ann()).job;
  s.start(id);
  s.now = s.now + 2;
  s.run(Tick{});
  s.now = s.now + 1;
  s.finish(id);
  EXPECT_EQ(s.state.qos_usage.find(1)->wall, 3);
}

TEST(Accounting, a_job_ends_when_its_group_has_no_minutes_left) {
  Site s;
  s.state.settings.multifactor = true;
  s.state.settings.priority.calc_period_s = 60;
  s.state.settings.priority.half_life_s = 0;
  s.limit(2, [](acct::AssocLimits& l) { l.grp_tres_mins = {{1, 2}}; });
  SubmitJob submit = s.by_ann();
  submit.time_limit = 100;
  s.run(Tick{});
  const JobId id = s.run(submit).job;
  s.start(id);
  s.now = s.now + 100;
  s.run(Tick{});
  EXPECT_TRUE(s.at(id).state.running());
  s.now = s.now + 60;
  s.run(Tick{});
  s.clean(id);
  EXPECT_EQ(s.shown(id), "TIMEOUT");
}

}  // namespace
}  // namespace flurm::state
