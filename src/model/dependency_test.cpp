// model/dependency_test.cpp — the texts sbatch accepts, and the ones it does not.
#include "model/dependency.hpp"

#include "gtest/gtest.h"

namespace flurm::model {
namespace {

std::string round(std::string_view text) {
  const auto parsed = parse_dependencies(text);
  return parsed ? dependencies_text(*parsed) : "error";
}

TEST(Dependency, forms) {
  EXPECT_EQ(round("afterok:1:2,afterany:3"), "afterok:1(unfulfilled),afterok:2(unfulfilled),afterany:3(unfulfilled)");
  EXPECT_EQ(round("AfterOK:1?singleton"), "afterok:1(unfulfilled)?singleton(unfulfilled)");
  EXPECT_EQ(round("after:7+5"), "after:7+5(unfulfilled)");
  EXPECT_EQ(round("aftercorr:7_3,afternotok:8_*"), "aftercorr:7_3(unfulfilled),afternotok:8_*(unfulfilled)");
  EXPECT_EQ(round("12,13"), "afterany:12(unfulfilled),afterany:13(unfulfilled)");
  EXPECT_EQ(round("afterok:1(failed)"), "afterok:1(failed)");
  EXPECT_EQ(round("0"), "");
}

TEST(Dependency, refuses) {
  for (const char* text : {"afterok", "afterok:", "afterok:0", "after:1+0", "nonsense:1", "afterok:1;2", "afterok:x",
                           "afterok:1,", "afterok:1(odd)", "singletons"})
    EXPECT_EQ(parse_dependencies(text).error().code, Errc::dependency) << text;
}

}  // namespace
}  // namespace flurm::model
