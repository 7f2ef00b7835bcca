# The replicated state machine: commands in, outcomes and effects out.
flurm_library(NAME state TIER 1 DEPS base codec model acct)
# Members may be of different machines, and have to come to the same sums.
target_compile_options(flurm_state PRIVATE -ffp-contract=off)
# A program of the tests has its own.
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/state/format.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
