# Configuration: the text of slurm.conf, gres.conf, cgroup.conf, topology.conf and flurm.conf as typed values.
flurm_library(NAME conf APART TIER 1 DEPS base TEST_EXTERNAL rapidcheck_gtest)
