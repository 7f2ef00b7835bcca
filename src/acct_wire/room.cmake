# Accounting's records as Slurm's messages carry them: between acct and wire, which do not know each other.
flurm_library(NAME acct_wire TIER 1 DEPS base acct wire)
