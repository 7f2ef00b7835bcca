// exec/output_pattern_test.cpp — each % pattern, as a real slurmstepd 22.05 names the files.
#include "exec/output_pattern.hpp"

#include "gtest/gtest.h"

namespace flurm::exec {
namespace {

OutputNames array_task() {
  OutputNames names;
  names.job_id = 12;
  names.array_job_id = 2;
  names.array_task_id = 13;
  names.host = "vm";
  names.user = "ann";
  names.job_name = "env.sh";
  names.work_dir = "/home/ann";
  return names;
}

TEST(OutputPattern, every_letter) {
  const OutputNames names = array_task();
  // Recorded from a real array task: arr_%A_%4a_%j_%x_%N_%n_%s_%t_%u_%J_%%_.out
  EXPECT_EQ(expand_output_pattern("/r/arr_%A_%4a_%j_%x_%N_%n_%s_%t_%u_%J_%%_.out", names),
            "/r/arr_2_0013_12_env.sh_vm_0_batch_0_ann_12_%_.out");
  EXPECT_EQ(expand_output_pattern("/%b", names), "/3");
}

TEST(OutputPattern, job_that_is_no_array_task) {
  OutputNames names = array_task();
  names.array_task_id = kNoVal32;
  names.array_job_id = 0;
  EXPECT_EQ(expand_output_pattern("/%A_%a", names), "/12_4294967294");
}

TEST(OutputPattern, padding) {
  const OutputNames names = array_task();
  EXPECT_EQ(expand_output_pattern("/%5j", names), "/00012");
  EXPECT_EQ(expand_output_pattern("/%1j", names), "/12");
  EXPECT_EQ(expand_output_pattern("/%20j", names), "/0000000012");
  EXPECT_EQ(expand_output_pattern("/%99999999999999999999j", names), "/0000000012");
}

TEST(OutputPattern, other_text_stays) {
  const OutputNames names = array_task();
  EXPECT_EQ(expand_output_pattern("/%z%4", names), "/%z%4");
  EXPECT_EQ(expand_output_pattern("/100%", names), "/100%");
  EXPECT_EQ(expand_output_pattern("/%%j", names), "/%j");
}

TEST(OutputPattern, relative_and_literal) {
  OutputNames names = array_task();
  EXPECT_EQ(expand_output_pattern("a/%j", names), "/home/ann/a/12");
  EXPECT_EQ(expand_output_pattern("/a\\%j", names), "/a%j");
  EXPECT_EQ(expand_output_pattern("a\\\\b%j\\", names), "/home/ann/a\\b%j");
  names.work_dir = "/";
  EXPECT_EQ(expand_output_pattern("x", names), "/x");
}

TEST(OutputPattern, single_task) {
  const OutputNames names = array_task();
  EXPECT_EQ(expand_output_pattern("3", names), "/dev/null");
  EXPECT_EQ(expand_output_pattern("0", names), "/home/ann/0");
}

TEST(OutputPattern, default_names) {
  OutputNames names = array_task();
  EXPECT_EQ(batch_output_path("", names), "/home/ann/slurm-2_13.out");
  names.array_task_id = kNoVal32;
  EXPECT_EQ(batch_output_path("", names), "/home/ann/slurm-12.out");
  EXPECT_EQ(batch_output_path("/x", names), "/x");
}

TEST(OutputPattern, step) {
  OutputNames names = array_task();
  names.step_id = 4;
  EXPECT_EQ(expand_output_pattern("/%J_%3s", names), "/12.4_004");
}

}  // namespace
}  // namespace flurm::exec
