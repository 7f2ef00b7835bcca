# The link between controllers: handshake, calls, and the streams of the replicated log.
find_package(OpenSSL REQUIRED COMPONENTS Crypto SSL)
flurm_library(NAME cluster TIER 2 DEPS base io replog EXTERNAL OpenSSL::SSL OpenSSL::Crypto)
