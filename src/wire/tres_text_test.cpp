// wire/tres_text_test.cpp — see tres_text.hpp.
#include "wire/tres_text.hpp"

#include <gtest/gtest.h>

namespace flurm::wire {
namespace {

TEST(TresTextTest, words_of_23_11_become_those_of_22_05_and_back) {
  const auto both_ways = [](std::string_view fresh, std::string_view old, TresForm form) {
    EXPECT_EQ(old_tres_words(fresh, form), old);
    EXPECT_EQ(new_tres_words(old, form), fresh);
  };
  both_ways("gres/gpu:2,gres/mps:100", "gres:gpu:2,gres:mps:100", TresForm::counts);
  both_ways("gres/gpu:tesla:2", "gres:gpu:tesla:2", TresForm::counts);
  both_ways("gres/gpu", "gres:gpu", TresForm::counts);
  both_ways("cpu=2,gres/gpu=1", "cpu=2,gres:gpu:1", TresForm::per_task);
  both_ways("gres/gpu:tesla=1", "gres:gpu:tesla:1", TresForm::per_task);
  both_ways("gres/gpu:tesla", "gres:gpu:tesla", TresForm::per_task);
  both_ways("gres/gpu:closest", "gpu:closest", TresForm::binding);
  both_ways("gres/gpu:map:0,1+gres/mps:none", "gpu:map:0,1+mps:none", TresForm::binding);
  both_ways("", "", TresForm::counts);
}

TEST(TresTextTest, old_words_in_new_messages_are_understood) {
  EXPECT_EQ(old_tres_words("gres:gpu:2,gres/gpu=3", TresForm::counts), "gres:gpu:2,gres:gpu:3");
  EXPECT_EQ(old_tres_words("gpu:closest", TresForm::binding), "gpu:closest");
}

}  // namespace
}  // namespace flurm::wire
