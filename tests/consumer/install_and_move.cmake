# cmake -P install_and_move.cmake -- <source> <build> <final prefix> <configure argument>...
# Lists are written with commas: semicolons do not survive the way here.
set(source "${CMAKE_ARGV4}")
set(build "${CMAKE_ARGV5}")
set(prefix "${CMAKE_ARGV6}")
set(arguments "")
foreach(index RANGE 7 ${CMAKE_ARGC})
  if(index LESS CMAKE_ARGC)
    string(REPLACE "," "\\;" argument "${CMAKE_ARGV${index}}")
    list(APPEND arguments "${argument}")
  endif()
endforeach()

file(REMOVE_RECURSE ${prefix} ${prefix}.first)
execute_process(COMMAND ${CMAKE_COMMAND} -S ${source} -B ${build} ${arguments}
                        -DCMAKE_INSTALL_PREFIX=${prefix}.first
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${build} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${build} OUTPUT_QUIET
                COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${prefix}.first ${prefix})

file(GLOB_RECURSE texts ${prefix}/*.cmake ${prefix}/*.pc)
foreach(text IN LISTS texts)
  file(READ ${text} content)
  foreach(path ${source} ${build} ${prefix})
    string(FIND "${content}" "${path}" found)
    if(NOT found EQUAL -1)
      message(FATAL_ERROR "${text} holds a path of this machine: ${path}")
    endif()
  endforeach()
endforeach()
