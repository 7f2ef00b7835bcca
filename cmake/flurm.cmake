# One helper per kind of target.
#
#   flurm_library(NAME sched TIER 1 DEPS base model acct [EXTERNAL libs...])
#       src/<name>/*.cpp becomes flurm_<name>; *_test.cpp beside it become <name>_test (ctest label "unit").
#       A DEPS entry of a higher tier stops the configure step.
#   flurm_program(NAME flurmctld DEPS ctld)
#       src/programs/<name>.cpp becomes the program.

set(FLURM_ROOM_ORDER base codec wire model conf acct acct_wire state sched io auth rpc replog cluster exec pmix x11 http store ctld stepd spank noded dbd cli)

# Rooms in the order of FLURM_ROOM_ORDER. One that has only headers yet is left out: it has nothing to build.
function(flurm_sort_rooms list_name)
  set(sorted "")
  foreach(room IN LISTS FLURM_ROOM_ORDER)
    file(GLOB_RECURSE has_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${room}/*.cpp)
    if("src/${room}/room.cmake" IN_LIST ${list_name} AND has_sources)
      list(APPEND sorted "src/${room}/room.cmake")
    endif()
  endforeach()
  foreach(room IN LISTS ${list_name})
    string(REGEX REPLACE "src/(.*)/room.cmake" "\\1" name ${room})
    if(NOT name IN_LIST FLURM_ROOM_ORDER)
      message(FATAL_ERROR "${room}: name the room in FLURM_ROOM_ORDER (cmake/flurm.cmake)")
    endif()
  endforeach()
  set(${list_name} ${sorted} PARENT_SCOPE)
endfunction()

# Compiles the target's files some at a time. Coroutines whose frames hold types of an unnamed namespace look to g++ as if
# they stood in a header then. A room whose files name different things alike, or of
# whose files programs have others in their place (src/sim), says APART.
function(flurm_unity target)
  if(FLURM_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
endfunction()

function(flurm_library)
  cmake_parse_arguments(ARG "APART" "NAME;TIER" "DEPS;EXTERNAL;TEST_EXTERNAL" ${ARGN})
  set(dir ${CMAKE_SOURCE_DIR}/src/${ARG_NAME})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|bench)\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

  add_library(flurm_${ARG_NAME} STATIC ${sources})
  if(NOT ARG_APART)
    flurm_unity(flurm_${ARG_NAME})
  endif()
  target_include_directories(flurm_${ARG_NAME} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  set_property(GLOBAL PROPERTY flurm_tier_${ARG_NAME} ${ARG_TIER})
  foreach(dep IN LISTS ARG_DEPS)
    get_property(dep_tier GLOBAL PROPERTY flurm_tier_${dep})
    if(NOT DEFINED dep_tier OR dep_tier STREQUAL "")
      message(FATAL_ERROR "room ${ARG_NAME}: depends on ${dep}, which comes later or does not exist")
    endif()
    if(dep_tier GREATER ARG_TIER)
      message(FATAL_ERROR "room ${ARG_NAME} (tier ${ARG_TIER}) may not use ${dep} (tier ${dep_tier})")
    endif()
    target_link_libraries(flurm_${ARG_NAME} PUBLIC flurm_${dep})
  endforeach()
  target_link_libraries(flurm_${ARG_NAME} PUBLIC ${ARG_EXTERNAL})

  # The link test: the library together with only what it says it needs.
  file(WRITE ${CMAKE_BINARY_DIR}/link/${ARG_NAME}.cpp "int main() {}\n")
  add_executable(${ARG_NAME}_link EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/link/${ARG_NAME}.cpp)
  set_target_properties(${ARG_NAME}_link PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/link)
  target_link_libraries(${ARG_NAME}_link PRIVATE -Wl,--whole-archive flurm_${ARG_NAME} -Wl,--no-whole-archive)
  set_property(GLOBAL APPEND PROPERTY flurm_link_tests ${ARG_NAME}_link)

  if(tests)
    find_package(GTest REQUIRED)
    add_executable(${ARG_NAME}_test ${tests})
    if(NOT ARG_APART)
      flurm_unity(${ARG_NAME}_test)
    endif()
    target_link_libraries(${ARG_NAME}_test PRIVATE flurm_${ARG_NAME} ${ARG_TEST_EXTERNAL} GTest::gtest_main)
    target_compile_definitions(${ARG_NAME}_test PRIVATE FLURM_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    set_target_properties(${ARG_NAME}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME ${ARG_NAME}_test COMMAND ${ARG_NAME}_test)
    set_tests_properties(${ARG_NAME}_test PROPERTIES LABELS unit TIMEOUT 300)
  endif()
endfunction()

function(flurm_program)
  cmake_parse_arguments(ARG "" "NAME" "DEPS;EXTERNAL" ${ARGN})
  add_executable(${ARG_NAME} ${CMAKE_SOURCE_DIR}/src/programs/${ARG_NAME}.cpp)
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(${ARG_NAME} PRIVATE flurm_${dep})
  endforeach()
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_EXTERNAL})
endfunction()
