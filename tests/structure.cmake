# Tests of the tree itself: layers, headers that compile alone, builds without exceptions and without
# a library, and misuse that must not compile.

if(Python3_FOUND)
  add_test(NAME "structure: layers, lists and file sizes"
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/layers.py ${PROJECT_SOURCE_DIR})
  add_test(NAME "structure: code on pages is compiled code"
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/readme.py ${PROJECT_SOURCE_DIR}
                   README.md examples/README.md)
  add_test(NAME "structure: tests that the page of demands names exist"
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/security_rules.py
                   ${PROJECT_SOURCE_DIR} src/SECURITY_RULES.md)
endif()

upstow_program(errors_page SOURCES errors_page.cpp NEEDS upstow)
add_test(NAME "structure: the page of errors is what the code says"
         COMMAND errors_page ${PROJECT_SOURCE_DIR}/src/ERRORS.md)

# A test that builds `target`. One at a time: two builds in one tree would race.
function(upstow_build_test name target)
  add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR} --target ${target}
                                --config $<CONFIG>)
  set_tests_properties(${name} PROPERTIES LABELS build RESOURCE_LOCK build_tree TIMEOUT 900)
endfunction()

# One translation unit for each public header, with nothing before it. Headers of hosts need their
# host's library and are compiled by its example.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include
     ${PROJECT_SOURCE_DIR}/include/upstow/*.hpp)
list(FILTER headers EXCLUDE REGEX "upstow/host/|upstow/intake/digest_observer|upstow/intake/magic_observer")
set(alone_compiled "")
set(alone_header_only "")
set(forwards "")
set(backwards "")
foreach(header IN LISTS headers)
  string(MAKE_C_IDENTIFIER ${header} unit)
  set(unit ${CMAKE_CURRENT_BINARY_DIR}/alone/${unit}.cpp)
  file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"@header@\"\n" @ONLY)
  list(APPEND alone_compiled ${unit})
  if(NOT header MATCHES "upstow/http/|filesystem_store|sqlite_store")
    list(APPEND alone_header_only ${unit})
    if(NOT header STREQUAL "upstow/upstow.hpp") # which has an order of its own
      string(APPEND forwards "#include \"${header}\"\n")
      string(PREPEND backwards "#include \"${header}\"\n")
    endif()
  endif()
endforeach()
# A body must not depend on what came before it: all headers in two orders.
foreach(order forwards backwards)
  set(unit ${CMAKE_CURRENT_BINARY_DIR}/alone/${order}.cpp)
  file(CONFIGURE OUTPUT ${unit} CONTENT "@${order}@" @ONLY)
  list(APPEND alone_header_only ${unit})
endforeach()

add_library(headers_alone OBJECT EXCLUDE_FROM_ALL ${alone_compiled})
target_link_libraries(headers_alone PRIVATE upstow)
upstow_build_test("structure: every header compiles alone" headers_alone)

add_library(headers_alone_header_only OBJECT EXCLUDE_FROM_ALL ${alone_header_only})
target_link_libraries(headers_alone_header_only PRIVATE upstow_header_only)
upstow_build_test("structure: every header compiles alone and header-only"
                  headers_alone_header_only)

get_target_property(core_files upstow SOURCES)
list(TRANSFORM core_files PREPEND ${PROJECT_SOURCE_DIR}/)
add_library(core_without_exceptions OBJECT EXCLUDE_FROM_ALL ${core_files})
target_compile_options(core_without_exceptions PRIVATE -fno-exceptions -fno-rtti)
target_include_directories(core_without_exceptions PRIVATE ${PROJECT_SOURCE_DIR}/include)
target_compile_features(core_without_exceptions PRIVATE cxx_std_20)
target_link_libraries(core_without_exceptions PRIVATE fmt::fmt Threads::Threads)
upstow_build_test("structure: core without exceptions and RTTI" core_without_exceptions)

# Two translation units, so that a body that is not inline shows as a duplicate symbol.
add_executable(minimal_header_only EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/examples/minimal.cpp
                                                    header_only_twice.cpp)
target_link_libraries(minimal_header_only PRIVATE upstow_header_only)
upstow_build_test("structure: minimal example, header-only" minimal_header_only)

# The parser alone, as its example says: the way to the headers is all that it takes from here.
add_executable(parse_stdin_alone EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/examples/parse_stdin.cpp)
target_compile_features(parse_stdin_alone PRIVATE cxx_std_20)
target_compile_definitions(parse_stdin_alone PRIVATE UPSTOW_HEADER_ONLY)
target_compile_options(parse_stdin_alone PRIVATE -fno-exceptions -fno-rtti)
target_include_directories(parse_stdin_alone PRIVATE ${PROJECT_SOURCE_DIR}/include
                                                     ${PROJECT_BINARY_DIR}/include)
upstow_build_test("structure: parser alone, without exceptions and RTTI" parse_stdin_alone)

# What one example writes the other reads.
if(TARGET parse_stdin AND TARGET write_form)
  add_test(NAME "structure: a written form is read back"
           COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/written_form_test.sh $<TARGET_FILE:write_form>
                   $<TARGET_FILE:parse_stdin>)
endif()

# A store of one's own keeps the contract: the example is the suite's smallest user.
if(TARGET own_store)
  add_test(NAME "structure: the store of the example keeps the contract" COMMAND own_store)
endif()
if(TARGET upstow-sweep)
  add_test(NAME "structure: the sweeping example takes only what is dead"
           COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/sweep_test.sh $<TARGET_FILE:upstow-sweep>)
  if(TARGET upstow_s3 AND Python3_FOUND)
    set(sweep_bucket Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/sweep_bucket_test.py
                     $<TARGET_FILE:upstow-sweep>)
    add_test(NAME "structure: a bucket is swept" COMMAND ${sweep_bucket})
    add_test(NAME "structure: a bucket is swept, full" COMMAND ${sweep_bucket})
    set_tests_properties("structure: a bucket is swept, full"
                         PROPERTIES LABELS full ENVIRONMENT UPSTOW_TEST_FULL=1)
  endif()
endif()

# Where it is built for AArch64 the scan is another one.
add_test(NAME "structure: the parser on AArch64"
         COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/arm64_test.sh)
set_tests_properties("structure: the parser on AArch64" PROPERTIES LABELS build
                                                                   SKIP_RETURN_CODE 77)

# The same file must compile without the misuse and must not with it, for the reason named.
function(upstow_misuse_test name macro complaint)
  add_test(NAME "misuse: ${name}"
           COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -fsyntax-only -D${macro}
                   -I${PROJECT_SOURCE_DIR}/include ${CMAKE_CURRENT_SOURCE_DIR}/must_not_compile.cpp)
  set_tests_properties("misuse: ${name}" PROPERTIES LABELS build)
  if(complaint)
    set_tests_properties("misuse: ${name}" PROPERTIES PASS_REGULAR_EXPRESSION "error:.*${complaint}")
  endif()
endfunction()

upstow_misuse_test("none compiles" UPSTOW_NO_MISUSE "")
upstow_misuse_test("a temporary policy for a session" UPSTOW_TEMPORARY_POLICY "deleted")
upstow_misuse_test("a copied session" UPSTOW_COPIED_SESSION "deleted")
upstow_misuse_test("an ignored step" UPSTOW_IGNORED_STEP_IS_ERROR "nodiscard")
