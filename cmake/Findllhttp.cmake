# Finds llhttp and offers it as llhttp::llhttp, whatever it is called where it comes from.
#
# 1. A config package (upstream, vcpkg, Conan): llhttp::llhttp, llhttp::llhttp_static or
#    llhttp::llhttp_shared. From version 9 on: before, strictness was a compile-time choice that
#    nobody can see in a binary, and the default was a loose mode that lets requests be smuggled.
# 2. A header and a library on the usual paths, from version 9 on for the same reason.
# 3. The C sources that Debian 12's node-llhttp ships (8.1), compiled here in the strict mode.
#    Then llhttp_FROM_SOURCE is set and llhttp::llhttp is an object library. Set llhttp_NO_SOURCE
#    to go without this way.

set(llhttp_FROM_SOURCE OFF)

function(_llhttp_read_version header)
  file(STRINGS ${header} lines REGEX "define LLHTTP_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
  string(REGEX MATCHALL "[0-9]+" numbers "${lines}")
  list(JOIN numbers "." version)
  set(llhttp_VERSION ${version} PARENT_SCOPE)
endfunction()

if(NOT TARGET llhttp::llhttp)
  find_package(llhttp CONFIG QUIET)
  if(llhttp_FOUND AND llhttp_VERSION AND llhttp_VERSION VERSION_LESS 9)
    message(FATAL_ERROR "llhttp ${llhttp_VERSION} in ${llhttp_DIR}: 9 or newer is needed, "
                        "as a binary of 8 does not tell whether it is strict")
  endif()
  foreach(candidate llhttp::llhttp_static llhttp::llhttp_shared)
    if(TARGET ${candidate} AND NOT TARGET llhttp::llhttp)
      add_library(llhttp::llhttp INTERFACE IMPORTED)
      target_link_libraries(llhttp::llhttp INTERFACE ${candidate})
    endif()
  endforeach()
endif()

if(NOT TARGET llhttp::llhttp)
  find_path(llhttp_INCLUDE_DIR llhttp.h)
  find_library(llhttp_LIBRARY llhttp)
  mark_as_advanced(llhttp_INCLUDE_DIR llhttp_LIBRARY)
  if(llhttp_INCLUDE_DIR AND llhttp_LIBRARY)
    _llhttp_read_version(${llhttp_INCLUDE_DIR}/llhttp.h)
    if(llhttp_VERSION VERSION_GREATER_EQUAL 9)
      add_library(llhttp::llhttp UNKNOWN IMPORTED)
      set_target_properties(llhttp::llhttp PROPERTIES IMPORTED_LOCATION ${llhttp_LIBRARY}
                            INTERFACE_INCLUDE_DIRECTORIES ${llhttp_INCLUDE_DIR})
    endif()
  endif()
endif()

if(NOT TARGET llhttp::llhttp AND NOT llhttp_NO_SOURCE)
  find_path(llhttp_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)
  find_path(llhttp_SOURCE_INCLUDE_DIR llhttp.h PATHS /usr/share/include/llhttp NO_DEFAULT_PATH)
  mark_as_advanced(llhttp_SOURCE_DIR llhttp_SOURCE_INCLUDE_DIR)
  if(llhttp_SOURCE_DIR AND llhttp_SOURCE_INCLUDE_DIR)
    _llhttp_read_version(${llhttp_SOURCE_INCLUDE_DIR}/llhttp.h)
    enable_language(C)
    add_library(upstow_llhttp OBJECT ${llhttp_SOURCE_DIR}/llhttp.c ${llhttp_SOURCE_DIR}/api.c
                                     ${llhttp_SOURCE_DIR}/http.c)
    add_library(llhttp::llhttp ALIAS upstow_llhttp)
    target_include_directories(upstow_llhttp SYSTEM PUBLIC ${llhttp_SOURCE_INCLUDE_DIR})
    target_compile_definitions(upstow_llhttp PRIVATE LLHTTP_STRICT_MODE=1)
    set_target_properties(upstow_llhttp PROPERTIES POSITION_INDEPENDENT_CODE ON
                          C_VISIBILITY_PRESET hidden)
  endif()
endif()

if(TARGET upstow_llhttp)
  set(llhttp_FROM_SOURCE ON)
endif()
if(TARGET llhttp::llhttp)
  set(llhttp_TARGET llhttp::llhttp)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  llhttp REQUIRED_VARS llhttp_TARGET VERSION_VAR llhttp_VERSION
  REASON_FAILURE_MESSAGE "on Debian 12: apt-get install node-llhttp")
