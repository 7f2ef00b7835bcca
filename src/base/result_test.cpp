// base/result_test.cpp — codes carry Slurm's numbers, and FLURM_TRY hands errors on.
#include "base/result.hpp"

#include "gtest/gtest.h"

namespace flurm {
namespace {

Result<int> half(int n) {
  if (n % 2) return fail(Errc::einval, "{} is odd", n);
  return n / 2;
}
Result<int> quarter(int n) {
  FLURM_TRY(int h, half(n));
  return half(h);
}

TEST(Result, carries_value_or_error) {
  EXPECT_EQ(*quarter(8), 2);
  ASSERT_FALSE(quarter(6));
  EXPECT_EQ(quarter(6).error().text, "3 is odd");
}

TEST(Errc, numbers_are_slurms) {
  EXPECT_EQ(static_cast<int>(Errc::invalid_partition_name), 2000);
  EXPECT_EQ(errc_text(Errc::invalid_job_id), "invalid job id");
  EXPECT_EQ(errc_name(Errc::invalid_job_id), "invalid_job_id");
}

}  // namespace
}  // namespace flurm
