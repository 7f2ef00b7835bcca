# The supervisor of one job step: owns the step's processes from start to acknowledged end.
flurm_library(NAME stepd TIER 3 DEPS base codec exec)
