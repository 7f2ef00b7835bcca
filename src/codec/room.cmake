# One description per message: the archives that pack, unpack, dump, fuzz and document it.
flurm_library(NAME codec APART TIER 0 DEPS base)
