# cmake -P build_and_run.cmake -- <source> <build> <configure argument>...
# Configures a project from nothing, builds it and runs its program `consumer`.
# Lists are written with commas: semicolons do not survive the way here.
set(source "${CMAKE_ARGV4}")
set(build "${CMAKE_ARGV5}")
set(arguments "")
foreach(index RANGE 6 ${CMAKE_ARGC})
  if(index LESS CMAKE_ARGC)
    string(REPLACE "," "\\;" argument "${CMAKE_ARGV${index}}")
    list(APPEND arguments "${argument}")
  endif()
endforeach()

file(REMOVE_RECURSE ${build})
execute_process(COMMAND ${CMAKE_COMMAND} -S ${source} -B ${build} ${arguments}
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${build} COMMAND_ERROR_IS_FATAL ANY)
file(GLOB programs ${build}/consumer*)
list(FILTER programs EXCLUDE REGEX "[.]")
if(NOT programs)
  message(FATAL_ERROR "no program was built")
endif()
foreach(program IN LISTS programs)
  execute_process(COMMAND ${program} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
