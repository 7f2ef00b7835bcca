# The `flurm` tool: what an administrator or a new user types.
find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)
flurm_library(NAME cli TIER 3 DEPS base codec model conf state io auth replog exec)
target_include_directories(flurm_cli SYSTEM PRIVATE ${CLI11_INCLUDE_DIR})
target_compile_definitions(flurm_cli PRIVATE FLURM_VERSION="${PROJECT_VERSION}")
