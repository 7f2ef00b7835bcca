# The programs. Each is src/programs/<name>.cpp and a list of rooms.

# The supervisor starts once per job: it is linked statically (half the start-up time of a dynamic program), from the
# rooms' archives themselves, because the targets would bring shared libraries along. Not with sanitizers or {fmt} ≥ 10.
find_package(fmt REQUIRED)
if(FLURM_SANITIZE OR NOT fmt_VERSION VERSION_LESS 10)
  flurm_program(NAME flurmstepd DEPS stepd)
else()
  add_executable(flurmstepd ${CMAKE_SOURCE_DIR}/src/programs/flurmstepd.cpp
                            ${CMAKE_SOURCE_DIR}/src/programs/fmt_for_static.cpp)
  target_include_directories(flurmstepd PRIVATE ${CMAKE_SOURCE_DIR}/src)
  foreach(room stepd exec codec base)
    add_dependencies(flurmstepd flurm_${room})
    target_link_libraries(flurmstepd PRIVATE $<TARGET_FILE:flurm_${room}>)
  endforeach()
  target_link_options(flurmstepd PRIVATE -static)
endif()
flurm_program(NAME flurmpmix DEPS pmix)
flurm_program(NAME flurmx11 DEPS x11)
# The supervisor again, for steps with SPANK plugins: they call functions of the program that loaded them.
flurm_program(NAME flurmspank DEPS spank)
target_link_options(flurmspank PRIVATE -Wl,--dynamic-list=${CMAKE_SOURCE_DIR}/src/spank/exported.txt
                    -Wl,--undefined=spank_get_item -Wl,--undefined=spank_getenv)
set_target_properties(flurmspank PROPERTIES LINK_DEPENDS ${CMAKE_SOURCE_DIR}/src/spank/exported.txt)
add_dependencies(flurmstepd flurmpmix flurmspank flurmx11)
flurm_program(NAME flurm DEPS cli)
flurm_program(NAME flurmctld DEPS ctld)
target_compile_definitions(flurmctld PRIVATE FLURM_VERSION="${PROJECT_VERSION}")

# For the test of rolling upgrades: the same program as the release before, which knew one format of the state less. All
# that differs is state/format.cpp, whose symbols here come before those of the library.
add_executable(flurmctld-before ${CMAKE_SOURCE_DIR}/src/programs/flurmctld.cpp ${CMAKE_SOURCE_DIR}/src/state/format.cpp)
target_link_libraries(flurmctld-before PRIVATE flurm_ctld)
target_compile_definitions(flurmctld-before PRIVATE FLURM_VERSION="${PROJECT_VERSION}" FLURM_STATE_FORMAT=2)
set_target_properties(flurmctld-before PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)

flurm_program(NAME flurmnd DEPS noded)
add_dependencies(flurmnd flurmstepd)
target_compile_definitions(flurmnd PRIVATE FLURM_VERSION="${PROJECT_VERSION}")
if(TARGET noded_test)  # drives real supervisors
  add_dependencies(noded_test flurmstepd)
  target_compile_definitions(noded_test PRIVATE FLURM_STEPD="$<TARGET_FILE:flurmstepd>")
endif()

flurm_program(NAME flurmdbd DEPS dbd)
target_compile_definitions(flurmdbd PRIVATE FLURM_VERSION="${PROJECT_VERSION}")

# The simulation: the controller's rooms with another world beneath them. Its objects stand before the archives, so what
# they define is never looked for in io, auth and replog; a definition forgotten here shows as a double one.
file(GLOB sim_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/sim/*.cpp)
add_executable(flurm-sim ${CMAKE_SOURCE_DIR}/src/programs/flurm-sim.cpp ${sim_sources})
target_link_libraries(flurm-sim PRIVATE flurm_ctld flurm_noded)
target_link_options(flurm-sim PRIVATE -fuse-ld=bfd)  # mold takes members of archives that nothing asks for
