# The replicated state machine: commands in, outcomes and effects out.
flurm_library(NAME state TIER 1 DEPS base codec model acct)
