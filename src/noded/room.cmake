# The node daemon: registers, launches supervisors, ends jobs, runs prologs and epilogs, reports to the controller.
pkg_check_modules(HWLOC REQUIRED IMPORTED_TARGET hwloc)
flurm_library(NAME noded TIER 3 DEPS base codec wire conf model io auth rpc exec EXTERNAL PkgConfig::HWLOC)
target_compile_definitions(flurm_noded PRIVATE FLURM_VERSION="${PROJECT_VERSION}")
