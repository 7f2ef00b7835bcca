// state/state_test.cpp — a job's ways through the state machine, one scenario a test.
#include <random>

#include "gtest/gtest.h"
#include "state/world.hpp"

namespace flurm::state {
namespace {

using model::JobBase;
using model::JobReason;
using test::World;

TEST(State, a_job_runs_and_is_forgotten) {
  World w;
  const JobId id = w.submit();
  EXPECT_EQ(w.shown(id), "PENDING");
  w.start(id);
  EXPECT_EQ(w.shown(id), "RUNNING");
  EXPECT_EQ(w.at(id).batch_host, "n1");
  EXPECT_EQ(w.state.node(0u)->cpus_used, 1u);
  EXPECT_EQ(w.state.effects.size(), 1u);  // the launch
  w.run(LaunchAnswered{.job = id, .effect = 1});
  EXPECT_TRUE(w.state.effects.empty());
  w.now = w.now + 5;
  w.end(id);
  EXPECT_EQ(w.shown(id), "COMPLETING");
  EXPECT_EQ(w.state.effects.size(), 1u);  // tell the node to clean up
  w.clean(id);
  EXPECT_EQ(w.shown(id), "COMPLETED");
  EXPECT_EQ(w.at(id).run_time(w.now), 5);
  EXPECT_TRUE(w.state.effects.empty());
  EXPECT_EQ(w.state.node(0u)->base, model::NodeBase::idle);
  w.now = w.now + 299;
  w.run(Tick{});
  EXPECT_EQ(w.shown(id), "COMPLETED");
  w.now = w.now + 1;
  w.run(Tick{});
  EXPECT_EQ(w.shown(id), "gone");
}

TEST(State, exit_code_fails_the_job_and_repeats_change_nothing) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  w.end(id, 3 << 8);
  EXPECT_EQ(w.end(id).code, Errc::already_done);
  w.clean(id);
  w.clean(id);
  EXPECT_EQ(w.shown(id), "FAILED");
  EXPECT_EQ(w.at(id).reason, JobReason::exit_code);
  EXPECT_EQ(w.at(id).exit_code, 3u << 8);
}

TEST(State, a_plan_made_on_an_older_state_takes_what_still_fits) {
  World w;
  const JobId a = w.submit(), b = w.submit(), c = w.submit();
  w.start(a, 0, 0b0011);
  w.start(b, 0, 0b0110);  // overlaps
  EXPECT_EQ(w.shown(b), "PENDING");
  w.start(b, 0, 0b1100, kNoVal32, 901);  // more memory than is left
  EXPECT_EQ(w.shown(b), "PENDING");
  w.start(b, 0, 0b1100, kNoVal32, 900);
  EXPECT_EQ(w.shown(b), "RUNNING");
  w.run(UpdateNodes{.nodes = {1}, .state = model::node_flag::drain, .reason = "test"});
  w.start(c, 1);
  EXPECT_EQ(w.shown(c), "PENDING");
}

TEST(State, array_tasks_are_one_record_until_they_start) {
  World w;
  const JobId array = w.submit_array("0-99999");
  EXPECT_EQ(w.state.jobs.size(), 1u);
  w.start(array, 0, 1, 7);
  EXPECT_EQ(w.state.jobs.size(), 2u);
  const model::Job* seven = w.state.array_task(array, 7);
  ASSERT_TRUE(seven);
  EXPECT_NE(seven->id, array);
  EXPECT_TRUE(seven->state.running());
  EXPECT_EQ(w.at(array).pending_count(), 99999u);
  // tasks 1-2 are cancelled, the others go on
  EXPECT_EQ(w.cancel({{.job = array, .tasks = *model::TaskSet::parse("1-2", 100)}}).code, Errc::success);
  EXPECT_EQ(w.at(array).pending_count(), 99997u);
  EXPECT_EQ(w.state.array_task(array, 1)->state.base, JobBase::cancelled);
}

TEST(State, nodes_are_told_of_a_job_before_its_first_step_where_the_site_wants_it) {
  World w;
  const auto prologs = [&] {
    std::size_t found = 0;
    w.state.effects.for_each([&](std::uint64_t, const auto& effect) {
      found += effect->kind == Effect::Kind::launch_prolog;
      return true;
    });
    return found;
  };
  const JobId plain = w.submit(), told = w.submit();
  w.start(plain);
  EXPECT_EQ(prologs(), 0u);
  w.state.settings.prolog_at_start = true;
  w.start(told, 1);
  EXPECT_EQ(prologs(), 1u);
  w.cancel({{.job = told, .tasks = {}}});
  w.clean(told, 1);
  EXPECT_EQ(prologs(), 0u) << "it has ended";
}

TEST(State, a_million_tasks_are_cancelled_in_as_few_records_as_they_were) {
  World w;
  w.state.settings.max_job_count = w.state.settings.max_array_size = 2'000'000;
  const JobId array = w.submit_array("0-999999");
  w.start(array, 0, 1, 7);
  const auto cancel = [&](const char* tasks) {
    return w.cancel({{.job = array, .tasks = *model::TaskSet::parse(tasks, 1'000'000)}});
  };
  EXPECT_EQ(cancel("100000-499999").code, Errc::success);
  EXPECT_EQ(w.state.jobs.size(), 3u);
  EXPECT_EQ(w.at(array).pending_count(), 599'999u);
  EXPECT_EQ(w.state.tasks_without_record, 999'999u - 2);
  EXPECT_EQ(w.state.pending.size(), 1u);
  EXPECT_EQ(cancel("100000-499999").code, Errc::invalid_job_id);
  // All that is left, started or not: the record of those that wait is theirs.
  EXPECT_EQ(cancel("0-999999").code, Errc::success);
  EXPECT_EQ(w.state.jobs.size(), 3u);
  EXPECT_EQ(w.at(array).state.base, JobBase::cancelled);
  EXPECT_TRUE(w.state.array_task(array, 7)->state.has(model::job_flag::completing));
  EXPECT_EQ(cancel("3").code, Errc::already_done);
  EXPECT_EQ(w.state.jobs.size(), 3u);
}

TEST(State, the_last_task_keeps_the_arrays_id) {
  World w;
  const JobId array = w.submit_array("4-5");
  w.start(array, 0, 1, 4);
  w.start(array, 0, 2, 5);
  EXPECT_EQ(w.state.array_task(array, 5)->id, array);
  EXPECT_EQ(w.state.with_array(array).size(), 2u);
  EXPECT_TRUE(w.state.pending.empty());
}

TEST(State, dependencies) {
  World w;
  const JobId first = w.submit();
  const JobId ok = w.submit_after("afterok:" + std::to_string(first.v));
  const JobId bad = w.submit_after("afternotok:" + std::to_string(first.v));
  const JobId begun = w.submit_after("after:" + std::to_string(first.v));
  const JobId any = w.submit_after("afternotok:" + std::to_string(first.v) + "?afterok:" + std::to_string(first.v));
  EXPECT_EQ(w.at(ok).reason, JobReason::dependency);
  EXPECT_FALSE(w.at(ok).eligible_time);
  w.start(ok, 1);  // the planner may not start it
  EXPECT_EQ(w.shown(ok), "PENDING");
  w.start(first);
  EXPECT_TRUE(w.at(begun).dependencies.empty());
  w.end(first);
  EXPECT_FALSE(w.at(ok).dependencies.empty());  // completing is not completed
  w.clean(first);
  EXPECT_TRUE(w.at(ok).dependencies.empty());
  EXPECT_EQ(w.at(ok).reason, JobReason::none);
  EXPECT_EQ(w.at(bad).reason, JobReason::dependency_never_satisfied);
  EXPECT_TRUE(w.at(any).dependencies.empty());
}

TEST(State, a_job_cannot_wait_for_itself_in_a_circle) {
  World w;
  const JobId a = w.submit();
  const JobId b = w.submit_after("afterok:" + std::to_string(a.v));
  UpdateJobs update{.targets = {{.job = a, .tasks = {}}}};
  update.dependency_text = "afterok:" + std::to_string(b.v);
  update.dependencies = *model::parse_dependencies(*update.dependency_text);
  EXPECT_EQ(w.run(std::move(update)).code, Errc::circular_dependency);
}

TEST(State, cancel_before_during_and_after) {
  World w;
  const JobId a = w.submit(), b = w.submit();
  EXPECT_EQ(w.cancel({{.job = a, .tasks = {}}}).code, Errc::success);
  EXPECT_EQ(w.shown(a), "CANCELLED");
  w.start(b);
  EXPECT_EQ(w.cancel({{.job = b, .tasks = {}}}, 10).code, Errc::success);  // SIGUSR1: passed on
  EXPECT_EQ(w.shown(b), "RUNNING");
  EXPECT_EQ(w.cancel({{.job = b, .tasks = {}}}).code, Errc::success);
  EXPECT_EQ(w.shown(b), "COMPLETING");
  EXPECT_EQ(w.at(b).cancelled_by, 1000u);
  w.end(b, 15);
  w.clean(b);
  EXPECT_EQ(w.shown(b), "CANCELLED");
  EXPECT_EQ(w.cancel({{.job = b, .tasks = {}}}).code, Errc::already_done);
  EXPECT_EQ(w.cancel({{.job = JobId{77}, .tasks = {}}}).code, Errc::invalid_job_id);
}

TEST(State, time_limit_ends_and_warns) {
  World w;
  SubmitJob submit = w.job(1);
  submit.request.warn_signal = 10;
  submit.request.warn_time = 20;
  const JobId id = w.run(std::move(submit)).job;
  w.start(id);
  w.now = w.now + 40;
  w.run(Tick{});
  ASSERT_EQ(w.state.effects.size(), 2u);  // launch, warning
  w.run(Tick{});
  EXPECT_EQ(w.state.effects.size(), 2u);  // once
  w.now = w.now + 20;
  w.run(Tick{});
  EXPECT_EQ(w.shown(id), "COMPLETING");
  w.clean(id);
  EXPECT_EQ(w.shown(id), "TIMEOUT");
}

TEST(State, a_dead_node_gives_its_jobs_back) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  w.run(NodesSeen{.answered = {}, .silent = {}, .down = {0}});
  EXPECT_EQ(w.state.node(0u)->base, model::NodeBase::down);
  EXPECT_EQ(w.shown(id), "PENDING");
  EXPECT_EQ(w.at(id).restart_count, 1u);
  EXPECT_TRUE(w.state.effects.empty());
  EXPECT_EQ(w.run(EndBatch{.job = id, .restart_count = 0, .node = "n1"}).code, Errc::already_done);
  w.start(id, 1);
  EXPECT_EQ(w.run(EndBatch{.job = id, .node = "n1"}).code, Errc::already_done);  // the old node wakes up
  EXPECT_EQ(w.shown(id), "RUNNING");
  w.up("n1");
  EXPECT_EQ(w.state.node(0u)->base, model::NodeBase::idle);
}

TEST(State, a_job_the_node_lost_starts_over) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  w.run(LaunchAnswered{.job = id, .effect = 1});
  w.up("n1");  // too early to tell: the launch may have crossed the report
  EXPECT_EQ(w.shown(id), "RUNNING");
  w.now = w.now + 60;
  w.up("n1", {id});
  EXPECT_EQ(w.shown(id), "RUNNING");
  w.up("n1");
  EXPECT_NE(w.shown(id), "RUNNING");
  w.clean(id);
  EXPECT_EQ(w.shown(id), "PENDING");
}

TEST(State, failed_launch_holds_the_job_and_drains_the_node) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  w.run(LaunchAnswered{.job = id, .effect = 1, .rc = Errc::node_prolog_failed});
  w.clean(id);
  EXPECT_EQ(w.shown(id), "PENDING");
  EXPECT_EQ(w.at(id).priority, 0u);
  EXPECT_EQ(w.at(id).state_desc, "launch failed requeued held");
  EXPECT_TRUE(w.state.node(0u)->has(model::node_flag::drain));
}

TEST(State, hold_and_release) {
  World w;
  const JobId id = w.submit();
  const auto before = w.at(id).priority;
  w.run(UpdateJobs{.targets = {{.job = id, .tasks = {}}}, .by_operator = true, .priority = 0});
  EXPECT_EQ(w.at(id).reason, JobReason::held_admin);
  w.start(id);
  EXPECT_EQ(w.shown(id), "PENDING");
  const UpdateJobs release{.targets = {{.job = id, .tasks = {}}}, .priority = kInfinite32};
  EXPECT_EQ(w.run(release).code, Errc::access_denied);  // a user may not lift an administrator's hold
  UpdateJobs by_operator = release;
  by_operator.by_operator = true;
  EXPECT_EQ(w.run(by_operator).code, Errc::success);
  EXPECT_LT(w.at(id).priority, before);
  w.start(id);
  EXPECT_EQ(w.shown(id), "RUNNING");
}

TEST(State, suspend_stops_the_jobs_clock) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  w.now = w.now + 10;
  EXPECT_EQ(w.run(SuspendJobs{.targets = {{.job = id, .tasks = {}}}}).code, Errc::success);
  w.now = w.now + 100;
  EXPECT_EQ(w.at(id).run_time(w.now), 10);
  EXPECT_EQ(w.run(SuspendJobs{.targets = {{.job = id, .tasks = {}}}, .resume = true}).code, Errc::success);
  w.now = w.now + 5;
  EXPECT_EQ(w.at(id).run_time(w.now), 15);
  EXPECT_EQ(w.at(id).end_time - w.at(id).start_time, 600 + 100);
}

TEST(State, reconfiguration_keeps_jobs_and_removes_nodes) {
  World w;
  const JobId id = w.submit();
  w.start(id, 1);
  Configure smaller;
  smaller.settings = w.state.settings;
  smaller.nodes.push_back(w.state.node(1u)->config);
  model::NodeConfig added{.name = "x9"};
  smaller.nodes.push_back(added);
  model::Partition all = *w.state.partitions.front();
  all.nodes_text = "n2,x9";
  smaller.partitions.push_back(all);
  w.run(std::move(smaller));
  EXPECT_EQ(w.shown(id), "RUNNING");
  EXPECT_EQ(w.state.node("n1"), nullptr);
  EXPECT_EQ(w.state.node("x9")->id, 4u);
  EXPECT_EQ(w.state.partition("all")->nodes, (std::vector<model::NodeId>{1, 4}));
}

TEST(State, nodes_come_and_go_that_no_file_names) {
  World w;
  w.use_newest_format();
  model::Partition all = *w.state.partitions.front();
  all.nodes_text = "ALL";
  w.run(PutPartition{.partition = all});
  model::NodeConfig cloud{.name = "c1"};
  cloud.cpus = cloud.cores = 4;
  cloud.real_memory = 1000;
  cloud.initial_state =
      static_cast<std::uint32_t>(model::NodeBase::idle) | model::node_flag::cloud | model::node_flag::powered_down;
  w.run(AddNodes{{cloud, w.state.node("n1")->config}});
  ASSERT_TRUE(w.state.node("c1"));
  EXPECT_EQ(w.state.node("n1")->id, 0u) << "it was there";
  EXPECT_EQ(w.state.partition("all")->total_nodes, 5u);
  EXPECT_FALSE(w.state.node("c1")->usable());
  w.up("c1");
  EXPECT_TRUE(w.state.node("c1")->usable());
  const JobId id = w.submit();
  w.start(id, w.state.node("c1")->id);
  EXPECT_EQ(w.shown(id), "RUNNING");
  EXPECT_EQ(w.run(RemoveNode{"c1"}).code, Errc::nodes_busy);
  Configure again{.settings = w.state.settings, .nodes = {w.state.node("n1")->config}, .partitions = {all}};
  w.run(again);
  EXPECT_EQ(w.shown(id), "RUNNING") << "reading the file again does not touch it";
  EXPECT_EQ(w.state.partition("all")->total_nodes, 2u);
  const auto loaded = load(save(w.state));
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->node("c1"));
  w.finish(id, 0, w.state.node("c1")->id);
  EXPECT_EQ(w.run(RemoveNode{"c1"}).code, Errc::success);
  EXPECT_EQ(w.run(RemoveNode{"c1"}).code, Errc::invalid_node_name);
  EXPECT_EQ(w.run(RemoveNode{"n1"}).code, Errc::success);
  EXPECT_EQ(w.state.partition("all")->total_nodes, 0u);
  w.run(again);
  EXPECT_TRUE(w.state.node("n1")) << "the file has it still";
}

/// Random commands: books stay right, and the stored form holds the whole state.
TEST(State, invariants_hold_under_random_commands) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    std::mt19937 random(seed);
    World w(3), twin(3);
    std::vector<JobId> jobs;
    const bool lost_effects = seed % 2;  // every other run says of any effect that it is done
    for (int step = 0; step < 400; ++step) {
      const JobId some = jobs.empty() ? JobId{1} : jobs[random() % jobs.size()];
      Command command = Tick{};
      switch (random() % 36) {
        case 33:
        case 34:
        case 35: {
          UpdateJobs update;
          w.state.active.for_each([&](std::uint64_t, const auto& job) {
            if (job->allocation && job->allocation->shares.size() > 1) update.targets = {{.job = job->id, .tasks = {}}};
            return true;
          });
          update.min_nodes = random() % 3;
          command = update;
          if (!update.targets.empty()) break;
          model::NodeShare share{.node = 0, .cpus = 1, .memory_mib = 10, .cores = {1ull << (random() % 4)}, .gres = {}};
          Schedule plan;
          plan.starts.push_back({.job = some, .partition = "all", .shares = {share}});
          share.node = 1;
          plan.starts.back().shares.push_back(share);
          w.state.pending.for_each([&](std::uint64_t, const auto& job) {
            if (!job->array && job->priority != 0) plan.starts.back().job = job->id;
            return true;
          });
          command = plan;
          break;
        }
        case 0:
        case 1: {
          SubmitJob submit = w.job(random() % 3 + 1);
          submit.request.user_name = random() % 2 ? "ann" : "bob";
          submit.request.batch = random() % 2;
          if (random() % 3 == 0) submit.request.reservation = random() % 2 ? "r" : "s,r";
          command = submit;
          break;
        }
        case 2: {
          SubmitJob submit = w.job();
          submit.array.emplace();
          submit.array->pending = *model::TaskSet::parse("0-5", 100);
          command = submit;
          break;
        }
        case 3:
        case 4:
        case 5: {
          model::NodeShare share{.node = static_cast<model::NodeId>(random() % 3)};
          share.cores = {1ull << (random() % 4)};
          share.cpus = 1;
          share.memory_mib = random() % 600;
          const std::uint32_t task = w.state.job(some) && w.state.job(some)->array ? random() % 6 : kNoVal32;
          Schedule plan;
          plan.starts.push_back({.job = some, .task = task, .partition = "all", .shares = {share}});
          if (w.state.format == kFormat && random() % 3 == 0) plan.starts.back().reservation = random() % 2 ? "r" : "s";
          command = plan;
          break;
        }
        case 6:
          command = EndBatch{.job = some, .wait_status = static_cast<std::uint32_t>(random() % 2)};
          break;
        case 7:
        case 8:
          command = NodeCleaned{.job = some, .node = static_cast<model::NodeId>(random() % 3)};
          break;
        case 9:
          command = CancelJobs{.targets = {{.job = some, .tasks = {}}}};
          break;
        case 10:
          command = RequeueJobs{.targets = {{.job = some, .tasks = {}}}};
          break;
        case 11:
          if (random() % 2) {
            command = NodesSeen{.answered = {}, .silent = {}, .down = {static_cast<model::NodeId>(random() % 3)}};
          } else {
            RegisterNode report{.name = "n" + std::to_string(random() % 3 + 1)};
            report.config_overrides = true;
            if (random() % 2) report.running_steps.emplace();
            if (random() % 4 == 0) report.boot_time = w.now;
            command = report;
          }
          break;
        case 12: {
          UpdateJobs update{.targets = {{.job = some, .tasks = {}, .whole_array = random() % 2 == 0}}};
          update.by_operator = random() % 2;
          if (random() % 2) update.priority = random() % 2 ? 0 : kInfinite32;
          if (random() % 2) update.time_limit = random() % 5;
          if (random() % 3 == 0) {
            const bool expands = w.state.format == kFormat && random() % 2;
            update.dependency_text = expands ? "expand:" : "afterany:";
            *update.dependency_text += std::to_string(jobs.empty() ? 1 : jobs[random() % jobs.size()].v);
            update.dependencies = *model::parse_dependencies(*update.dependency_text);
          }
          command = update;
          break;
        }
        case 13:
          if (random() % 2) {
            command = TopJobs{.jobs = {some, JobId{static_cast<std::uint32_t>(random() % 10)}}, .by_operator = true};
            break;
          }
          command = SuspendJobs{.targets = {{.job = some, .tasks = {}}}, .resume = random() % 2 == 0};
          break;
        case 14: {
          UpdateNodes update{.nodes = {static_cast<model::NodeId>(random() % 4)}};
          const std::uint32_t states[] = {model::node_flag::drain, model::node_flag::resume, 1 /* down */,
                                          2 /* idle */};
          update.state = states[random() % 4];
          command = update;
          break;
        }
        case 15: {
          Configure configure;
          configure.settings = w.state.settings;
          configure.settings.multifactor = random() % 2;
          if (w.state.format == kFormat) configure.settings.priority.calc_period_s = 30;
          for (const char* name : {"n1", "n2", "n3"})
            if (const model::Node* node = w.state.node(name); node && random() % 8)
              configure.nodes.push_back(node->config);
          if (configure.nodes.empty()) configure.nodes.push_back({.name = "n1"});
          configure.partitions.push_back({.name = "all"});
          configure.partitions.back().nodes_text = "ALL";
          command = configure;
          break;
        }
        case 16:
          command = LaunchAnswered{.job = some,
                                   .restart_count = static_cast<std::uint32_t>(random() % 2),
                                   .effect = lost_effects ? random() % w.state.next_effect_id : 0,
                                   .rc = random() % 2 ? Errc::success : Errc::node_prolog_failed};
          break;
        case 17:
          if (lost_effects) command = EffectsDone{.effects = {random() % w.state.next_effect_id}};
          break;
        case 18:
          if (random() % 2) {
            command = PutPartition{.partition = {.name = "more"}, .create = random() % 2 == 0};
          } else {
            command = DeletePartition{random() % 8 ? "more" : "all"};
          }
          break;
        case 19:
          if (w.state.format == kFormat)
            command = SetDrain{.on = random() % 4 == 0, .reason = "why"};
          else if (random() % 4 == 0)
            command = UseFormat{kFormat};
          break;
        case 22:
          if (w.state.format == kFormat) command = AddNodes{{{.name = random() % 2 ? "d1" : "n2"}}};
          break;
        case 23:
          if (w.state.format == kFormat) command = RemoveNode{random() % 2 ? "d1" : "n3"};
          break;
        case 20:
        case 21: {
          if (w.state.format != kFormat) break;
          const std::string name = random() % 2 ? "r" : "s";
          if (random() % 4 == 0) {
            command = DeleteReservation{name};
            break;
          }
          PutReservation put{.reservation = {.name = name}};
          const model::Reservation* old = w.state.reservation(name);
          if (old && random() % 2) put.replaces = old->version;
          put.reservation.nodes = {{static_cast<model::NodeId>(random() % 3), {}}};
          put.reservation.start = w.now + static_cast<int>(random() % 60);
          put.reservation.end = put.reservation.start + static_cast<int>(random() % 200);
          put.reservation.flags = std::uint64_t{1} << random() % 40;
          put.reservation.purge_after_s = random() % 60;
          if (random() % 4 == 0) put.reservation.partition = "more";
          command = put;
          break;
        }
        case 30:
          if (w.state.format != kFormat) break;
          if (random() % 8 == 0) {
            command = SetDampening{.factor = static_cast<std::uint16_t>(1 + random() % 5)};
          } else if (random() % 2) {
            UpdateCrontab update{.uid = 1000, .text = {}, .jobs = {}};
            if (random() % 4) update.text = "text";
            for (unsigned i = random() % 3; update.text && i > 0; --i) {
              update.jobs.push_back(w.job());
              update.jobs.back().cron = model::CronEntry{.minutes = 1, .first_line = i, .last_line = i};
            }
            command = update;
          } else {
            command = SetCronStarts{{{some, w.now + static_cast<int>(random() % 5)}}};
          }
          break;
        case 24:
          if (w.state.format == kFormat) {
            SubmitJob held = w.job(2);
            held.request.batch = false;
            held.request.resp_host = "login";
            held.request.other_port = held.request.alloc_resp_port = 7000;
            held.request.kill_on_node_fail = random() % 2;
            command = held;
          }
          break;
        case 25:
          if (w.state.format != kFormat) break;
          if (random() % 2) {
            command = AwaitStart{.job = some, .or_never = random() % 4 == 0};
          } else if (random() % 4 == 0) {
            command = EndAllocation{.job = some, .wait_status = random() % 2 ? 0 : kNoVal32};
          }
          break;
        case 26:
        case 27: {
          const model::Job* job = w.state.job(some);
          if (w.state.format != kFormat || !job) break;
          model::StepRequest request;
          request.host = "login";
          request.port = static_cast<std::uint16_t>(random() % 5);
          request.flags = random() % 4 == 0 ? model::step_flag::no_kill : 0;
          request.time_limit = random() % 3;
          if (random() % 4 == 0 || !job->allocation) {
            command = QueueStep{.job = some, .restart_count = job->restart_count, .request = request};
            break;
          }
          CreateStep create{.job = some, .restart_count = job->restart_count, .request = request};
          const model::NodeShare& share = job->allocation->shares.front();
          create.placement.shares.push_back({.node = share.node,
                                             .cpus = 1,
                                             .memory_mib = random() % 300,
                                             .cores = {1ull << (random() % 4)},
                                             .tasks = {0}});
          create.placement.num_tasks = 1;
          create.placement.counts_cpus = random() % 4;
          command = create;
          break;
        }
        case 28:
          if (w.state.format == kFormat)
            command = EndStep{.job = some,
                              .step = static_cast<std::uint32_t>(random() % 3),
                              .wait_status = static_cast<std::uint32_t>(random() % 12)};
          break;
        case 29:
          if (w.state.format == kFormat)
            command = SignalStep{.job = some, .step = static_cast<std::uint32_t>(random() % 3), .signal = 9};
          break;
        case 32:
          if (w.state.format == kFormat)
            command = PreemptJobs{{{some, jobs.empty() ? some : jobs[random() % jobs.size()], "all"}}};
          break;
        case 31: {
          if (w.state.format != kFormat) break;
          PutBooks put{.made_for = w.state.books_version + (random() % 8 == 0), .whole = random() % 8 == 0};
          put.records.set_assoc({.id = 1, .cluster = "test", .account = "root"});
          const std::uint32_t id = static_cast<std::uint32_t>(random() % 3 + 2);
          put.records.set_assoc({.id = id,
                                 .cluster = "test",
                                 .account = id == 2 ? "lab" : "sub",
                                 .user = id == 3 ? "ann" : (id == 4 ? "bob" : ""),
                                 .parent_id = id == 2 ? 1u : 2u,
                                 .is_default = id != 2});
          put.records.qos.set(1, {.id = 1, .name = "normal", .usage_factor = 0.1 * static_cast<double>(random() % 20)});
          put.records.tres.set(1, {.id = 1, .type = "cpu"});
          if (random() % 4 == 0) put.assocs_gone = {static_cast<std::uint32_t>(random() % 3 + 2)};
          if (random() % 4 == 0) put.assocs_unused = {static_cast<std::uint32_t>(random() % 3 + 2)};
          command = put;
          break;
        }
      }
      w.now = w.now + static_cast<int>(random() % 20);
      const Entry entry{.now = w.now, .command = std::move(command)};
      const Reply reply = apply(w.state, entry);
      const Entry again = *decode(encode(entry, std::max(w.state.format, format_of(entry.command))));
      apply(twin.state, again);
      if (reply.job.v) jobs.push_back(reply.job);
      if (const model::Crontab* crontab = w.state.crontabs.find(1000); crontab && random() % 4 == 0)
        jobs.insert(jobs.end(), crontab->jobs.begin(), crontab->jobs.end());

      w.state.nodes.for_each([&](std::uint64_t, const auto& node) {
        std::uint64_t cores = 0, memory = 0;
        for (const auto& list : {node->jobs, node->completing_jobs})
          for (JobId id : list) {
            const model::Job* job = w.state.job(id);
            EXPECT_TRUE(job && job->allocation);
            EXPECT_EQ(cores & job->allocation->shares[0].cores[0], 0u);
            cores |= job->allocation->shares[0].cores[0];
            memory += job->allocation->shares[0].memory_mib;
          }
        EXPECT_EQ(node->cores_used[0], cores);
        EXPECT_EQ(node->memory_used, memory);
        EXPECT_LE(memory, 1000u);
        return true;
      });
      w.state.jobs.for_each([&](std::uint64_t id, const auto& job) {
        EXPECT_EQ(w.state.pending.find(id) != nullptr, job->state.pending());
        EXPECT_EQ(w.state.active.find(id) != nullptr, !job->state.pending() && !job->state.finished());
        EXPECT_EQ(job->state.completing(), !job->completing_nodes.empty());
        // Who completes is told to end, and who is over leaves no order behind.
        bool ending = false, ordered = false;
        w.state.job_effects.for_each_from(id << 32, [&](std::uint64_t, const auto& effect) {
          if (effect->job.v != id) return false;
          ending |= effect->kind == Effect::Kind::end_job;
          ordered |= effect->kind != Effect::Kind::mail && effect->kind != Effect::Kind::tell_client;
          return true;
        });
        EXPECT_FALSE(ordered && (job->state.pending() || job->state.finished()));
        EXPECT_TRUE(lost_effects || ending == job->state.completing());
        return true;
      });
      EXPECT_EQ(w.state.job_effects.size(), w.state.effects.size());
      // Steps are of jobs that have nodes, and never on the same core by chance.
      std::map<std::pair<std::uint32_t, model::NodeId>, std::uint64_t> taken;
      w.state.steps.for_each([&](std::uint64_t, const auto& one) {
        const model::Job* job = w.state.job(one->job);
        EXPECT_TRUE(job && job->allocation && !job->state.pending() && !job->state.finished());
        if (!one->counts_cpus()) return true;
        const model::StepShare& share = one->placement->shares[0];
        std::uint64_t& cores = taken[{one->job.v, share.node}];
        EXPECT_EQ(cores & share.cores[0], 0u);
        cores |= share.cores[0];
        return true;
      });
    }
    const auto loaded = load(save(w.state));
    ASSERT_TRUE(loaded) << loaded.error().text;
    EXPECT_EQ(state_hash(*loaded), state_hash(w.state)) << "seed " << seed;
    EXPECT_EQ(state_hash(twin.state), state_hash(w.state)) << "seed " << seed;
    EXPECT_EQ(loaded->pending.size(), w.state.pending.size());
    EXPECT_EQ(loaded->array_tasks.size(), w.state.array_tasks.size());
    EXPECT_EQ(loaded->job_effects.size(), w.state.job_effects.size());
    EXPECT_EQ(loaded->steps.size(), w.state.steps.size());
    EXPECT_EQ(loaded->tasks_without_record, w.state.tasks_without_record);
    EXPECT_EQ(loaded->submitted.size(), w.state.submitted.size());
    w.state.submitted.for_each([&](std::uint64_t scope, const auto& count) {
      EXPECT_TRUE(loaded->submitted.find(scope) && *loaded->submitted.find(scope) == *count) << "seed " << seed;
      return true;
    });
  }
}

TEST(State, damaged_snapshots_and_entries_are_refused) {
  World w;
  w.submit();
  const std::string good = save(w.state);
  ASSERT_TRUE(load(good));
  for (std::size_t cut = 0; cut < good.size(); cut += 7)
    EXPECT_EQ(load(std::string_view(good).substr(0, cut)).error().code, Errc::corrupt);
  EXPECT_EQ(decode("").error().code, Errc::corrupt);
  const std::string tick = encode({.now = w.now, .command = Tick{}}, w.state.format);
  ASSERT_TRUE(decode(tick));
  std::string later = tick;
  later.back() = 99;  // a command number of the future
  EXPECT_EQ(decode(later).error().code, Errc::corrupt);
  later = tick;
  later[1] = 99;  // a format of the future
  EXPECT_NE(decode(later).error().text.find("format 99"), std::string::npos) << decode(later).error().text;
}

}  // namespace
}  // namespace flurm::state
