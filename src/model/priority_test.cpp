// model/priority_test.cpp — what makes up a priority, beside Slurm's formulas worked out by hand.
#include "model/priority.hpp"

#include <gtest/gtest.h>

namespace flurm::model {
namespace {

class PriorityTest : public testing::Test {
 protected:
  PriorityTest() {
    for (NodeId id = 0; id < 4; ++id) {
      Node node;
      node.id = id;
      node.config.cpus = 8;
      node.config.real_memory = 1000;
      nodes_.set(id, std::make_shared<const Node>(node));
    }
    partitions_ = {make_partition("low", 10, 4), make_partition("high", 40, 2)};
    request_.min_nodes = 2;
    request_.min_cpus = 8;
    job_.priority = 1;
    job_.submit_time = job_.accrue_time = TimeS{1000};
  }
  static std::shared_ptr<const Partition> make_partition(const char* name, std::uint16_t factor, NodeId nodes) {
    Partition partition;
    partition.name = name;
    partition.priority_job_factor = factor;
    for (NodeId id = 0; id < nodes; ++id) partition.nodes.push_back(id);
    partition.total_nodes = nodes;
    partition.total_cpus = nodes * 8;
    return std::make_shared<const Partition>(partition);
  }
  PriorityFactors factors(TimeS now, std::size_t partition = 0) {
    job_.request = std::make_shared<const JobRequest>(request_);
    return priority_factors(PriorityScale(rule_, nodes_, partitions_, now), job_, *partitions_[partition]);
  }

  PersistentMap<Node> nodes_;
  std::vector<std::shared_ptr<const Partition>> partitions_;
  PriorityRule rule_;
  JobRequest request_;
  Job job_;
};

TEST_F(PriorityTest, age_grows_to_its_maximum_in_steps_of_the_period) {
  rule_ = {.age = 500, .max_age_s = 1000, .calc_period_s = 100};
  EXPECT_EQ(factors(TimeS{1000}).age, 0);
  EXPECT_EQ(factors(TimeS{1199}).age, 50);
  EXPECT_EQ(factors(TimeS{1200}).age, 100);
  EXPECT_EQ(factors(TimeS{5000}).age, 500);
  job_.accrue_time = TimeS{6000};
  EXPECT_EQ(factors(TimeS{5000}).age, 0);
  rule_.flags = priority_flag::accrue_always;
  EXPECT_EQ(factors(TimeS{1100}).age, 50);
  rule_.flags = 0;
  job_.accrue_time = TimeS{1000};
  job_.state.base = JobBase::running;
  job_.start_time = TimeS{1150};
  EXPECT_EQ(factors(TimeS{5000}).age, 75) << "as it was when the job began";
}

TEST_F(PriorityTest, size_is_half_nodes_and_half_processors) {
  rule_ = {.job_size = 1000};
  EXPECT_EQ(factors({}).job_size, 1000 * (2 / 4. + 8 / 32.) / 2);
  request_.max_cpus = 16;
  EXPECT_EQ(factors({}).job_size, 1000 * (2 / 4. + 16 / 32.) / 2);
  rule_.favor_small = true;
  EXPECT_EQ(factors({}).job_size, 500);
  rule_ = {.job_size = 1000, .flags = priority_flag::size_relative};
  job_.time_limit = 4;
  EXPECT_EQ(factors({}).job_size, 1000 * (16 / 32.) / 4);
}

TEST_F(PriorityTest, a_partition_counts_relative_to_the_best) {
  rule_ = {.partition = 100};
  EXPECT_EQ(factors({}, 0).partition, 25);
  EXPECT_EQ(factors({}, 1).partition, 100);
  rule_.flags = priority_flag::no_normal_partition;
  EXPECT_EQ(factors({}, 1).partition, 4000);
}

TEST_F(PriorityTest, resources_are_weighed_as_parts_of_the_partition) {
  rule_ = {.tres = "CPU=1000,mem=100,License/x=7"};
  request_.pn_min_memory = 500;
  EXPECT_EQ(factors({}, 0).total(), static_cast<std::uint32_t>(1000 * 8 / 32. + 100 * 1000 / 4000.));
  EXPECT_EQ(factors({}, 1).tres[0], 500);
  request_.pn_min_memory = 100 | kMemoryPerCpu;
  EXPECT_EQ(factors({}, 1).tres[1], 100 * 800 / 2000.);
  rule_.flags = priority_flag::no_normal_tres;
  EXPECT_EQ(factors({}, 1).tres[0], 8000);
}

TEST_F(PriorityTest, the_sum_is_at_least_one_and_what_was_set_by_hand_stays) {
  rule_ = {.partition = 100};
  request_.nice = 0x80000000u + 30;
  EXPECT_EQ(factors({}, 1).total(), 70u);
  request_.nice = 0x80000000u + 3000;
  EXPECT_EQ(factors({}, 1).total(), 1u);
  request_.site_factor = 0x80000000u + 5000;
  EXPECT_EQ(factors({}, 1).total(), 2100u);
  const PriorityScale scale(rule_, nodes_, partitions_, {});
  EXPECT_EQ(priority_of(&scale, job_, *partitions_[1]), 2100u);
  EXPECT_EQ(priority_of(nullptr, job_, *partitions_[1]), 1u);
  job_.direct_set_priority = true;
  job_.priority = 7;
  EXPECT_EQ(priority_of(&scale, job_, *partitions_[1]), 7u);
  job_.direct_set_priority = false;
  job_.priority = 0;
  EXPECT_EQ(priority_of(&scale, job_, *partitions_[1]), 0u);
}

}  // namespace
}  // namespace flurm::model
