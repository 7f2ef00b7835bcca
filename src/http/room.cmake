# HTTP for tools, browsers and monitoring.
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
flurm_library(NAME http TIER 2 DEPS base io EXTERNAL PkgConfig::HTTPLIB Threads::Threads)
