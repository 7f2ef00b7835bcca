# Who is asking: MUNGE credentials, signatures of job credentials, users and groups.
pkg_check_modules(MUNGE REQUIRED IMPORTED_TARGET munge)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
flurm_library(NAME auth APART TIER 2 DEPS base EXTERNAL PkgConfig::MUNGE OpenSSL::Crypto)
