# The accounting daemon: slurmdbd's protocol over acct's rules and store's database.
flurm_library(NAME dbd TIER 3 DEPS base acct acct_wire codec wire conf io auth rpc store)
target_compile_definitions(flurm_dbd PRIVATE FLURM_VERSION="${PROJECT_VERSION}")
