# The event loop (libuv), coroutines, streams, timers, worker threads.
pkg_check_modules(LIBUV REQUIRED IMPORTED_TARGET libuv)
flurm_library(NAME io APART TIER 2 DEPS base EXTERNAL PkgConfig::LIBUV)
