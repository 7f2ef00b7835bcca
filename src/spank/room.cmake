# SPANK: loads the site's plugins and is to them what slurmstepd is.
flurm_library(NAME spank TIER 3 DEPS base codec exec stepd EXTERNAL ${CMAKE_DL_LIBS})
