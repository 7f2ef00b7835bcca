# The cluster's entities as values: jobs, nodes, partitions, and the commands' vocabulary.
flurm_library(NAME model TIER 1 DEPS base codec)
