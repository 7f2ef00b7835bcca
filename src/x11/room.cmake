# --x11: the display of srun's user, as this node's programs see it. Its own process, which runs as that user.
flurm_library(NAME x11 TIER 3 DEPS base codec wire auth rpc exec)
