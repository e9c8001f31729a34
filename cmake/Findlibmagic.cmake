# Finds libmagic and offers it as libmagic::libmagic.
find_path(libmagic_INCLUDE_DIR magic.h)
find_library(libmagic_LIBRARY magic)
mark_as_advanced(libmagic_INCLUDE_DIR libmagic_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  libmagic REQUIRED_VARS libmagic_LIBRARY libmagic_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "on Debian: apt-get install libmagic-dev")
if(libmagic_FOUND AND NOT TARGET libmagic::libmagic)
  add_library(libmagic::libmagic UNKNOWN IMPORTED)
  set_target_properties(libmagic::libmagic PROPERTIES IMPORTED_LOCATION ${libmagic_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${libmagic_INCLUDE_DIR})
endif()
