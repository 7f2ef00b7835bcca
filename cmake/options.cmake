# Compiler settings shared by all targets.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

option(FLURM_WERROR "Treat warnings as errors" OFF)
set(FLURM_SANITIZE "" CACHE STRING "Sanitizers to build with, e.g. address,undefined")
option(FLURM_FUZZ "Build the libFuzzer targets (needs clang)" OFF)

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers)
if(FLURM_WERROR)
  add_compile_options(-Werror)
endif()
if(FLURM_SANITIZE)
  add_compile_options(-fsanitize=${FLURM_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FLURM_SANITIZE})
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # ccache wants to be told that a file which is compiled with precompiled headers may be kept.
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
endif()
find_program(MOLD mold)
if(MOLD AND NOT FLURM_SANITIZE)
  add_link_options(-fuse-ld=mold)
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
