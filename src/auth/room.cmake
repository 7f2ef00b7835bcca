# Who is asking: MUNGE credentials, signatures of job credentials, users and groups.
pkg_check_modules(MUNGE REQUIRED IMPORTED_TARGET munge)
flurm_library(NAME auth TIER 2 DEPS base EXTERNAL PkgConfig::MUNGE)
