# The controller: RPC in → command; effect → RPC out.
flurm_library(NAME ctld TIER 3 DEPS base codec wire model conf acct acct_wire state sched io auth rpc replog cluster http exec)
target_compile_definitions(flurm_ctld PRIVATE FLURM_VERSION="${PROJECT_VERSION}")
