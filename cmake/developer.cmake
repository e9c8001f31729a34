# Flags for those who work on upstow itself. Directory flags, so that no exported target has them.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release unless something else was asked for" FORCE)
endif()

find_program(CCACHE ccache)
mark_as_advanced(CCACHE)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

set(warnings -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  list(APPEND warnings -Wno-restrict) # false alarms on std::string's operator+ (GCC bug 105651)
endif()
if(UPSTOW_WERROR)
  list(APPEND warnings -Werror)
endif()
# CXX only: llhttp's generated C is not ours to judge.
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${warnings}>")

if(UPSTOW_SANITIZE)
  if(UPSTOW_SANITIZE MATCHES fuzzer AND NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "upstow: UPSTOW_SANITIZE=${UPSTOW_SANITIZE} needs Clang")
  endif()
  # libFuzzer's main function is for the fuzz targets alone (tests/fuzz); the rest is only counted.
  string(REPLACE "fuzzer" "fuzzer-no-link" sanitize "${UPSTOW_SANITIZE}")
  add_compile_options(-fsanitize=${sanitize} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer -g1 -D_GLIBCXX_ASSERTIONS)
  add_link_options(-fsanitize=${sanitize})
  # The check of dynamic types looks at memory through a pipe: tests that leave a process without
  # descriptors, or with a system call that fails, would be its alarms.
  if(UPSTOW_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize=vptr)
  endif()
  # Checks multiply the code: at -O1 GCC compiles it in half the time, and traces keep their frames.
  # Fuzzing lives from speed.
  if(NOT UPSTOW_SANITIZE MATCHES fuzzer)
    add_compile_options(-O1)
  endif()
  # Two false alarms of GCC: the checks that a sanitizer adds hide from it what is initialised
  # (Boost's optional), and Asio has fences where it also locks.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
    if(UPSTOW_SANITIZE STREQUAL thread)
      add_compile_options(-Wno-tsan)
    endif()
  endif()
endif()
