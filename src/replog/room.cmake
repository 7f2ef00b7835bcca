# The replicated log: libraft on our loop.
pkg_check_modules(RAFT REQUIRED IMPORTED_TARGET raft)
flurm_library(NAME replog APART TIER 2 DEPS base io EXTERNAL PkgConfig::RAFT)
