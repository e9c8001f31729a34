# Install rules: one export set for the core and one for each component, so that
# find_package(upstow) needs fmt alone. No installed file holds an absolute path: the tree may be
# moved.
include(CMakePackageConfigHelpers)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/upstow)

# upstow_install(<component> <pkg-config Requires> <Requires.private> <target>...)
function(upstow_install component requires requires_private)
  install(TARGETS ${ARGN} EXPORT upstow-${component}-targets)
  install(EXPORT upstow-${component}-targets NAMESPACE upstow:: DESTINATION ${config_dir})

  list(GET ARGN 0 library)
  string(REPLACE "_" "-" package ${library})
  file(RELATIVE_PATH prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/upstow.pc.in ${package}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${package}.pc
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

upstow_install(core "" "fmt >= 9" upstow upstow_header_only)
# Headers that need a component are installed with it, below.
install(DIRECTORY include/upstow DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN *.hpp
        PATTERN http EXCLUDE PATTERN asio*.hpp EXCLUDE PATTERN digest_observer.hpp EXCLUDE
        PATTERN magic_observer.hpp EXCLUDE PATTERN zlib_decoder.hpp EXCLUDE
        PATTERN zstd_decoder.hpp EXCLUDE PATTERN clamd.hpp EXCLUDE
        PATTERN sqlite_store.hpp EXCLUDE PATTERN postgres_store.hpp EXCLUDE
        PATTERN s3_*.hpp EXCLUDE PATTERN *_transport.hpp EXCLUDE)
install(DIRECTORY src/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/upstow/bodies
        FILES_MATCHING PATTERN *.cpp PATTERN *.hpp PATTERN *.inc
        PATTERN http EXCLUDE PATTERN digest_observer.cpp EXCLUDE PATTERN hash_set.* EXCLUDE
        PATTERN crc32c.* EXCLUDE PATTERN magic_observer.cpp EXCLUDE PATTERN zlib_decoder.cpp EXCLUDE
        PATTERN zstd_decoder.cpp EXCLUDE PATTERN clamd* EXCLUDE PATTERN sqlite_* EXCLUDE
        PATTERN postgres_* EXCLUDE PATTERN s3 EXCLUDE)

if(TARGET upstow_http)
  # A static upstow_http that was not built from llhttp's sources names llhttp to its users.
  set(llhttp_package "")
  if(NOT llhttp_FROM_SOURCE AND NOT BUILD_SHARED_LIBS)
    set(llhttp_package libllhttp)
    install(FILES cmake/Findllhttp.cmake DESTINATION ${config_dir})
  endif()
  upstow_install(http "upstow = ${PROJECT_VERSION}" "${llhttp_package}" upstow_http)
  install(DIRECTORY include/upstow/http DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/upstow)
  install(DIRECTORY include/upstow/host DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/upstow
          FILES_MATCHING PATTERN asio*.hpp)
endif()
if(TARGET upstow_digest)
  upstow_install(digest "upstow = ${PROJECT_VERSION}" libcrypto upstow_digest)
  install(FILES include/upstow/intake/digest_observer.hpp
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/upstow/intake)
endif()
if(TARGET upstow_clamd)
  upstow_install(clamd "upstow = ${PROJECT_VERSION}" "" upstow_clamd)
  install(FILES include/upstow/intake/clamd.hpp
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/upstow/intake)
endif()

if(TARGET upstow_sqlite)
  upstow_install(sqlite "upstow = ${PROJECT_VERSION}" sqlite3 upstow_sqlite)
  install(FILES include/upstow/store/sqlite_store.hpp
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/upstow/store)
endif()

if(TARGET upstow_magic)
  upstow_install(magic "upstow = ${PROJECT_VERSION}" libmagic upstow_magic)
  install(FILES include/upstow/intake/magic_observer.hpp
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/upstow/intake)
  if(NOT BUILD_SHARED_LIBS) # a static upstow_magic names libmagic to its users
    install(FILES cmake/Findlibmagic.cmake DESTINATION ${config_dir})
  endif()
endif()

if(TARGET upstow_postgres)
  upstow_install(postgres "upstow = ${PROJECT_VERSION}" libpq upstow_postgres)
  install(FILES include/upstow/store/postgres_store.hpp
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/upstow/store)
  if(NOT BUILD_SHARED_LIBS) # a static upstow_postgres names libpq to its users
    install(FILES cmake/Findlibpq.cmake DESTINATION ${config_dir})
  endif()
endif()

if(TARGET upstow_s3)
  # As with http: what is static names what it needs to its users.
  set(s3_packages "libssl libcrypto expat")
  if(NOT llhttp_FROM_SOURCE AND NOT BUILD_SHARED_LIBS)
    string(APPEND s3_packages " libllhttp")
    install(FILES cmake/Findllhttp.cmake DESTINATION ${config_dir})
  endif()
  upstow_install(s3 "upstow = ${PROJECT_VERSION}" "${s3_packages}" upstow_s3)
  install(DIRECTORY include/upstow/store DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/upstow
          FILES_MATCHING PATTERN s3_*.hpp PATTERN *_transport.hpp)
endif()

foreach(coding zlib zstd)
  if(TARGET upstow_${coding})
    set(package ${coding})
    if(coding STREQUAL "zstd")
      set(package libzstd)
    endif()
    upstow_install(${coding} "upstow = ${PROJECT_VERSION}" ${package} upstow_${coding})
    install(FILES include/upstow/parse/${coding}_decoder.hpp
            DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/upstow/parse)
  endif()
endforeach()

configure_package_config_file(cmake/upstow-config.cmake.in upstow-config.cmake
                              INSTALL_DESTINATION ${config_dir})
# Before 1.0 a minor version may change anything.
write_basic_package_version_file(upstow-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/upstow-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/upstow-config-version.cmake
        DESTINATION ${config_dir})
