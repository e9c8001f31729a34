# Libraries that only tests, examples and benchmarks use. upstow_want(<name>...) makes each known
# one available as upstow_with::<name>; upstow_have(<variable> <name>...) tells whether all are
# there. A missing one is no error, but is named where it costs a program.

function(upstow_header_library name header)
  string(MAKE_C_IDENTIFIER "upstow_${name}_include_dir" dir)
  find_path(${dir} ${header})
  mark_as_advanced(${dir})
  if(${dir})
    add_library(upstow_with_${name} INTERFACE IMPORTED)
    add_library(upstow_with::${name} ALIAS upstow_with_${name})
    target_include_directories(upstow_with_${name} SYSTEM INTERFACE ${${dir}})
    if(ARGN)
      target_link_libraries(upstow_with_${name} INTERFACE ${ARGN})
    endif()
  endif()
endfunction()

function(upstow_alias name)
  foreach(real IN LISTS ARGN)
    if(TARGET ${real} AND NOT TARGET upstow_with_${name})
      add_library(upstow_with_${name} INTERFACE IMPORTED)
      add_library(upstow_with::${name} ALIAS upstow_with_${name})
      target_link_libraries(upstow_with_${name} INTERFACE ${real})
    endif()
  endforeach()
endfunction()

find_package(Threads REQUIRED)
find_package(PkgConfig QUIET)

upstow_header_library(asio asio.hpp Threads::Threads)
# Asio 1.22 looks for the coroutines of Clang where they were before C++20.
if(TARGET upstow_with_asio AND CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_definitions(upstow_with_asio INTERFACE ASIO_HAS_CO_AWAIT=1
                                                        ASIO_HAS_STD_COROUTINE=1)
endif()
upstow_header_library(beast boost/beast.hpp Threads::Threads)

upstow_header_library(valgrind valgrind/callgrind.h)

find_package(nlohmann_json 3 QUIET)
upstow_alias(json nlohmann_json::nlohmann_json)

find_package(CURL QUIET)
upstow_alias(curl CURL::libcurl)

find_library(upstow_microhttpd_library microhttpd)
mark_as_advanced(upstow_microhttpd_library)
if(upstow_microhttpd_library)
  upstow_header_library(microhttpd microhttpd.h ${upstow_microhttpd_library} Threads::Threads)
endif()

# Debian compiles cpp-httplib; its pkg-config file has the macros that library was built with.
if(PkgConfig_FOUND)
  pkg_check_modules(upstow_httplib QUIET IMPORTED_TARGET cpp-httplib)
endif()
find_package(httplib QUIET)
upstow_alias(httplib PkgConfig::upstow_httplib httplib::httplib)

find_package(benchmark QUIET)
upstow_alias(benchmark benchmark::benchmark)

find_library(upstow_poco_net_library PocoNet)
find_library(upstow_poco_foundation_library PocoFoundation)
mark_as_advanced(upstow_poco_net_library upstow_poco_foundation_library)
if(upstow_poco_net_library AND upstow_poco_foundation_library)
  upstow_header_library(poco Poco/Net/MultipartReader.h ${upstow_poco_net_library}
                        ${upstow_poco_foundation_library})
endif()

find_package(OpenSSL QUIET)
upstow_alias(crypto OpenSSL::Crypto)

find_package(SQLite3 QUIET)
upstow_alias(sqlite3 SQLite::SQLite3)

# Links what is there of `names` and says what is missing; `missing` is empty if nothing is.
function(upstow_missing missing)
  set(absent "")
  foreach(name IN LISTS ARGN)
    if(NOT TARGET upstow_with_${name} AND NOT TARGET ${name})
      list(APPEND absent ${name})
    endif()
  endforeach()
  set(${missing} "${absent}" PARENT_SCOPE)
endfunction()

# upstow_program(<target> SOURCES ... NEEDS <optional library or target>...): built if all it needs
# is there, named with what it lacks otherwise.
function(upstow_program target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;NEEDS")
  upstow_missing(missing ${arg_NEEDS})
  if(missing)
    list(JOIN missing ", " missing)
    message(STATUS "upstow: not built: ${target} (missing: ${missing})")
    return()
  endif()
  add_executable(${target} ${arg_SOURCES})
  foreach(name IN LISTS arg_NEEDS)
    if(TARGET upstow_with_${name})
      target_link_libraries(${target} PRIVATE upstow_with_${name})
    else()
      target_link_libraries(${target} PRIVATE ${name})
    endif()
  endforeach()
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
endfunction()
