# The node daemon: registers, launches supervisors, ends jobs, runs prologs and epilogs, reports to the controller.
pkg_check_modules(HWLOC REQUIRED IMPORTED_TARGET hwloc)
flurm_library(NAME noded TIER 3 DEPS base codec wire conf io exec EXTERNAL PkgConfig::HWLOC)
