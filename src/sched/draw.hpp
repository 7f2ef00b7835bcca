// sched/draw.hpp — for tests of generated worlds.
#pragma once
#include <rapidcheck.h>

namespace flurm::sched::test {

/// Any of least … end - 1, as likely as the others whatever the size of the run.
template <class T>
T pick(T least, T end) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(least, end));
}

}  // namespace flurm::sched::test
