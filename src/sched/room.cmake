# The planner: an immutable view of the cluster in, decisions out.
flurm_library(NAME sched TIER 1 DEPS base model acct TEST_EXTERNAL rapidcheck_gtest)
