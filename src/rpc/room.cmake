# Slurm's RPCs on sockets: server, client, persistent connections, forwarding tree.
flurm_library(NAME rpc TIER 2 DEPS base io auth codec wire)
