# Ground: what every other room may use.
pkg_check_modules(FMT REQUIRED IMPORTED_TARGET fmt)
pkg_check_modules(SPDLOG REQUIRED IMPORTED_TARGET spdlog)
find_package(rapidcheck REQUIRED)
flurm_library(NAME base APART TIER 0 EXTERNAL PkgConfig::FMT PkgConfig::SPDLOG Threads::Threads
  TEST_EXTERNAL rapidcheck_gtest)
