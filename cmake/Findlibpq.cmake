# Finds libpq and offers it as libpq::libpq. CMake's own module wants the server's headers as well.
find_path(libpq_INCLUDE_DIR libpq-fe.h PATH_SUFFIXES postgresql)
find_library(libpq_LIBRARY pq)
mark_as_advanced(libpq_INCLUDE_DIR libpq_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  libpq REQUIRED_VARS libpq_LIBRARY libpq_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "on Debian: apt-get install libpq-dev")
if(libpq_FOUND AND NOT TARGET libpq::libpq)
  add_library(libpq::libpq UNKNOWN IMPORTED)
  set_target_properties(libpq::libpq PROPERTIES IMPORTED_LOCATION ${libpq_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${libpq_INCLUDE_DIR})
endif()
