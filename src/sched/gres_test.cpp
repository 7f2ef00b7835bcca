// sched/gres_test.cpp — which devices and cores jobs get, and who has to wait for them.
#include "model/gres.hpp"
#include "gtest/gtest.h"
#include "sched/world.hpp"

namespace flurm::sched {
namespace {

using test::job;
using test::JobSpec;
using test::World;

constexpr std::uint32_t kFile = model::gres_flag::has_file;

/// Nodes of two sockets with four cores and two gpus each, and four of "net".
class Gres : public testing::Test {
 protected:
  World w;

  void SetUp() override {
    w.view.settings.gres_types = "gpu,mps,net";
    w.nodes("n[1-3]", 2, 4, 1);
    for (const char* name : {"n1", "n2", "n3"})
      w.change_node(name, [](model::Node& node) {
        node.config.gres = "gpu:tesla:4,net:4";
        node.gres_reported = {
            {"gpu", "tesla", 2, kFile, "0-3", ""}, {"gpu", "tesla", 2, kFile, "4-7", ""}, {"net", "", 4, 0, "", ""}};
      });
    w.partition("debug", "n[1-3]");
  }

  static JobSpec with(JobSpec spec, std::string per_node, std::string per_job = "") {
    spec.request.tres_per_node = std::move(per_node);
    spec.request.tres_per_job = std::move(per_job);
    return spec;
  }

  /// "n1 0,4 gpu:tesla:2(IDX:0-1)" of each node of the job that the plan starts, "; " between; or the reason why it
  /// waits.
  std::string place(JobSpec spec) {
    const JobId id = w.submit(std::move(spec));
    const Plan plan = w.step();
    for (const Placement& start : plan.starts) {
      if (start.job != id) continue;
      std::string out;
      for (const model::NodeShare& share : start.shares) {
        const model::Node& node = *w.view.nodes.find(share.node);
        out += (out.empty() ? "" : "; ") + node.config.name + " " + model::device_list(share.cores);
        for (const model::GresShare& gres : share.gres) out += " " + model::gres_share_text(gres);
      }
      return out;
    }
    return std::string(w.view.pending.find(id.v)->reason == model::JobReason::resources ? "Resources" : "waits");
  }
};

TEST_F(Gres, each_of_several_nodes_has_cores_near_all_its_devices) {
  JobSpec spec = job().tasks(2).nodes(2, 2);
  spec.request.cpus_per_task = 4;
  EXPECT_EQ(place(with(spec, "gres:gpu:4")), "n1 0-1,4-5 gpu:tesla:4(IDX:0-3); n2 0-1,4-5 gpu:tesla:4(IDX:0-3)");
}

TEST_F(Gres, devices_of_as_many_sockets_as_are_asked_for) {
  JobSpec spec = job().tasks(2).nodes(2, 2);
  spec.request.cpus_per_task = 4;
  spec.request.tres_per_socket = "gres:gpu:1";
  spec.request.sockets_per_node = 2;
  EXPECT_EQ(place(spec), "n1 0-1,4-5 gpu:tesla:2(IDX:0,2); n2 0-1,4-5 gpu:tesla:2(IDX:0,2)");
}

TEST_F(Gres, cores_lie_near_the_devices) {
  EXPECT_EQ(place(with(job().tasks(1).on("n1"), "gres:gpu:2")), "n1 0 gpu:tesla:2(IDX:0-1)");
  EXPECT_EQ(place(with(job().tasks(1).on("n1"), "", "gres:gpu:1")), "n1 4 gpu:tesla:1(IDX:2)");
  EXPECT_EQ(place(with(job().tasks(1).on("n1"), "gres:gpu:tesla:1,gres:net:3")), "n1 5 gpu:tesla:1(IDX:3) net(CNT:3)");
  EXPECT_EQ(place(with(job().tasks(1).on("n1"), "gres:gpu:1")), "Resources");
}

TEST_F(Gres, without_near_cores_any_will_do_unless_binding_is_enforced) {
  EXPECT_EQ(place(with(job().tasks(4).on("n1"), "gres:gpu:1")), "n1 0-3 gpu:tesla:1(IDX:0)");
  JobSpec bound = with(job().tasks(1).on("n1"), "gres:gpu:3");
  bound.request.bitflags = model::job_bit::gres_enforce_bind;
  EXPECT_EQ(place(bound), "Resources");
  w.view.pending.erase(w.view.pending.size() ? 2 : 0);
  EXPECT_EQ(place(with(job().tasks(1).on("n1"), "gres:gpu:3")), "n1 4 gpu:tesla:3(IDX:1-3)");
}

TEST_F(Gres, counts_for_the_whole_job_take_nodes_until_they_are_reached) {
  EXPECT_EQ(place(with(job(), "", "gres:gpu:6")), "n1 0 gpu:tesla:4(IDX:0-3); n2 0 gpu:tesla:2(IDX:0-1)");
  EXPECT_EQ(place(with(job(), "", "gres:gpu:7")), "Resources");
}

TEST_F(Gres, tasks_that_share_cpus_have_devices_of_their_own) {
  JobSpec spec = job().tasks(3).nodes(2, 2);
  spec.request.overcommit = true;
  spec.request.min_cpus = 2;
  spec.request.tres_per_task = "gres:gpu:1";
  spec.request.cpus_per_tres = "gres:gpu:1";
  EXPECT_EQ(place(spec), "n1 0,4 gpu:tesla:2(IDX:0,2); n2 0 gpu:tesla:1(IDX:0)");
}

TEST_F(Gres, labels_set_nodes_apart) {
  w.view.settings.mcs_select = model::McsSelect::always;
  const auto labelled = [](std::string label) {
    JobSpec spec = job().tasks(1).on("n1");
    spec.request.mcs_label = std::move(label);
    return spec;
  };
  EXPECT_EQ(place(labelled("red")), "n1 0");
  EXPECT_EQ(place(labelled("blue")), "Resources");
  w.view.pending = {};
  EXPECT_EQ(place(labelled("red")), "n1 1");
  w.view.pending = {};
  EXPECT_EQ(place(labelled("")), "Resources");
}

TEST_F(Gres, an_exclusive_job_has_all_of_its_nodes) {
  EXPECT_EQ(place(job().tasks(1).on("n2").exclusive()), "n2 0-7 gpu:tesla:4(IDX:0-3) net(CNT:4)");
}

TEST_F(Gres, more_than_a_node_has_is_never_possible) {
  const model::Partition& debug = *w.view.partitions.front();
  for (const char* wish : {"gres:gpu:5", "gres:gpu:kepler:1", "gres:mps:1"}) {
    const auto asked = with(job().tasks(1), wish).request;
    EXPECT_EQ(can_ever_run(w.view, asked, debug).error().code, Errc::requested_node_config_unavailable) << wish;
  }
  EXPECT_TRUE(can_ever_run(w.view, with(job().tasks(1), "gres:gpu:4").request, debug));
}

TEST_F(Gres, parts_of_a_gpu_lie_on_one_that_nobody_has_whole) {
  w.change_node("n1", [](model::Node& node) {
    node.config.gres = "gpu:2,mps:200";
    node.gres_reported = {{"mps", "", 100, kFile, "0-3", ""},
                          {"gpu", "", 1, kFile, "0-3", ""},
                          {"mps", "", 100, kFile, "4-7", ""},
                          {"gpu", "", 1, kFile, "4-7", ""}};
  });
  EXPECT_EQ(place(with(job().tasks(1).on("n1"), "gres:mps:60")), "n1 0 mps:60(IDX:0)");
  EXPECT_EQ(place(with(job().tasks(1).on("n1"), "gres:gpu:1")), "n1 4 gpu:1(IDX:1)");
  EXPECT_EQ(place(with(job().tasks(1).on("n1"), "gres:mps:60")), "Resources");
  EXPECT_EQ(place(with(job().tasks(1).on("n1"), "gres:mps:40")).substr(3), "1 mps:40(IDX:0)");
}

}  // namespace
}  // namespace flurm::sched
