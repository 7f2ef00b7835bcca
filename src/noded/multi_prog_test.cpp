// noded/multi_prog_test.cpp — configurations of several programs, as srun(1) describes them.
#include "noded/multi_prog.hpp"

#include "gtest/gtest.h"

namespace flurm::noded {
namespace {

constexpr std::string_view kConfiguration =
    "# a comment\n"
    "\n"
    "  4-6,2   hostname  -s\n"
    "1,7 echo task:%t 'of many' a\\ b\n"
    "0,3 echo offset:%o \\\n"
    " more\n"
    "* true\n";

std::string command(std::uint32_t rank, std::vector<std::string> arguments = {}) {
  const auto words = multi_prog_command(kConfiguration, rank, arguments);
  if (!words) return "error: " + words.error().text;
  std::string text;
  for (const std::string& word : *words) text += "[" + word + "]";
  return text;
}

TEST(MultiProg, finds_the_line_of_a_rank) {
  EXPECT_EQ(command(2), "[hostname][-s]");
  EXPECT_EQ(command(5), "[hostname][-s]");
  EXPECT_EQ(command(9), "[true]");
}

TEST(MultiProg, puts_in_rank_and_place) {
  EXPECT_EQ(command(7), "[echo][task:7][of many][a b]");
  EXPECT_EQ(command(0), "[echo][offset:0][more]");
  EXPECT_EQ(command(3), "[echo][offset:1][more]");
}

TEST(MultiProg, arguments_for_all_come_last) { EXPECT_EQ(command(2, {"x", "y z"}), "[hostname][-s][x][y z]"); }

TEST(MultiProg, what_cannot_be_understood_is_refused) {
  EXPECT_FALSE(multi_prog_command("", 0, {}));
  EXPECT_FALSE(multi_prog_command("1 true\n", 0, {}));
  EXPECT_FALSE(multi_prog_command("0\n", 0, {}));
  EXPECT_FALSE(multi_prog_command("0 echo 'open\n", 0, {}));
  EXPECT_FALSE(multi_prog_command("9-1,x,-,99999999999 true\n", 3, {}));
}

}  // namespace
}  // namespace flurm::noded
