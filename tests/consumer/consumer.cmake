# A stranger's project, once for each way to take the library. The installed tree is moved before it
# is used: a path that was written down somewhere would not survive that.

set(stranger ${CMAKE_CURRENT_SOURCE_DIR}/consumer)
set(stranger_build ${CMAKE_CURRENT_BINARY_DIR}/consumer)
set(components "")
foreach(component http digest zlib zstd clamd magic sqlite postgres s3)
  if(TARGET upstow_${component})
    list(APPEND components ${component})
  endif()
endforeach()
list(JOIN components "," components) # see build_and_run.cmake

set(stranger_settings
    -G ${CMAKE_GENERATOR} -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}
    -DCMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}
    -DCMAKE_C_COMPILER_LAUNCHER=${CMAKE_C_COMPILER_LAUNCHER})

# upstow_consumer_test(<name> <project> <cmake argument>...): configure, build, run.
function(upstow_consumer_test name project)
  add_test(NAME "consumer: ${name}"
           COMMAND ${CMAKE_COMMAND} -P ${stranger}/build_and_run.cmake --
                   ${stranger}/${project} "${stranger_build}/${name}" ${stranger_settings} ${ARGN})
  set_tests_properties("consumer: ${name}" PROPERTIES LABELS build TIMEOUT 900)
endfunction()

foreach(linkage static shared)
  set(prefix ${stranger_build}/${linkage}-moved)
  set(shared OFF)
  if(linkage STREQUAL "shared")
    set(shared ON)
  endif()
  add_test(NAME "consumer: install ${linkage}"
           COMMAND ${CMAKE_COMMAND} -P ${stranger}/install_and_move.cmake --
                   ${PROJECT_SOURCE_DIR} ${stranger_build}/${linkage} ${prefix}
                   ${stranger_settings} -DBUILD_SHARED_LIBS=${shared} -DUPSTOW_TESTS=OFF
                   -DUPSTOW_EXAMPLES=OFF -DUPSTOW_BENCHMARKS=OFF
                   "-DUPSTOW_COMPONENTS=${components}")
  set_tests_properties("consumer: install ${linkage}" PROPERTIES LABELS build TIMEOUT 900
                       FIXTURES_SETUP installed_${linkage})
  upstow_consumer_test("find_package ${linkage}" find_package -DCMAKE_PREFIX_PATH=${prefix}
                       "-DCOMPONENTS=${components}")
  upstow_consumer_test("pkg-config ${linkage}" pkg_config
                       -DPKG_CONFIG_DIR=${prefix}/${CMAKE_INSTALL_LIBDIR}/pkgconfig
                       -DSTATIC=${linkage})
  set_tests_properties("consumer: find_package ${linkage}" "consumer: pkg-config ${linkage}"
                       PROPERTIES FIXTURES_REQUIRED installed_${linkage})
endforeach()

upstow_consumer_test("add_subdirectory" add_subdirectory -DUPSTOW_DIR=${PROJECT_SOURCE_DIR})
