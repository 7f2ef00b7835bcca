# Processes on a node: becoming a user, running a task or a script, finding and killing what it left behind.
flurm_library(NAME exec TIER 2 DEPS base codec)
