# Slurm's messages, header and job credential, at every protocol from 22.05 to 26.05. No sockets here.
flurm_library(NAME wire TIER 1 DEPS base codec)
