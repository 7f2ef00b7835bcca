# The PMIx server of one node's tasks: OpenPMIx towards them, letters to the other nodes' servers through the supervisor.
find_package(PkgConfig REQUIRED)
pkg_check_modules(pmix REQUIRED IMPORTED_TARGET pmix)
flurm_library(NAME pmix TIER 3 DEPS base codec exec EXTERNAL PkgConfig::pmix)
