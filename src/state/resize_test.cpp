// state/resize_test.cpp — running jobs that change their size.
#include <gtest/gtest.h>

#include <algorithm>

#include "model/gres.hpp"
#include "state/world.hpp"

namespace flurm::state::test {
namespace {

using Kind = Report::Kind;

struct Resized : World {
  explicit Resized(bool reports = false) : World(4) {
    use_newest_format();
    Configure configure;
    configure.settings = state.settings;
    configure.settings.accounting = reports;
    state.nodes.for_each([&](std::uint64_t, const auto& node) {
      configure.nodes.push_back(node->config);
      return true;
    });
    configure.partitions.push_back(*state.partitions.front());
    run(std::move(configure));
  }

  /// On `core` of each of the nodes.
  JobId on(std::vector<model::NodeId> nodes, std::uint64_t core = 1, SubmitJob what = {}) {
    if (what.partitions.empty()) what = job();
    const Reply submitted = run(std::move(what));
    Schedule plan;
    plan.starts.push_back({.job = submitted.job, .partition = "all"});
    for (const model::NodeId node : nodes)
      plan.starts.back().shares.push_back({.node = node, .cpus = 1, .memory_mib = 100, .cores = {core}, .gres = {}});
    run(std::move(plan));
    return submitted.job;
  }
  SubmitJob allocation(const std::string& dependency = "") {
    SubmitJob what = job();
    what.request.batch = false;
    what.request.dependency = dependency;
    what.dependencies = *model::parse_dependencies(dependency);
    return what;
  }
  Errc resize(JobId id, std::uint32_t nodes) {
    UpdateJobs update{.targets = {{.job = id, .tasks = {}}}};
    update.min_nodes = nodes;
    return run(std::move(update)).code;
  }
  Errc keep(JobId id, const std::string& nodes) {
    UpdateJobs update{.targets = {{.job = id, .tasks = {}}}};
    update.req_nodes = nodes;
    return run(std::move(update)).code;
  }
  std::vector<model::NodeId> nodes_of(JobId id) const {
    std::vector<model::NodeId> out;
    for (const model::NodeShare& share : at(id).allocation->shares) out.push_back(share.node);
    return out;
  }
  /// Nodes that a job leaves, and how.
  std::vector<std::pair<model::NodeId, Effect::End>> left(JobId id) const {
    std::vector<std::pair<model::NodeId, Effect::End>> out;
    state.effects.for_each([&](std::uint64_t, const auto& effect) {
      if (effect->kind == Effect::Kind::leave_node && effect->job == id) out.emplace_back(effect->node, effect->end);
      return true;
    });
    return out;
  }
  /// The last reports about the job, without those of steps.
  std::vector<std::shared_ptr<const Report>> reports_of(JobId id) const {
    std::vector<std::shared_ptr<const Report>> out;
    state.reports.for_each([&](std::uint64_t, const auto& report) {
      if (report->job && report->job->id == id && !report->step) out.push_back(report);
      return true;
    });
    return out;
  }
};

using Nodes = std::vector<model::NodeId>;

TEST(Resize, a_job_gives_up_nodes) {
  Resized w;
  const JobId id = w.on({0, 1, 2});
  w.now = w.now + 60;
  ASSERT_EQ(w.resize(id, 2), Errc::success);
  EXPECT_EQ(w.nodes_of(id), (Nodes{0, 1}));
  EXPECT_EQ(w.at(id).allocation->nodes, "n[1-2]");
  EXPECT_EQ(w.at(id).resize_time, w.now);
  EXPECT_EQ(w.at(id).start_time, w.now - 60);
  EXPECT_EQ(w.left(id), (std::vector<std::pair<model::NodeId, Effect::End>>{{2, Effect::End::abort}}));
  const model::Node& free = *w.state.node(2);
  EXPECT_TRUE(free.jobs.empty());
  EXPECT_EQ(free.cpus_used, 0);
  EXPECT_EQ(free.memory_used, 0);
  EXPECT_EQ(free.base, model::NodeBase::idle);
  EXPECT_EQ(w.resize(id, 2), Errc::success);
  EXPECT_EQ(w.at(id).resize_time, w.now);  // the same size is none
}

TEST(Resize, the_node_of_the_script_stays) {
  Resized w;
  const JobId id = w.on({0, 1, 2});
  EXPECT_EQ(w.keep(id, "n[2-3]"), Errc::invalid_node_name);
  EXPECT_EQ(w.keep(id, "n1,n3"), Errc::success);
  EXPECT_EQ(w.nodes_of(id), (Nodes{0, 2}));
  EXPECT_EQ(w.resize(id, 1), Errc::success);
  EXPECT_EQ(w.nodes_of(id), (Nodes{0}));
  const JobId held = w.on({1, 2, 3}, 2, w.allocation());
  EXPECT_EQ(w.keep(held, "n[3-4]"), Errc::success);
  EXPECT_EQ(w.at(held).batch_host, "n3");
}

TEST(Resize, what_is_no_size_is_refused) {
  Resized w;
  const JobId id = w.on({0, 1});
  const std::size_t effects = w.state.effects.size();
  EXPECT_EQ(w.resize(id, 3), Errc::invalid_node_count);
  EXPECT_EQ(w.resize(id, 0), Errc::invalid_node_count);
  EXPECT_EQ(w.keep(id, "n[1-3]"), Errc::invalid_node_name);
  EXPECT_EQ(w.keep(id, ""), Errc::invalid_node_name);
  EXPECT_EQ(w.keep(id, "other"), Errc::invalid_node_name);
  UpdateJobs update{.targets = {{.job = id, .tasks = {}}}};
  update.min_nodes = 1;
  update.max_nodes = 1;
  EXPECT_EQ(w.run(update).code, Errc::job_not_pending);
  update.max_nodes.reset();
  update.min_nodes = 3;
  update.name = "other";
  EXPECT_EQ(w.run(update).code, Errc::invalid_node_count);
  EXPECT_EQ(w.at(id).request->name, "job");  // all of it or nothing
  EXPECT_EQ(w.nodes_of(id), (Nodes{0, 1}));
  EXPECT_EQ(w.state.effects.size(), effects);
}

TEST(Resize, members_of_the_release_before_refuse_it) {
  World w(4);
  const JobId id = w.submit();
  w.start(id);
  UpdateJobs update{.targets = {{.job = id, .tasks = {}}}};
  update.min_nodes = 1;
  EXPECT_EQ(w.run(update).code, Errc::job_not_pending);
}

TEST(Resize, steps_lose_their_tasks_on_nodes_given_up_alone) {
  Resized w;
  const JobId id = w.on({0, 1, 2});
  const auto step_on = [&](std::vector<model::NodeId> nodes) {
    CreateStep create{.job = id};
    create.request.num_tasks = static_cast<std::uint32_t>(nodes.size());
    create.placement.counts_cpus = create.placement.counts_memory = false;
    for (std::uint32_t i = 0; i < nodes.size(); ++i)
      create.placement.shares.push_back({.node = nodes[i], .cores = {1}, .tasks = {i}, .gres = {}});
    create.placement.num_tasks = create.request.num_tasks;
    return w.run(std::move(create)).step;
  };
  const std::uint32_t wide = step_on({0, 1, 2}), gone = step_on({2});
  ASSERT_EQ(w.resize(id, 2), Errc::success);
  ASSERT_TRUE(w.state.step(id, wide));
  EXPECT_EQ(w.state.step(id, wide)->ended, (std::vector<std::uint32_t>{2}));
  EXPECT_EQ(w.state.step(id, wide)->exit_code, 9u);
  EXPECT_FALSE(w.state.step(id, gone));
  unsigned signals = 0;
  w.state.effects.for_each([&](std::uint64_t, const auto& effect) {
    if (effect->kind != Effect::Kind::signal_step) return true;
    ++signals;
    EXPECT_EQ(effect->node, 2u);
    return true;
  });
  EXPECT_EQ(signals, 1u);
}

TEST(Resize, each_size_is_a_record_of_accounting) {
  Resized w(true);
  const JobId id = w.on({0, 1, 2});
  const TimeS submitted = w.now;
  w.run(ForgetReports{.up_to = w.state.next_report});
  ASSERT_EQ(w.resize(id, 2), Errc::success);  // in the second of its submission
  const auto told = w.reports_of(id);
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[0]->kind, Kind::job_start);
  EXPECT_EQ(told[0]->job->recorded_since(), submitted);
  EXPECT_EQ(told[1]->kind, Kind::job_end);
  EXPECT_TRUE(told[1]->job->state.has(model::job_flag::resizing));
  EXPECT_EQ(told[1]->job->allocation->shares.size(), 3u);
  EXPECT_EQ(told[1]->job->recorded_since(), submitted);
  EXPECT_EQ(told[1]->job->end_time, submitted + 1);
  EXPECT_EQ(told[2]->kind, Kind::job_start);
  EXPECT_EQ(told[2]->job->allocation->shares.size(), 2u);
  EXPECT_EQ(told[2]->job->recorded_since(), submitted + 1);  // no two records begin in one second
  ASSERT_EQ(w.resize(id, 1), Errc::success);
  EXPECT_EQ(w.at(id).recorded_since(), submitted + 2);
  w.now = w.now + 30;
  w.run(RequeueJobs{.targets = {{.job = id, .tasks = {}}}});
  w.clean(id);
  EXPECT_EQ(w.at(id).resize_time, TimeS{});
}

TEST(Resize, a_suspended_job_stands_still_in_both_records) {
  Resized w(true);
  const JobId id = w.on({0, 1});
  w.now = w.now + 10;
  w.run(SuspendJobs{.targets = {{.job = id, .tasks = {}}}});
  w.now = w.now + 10;
  w.run(ForgetReports{.up_to = w.state.next_report});
  ASSERT_EQ(w.resize(id, 1), Errc::success);
  std::vector<std::pair<Kind, model::JobBase>> told;
  for (const auto& report : w.reports_of(id)) told.emplace_back(report->kind, report->job->state.base);
  using model::JobBase;
  EXPECT_EQ(told, (std::vector<std::pair<Kind, JobBase>>{{Kind::job_start, JobBase::suspended},
                                                         {Kind::job_suspend, JobBase::running},
                                                         {Kind::job_end, JobBase::suspended},
                                                         {Kind::job_start, JobBase::running},
                                                         {Kind::job_suspend, JobBase::suspended}}));
}

TEST(Resize, a_job_gives_all_it_has_to_another_one) {
  Resized w(true);
  SubmitJob first = w.allocation();
  first.request.licenses = "b,a:1";
  const JobId to = w.on({0, 1}, 1, first);
  SubmitJob second = w.allocation("expand:" + std::to_string(to.v));
  second.request.licenses = "a:2";
  const JobId from = w.on({1, 2}, 2, second);
  ASSERT_EQ(w.shown(from), "RUNNING");
  EXPECT_EQ(w.resize(from, 1), Errc::invalid_node_count);
  EXPECT_EQ(w.keep(from, "n2"), Errc::invalid_node_name);
  w.run(SuspendJobs{.targets = {{.job = to, .tasks = {}}}});
  EXPECT_EQ(w.resize(from, 0), Errc::job_suspended);
  w.run(SuspendJobs{.targets = {{.job = to, .tasks = {}}}, .resume = true});
  w.now = w.now + 5;
  ASSERT_EQ(w.resize(from, 0), Errc::success);
  EXPECT_EQ(w.shown(from), "COMPLETED");
  EXPECT_FALSE(w.at(from).allocation);
  EXPECT_EQ(w.at(from).end_time, w.now);
  EXPECT_EQ(w.nodes_of(to), (Nodes{0, 1, 2}));
  const model::NodeShare& both = w.at(to).allocation->shares[1];
  EXPECT_EQ(both.cores, (std::vector<std::uint64_t>{3}));
  EXPECT_EQ(both.cpus, 2);
  EXPECT_EQ(both.memory_mib, 200u);
  EXPECT_EQ(w.at(to).request->licenses, "a:3,b:1");
  EXPECT_EQ(w.at(from).request->licenses, "");
  EXPECT_EQ(w.state.node(2)->jobs, (std::vector<JobId>{to}));
  EXPECT_EQ(w.state.node(1)->jobs, (std::vector<JobId>{to}));
  EXPECT_EQ(w.state.node(1)->memory_used, 200u);
  EXPECT_EQ(w.left(from), (std::vector<std::pair<model::NodeId, Effect::End>>{{1, Effect::End::completed},
                                                                              {2, Effect::End::completed}}));
  const auto told = w.reports_of(from);
  ASSERT_GE(told.size(), 4u);
  EXPECT_TRUE(told[told.size() - 3]->job->state.has(model::job_flag::resizing));
  EXPECT_EQ(told[told.size() - 2]->kind, Kind::job_start);
  EXPECT_EQ(told.back()->kind, Kind::job_end);
  EXPECT_EQ(w.resize(from, 0), Errc::job_finished);
}

TEST(Resize, what_cannot_be_given_is_refused) {
  Resized w;
  const JobId to = w.on({0}, 1, w.allocation());
  const std::string expand = "expand:" + std::to_string(to.v);
  SubmitJob script = w.allocation(expand);
  script.request.batch = true;
  EXPECT_EQ(w.resize(w.on({1}, 1, script), 0), Errc::node_step_exists);
  const JobId from = w.on({2}, 1, w.allocation(expand));
  w.end(to);
  EXPECT_EQ(w.resize(from, 0), Errc::invalid_job_id);
}

TEST(Resize, only_a_job_that_runs_is_expanded) {
  Resized w;
  const JobId waits = w.run(w.allocation()).job;
  EXPECT_EQ(w.run(w.allocation("expand:" + std::to_string(waits.v))).code, Errc::dependency);
  EXPECT_EQ(w.run(w.allocation("expand:99")).code, Errc::dependency);
  w.start(waits);
  const std::string expand = "expand:" + std::to_string(waits.v);
  EXPECT_EQ(w.run(w.allocation(expand + ":" + std::to_string(waits.v))).code, Errc::dependency);
  w.now = w.now + 90;
  const JobId more = w.run(w.allocation(expand)).job;
  EXPECT_TRUE(w.at(more).dependencies.empty());
  EXPECT_EQ(w.at(more).time_limit, 8u);  // what is left of ten minutes, whole ones
  SubmitJob elsewhere = w.allocation(expand);
  elsewhere.partitions = "all";
  elsewhere.request.shared = 1;
  const JobId alike = w.run(elsewhere).job;
  EXPECT_EQ(w.at(alike).request->shared, w.at(waits).request->shared);
}

}  // namespace
}  // namespace flurm::state::test
