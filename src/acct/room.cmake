# Accounting as values: clusters, accounts, users, associations, QOS; the rules by which they change; job records.
flurm_library(NAME acct TIER 1 DEPS base codec model)
target_compile_options(flurm_acct PRIVATE -ffp-contract=off)  # fair shares are compared in apply()
