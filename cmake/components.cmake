# The components: what needs another library, or an operating system.

if("http" IN_LIST UPSTOW_COMPONENTS)
  find_package(llhttp MODULE REQUIRED)
  upstow_library(upstow_http http
      src/http/chunked_reader.cpp src/http/connection.cpp src/http/head_reader.cpp
      src/http/request.cpp src/http/response_writer.cpp src/http/wire_parser.cpp)
  target_link_libraries(upstow_http PUBLIC upstow PRIVATE fmt::fmt)
  if(llhttp_FROM_SOURCE) # its objects become a part of upstow_http: users need no llhttp
    target_link_libraries(upstow_http PRIVATE $<BUILD_INTERFACE:llhttp::llhttp>)
  else()
    target_link_libraries(upstow_http PRIVATE llhttp::llhttp)
  endif()
endif()

if("digest" IN_LIST UPSTOW_COMPONENTS)
  find_package(OpenSSL 3 REQUIRED)
  upstow_library(upstow_digest digest
      src/intake/digest_observer.cpp src/intake/hash_set.cpp)
  target_link_libraries(upstow_digest PUBLIC upstow PRIVATE OpenSSL::Crypto)
endif()

if("zlib" IN_LIST UPSTOW_COMPONENTS)
  find_package(ZLIB REQUIRED)
  upstow_library(upstow_zlib zlib src/parse/zlib_decoder.cpp)
  target_link_libraries(upstow_zlib PUBLIC upstow PRIVATE ZLIB::ZLIB)
endif()

if("zstd" IN_LIST UPSTOW_COMPONENTS)
  find_package(zstd CONFIG REQUIRED)
  upstow_library(upstow_zstd zstd src/parse/zstd_decoder.cpp)
  target_link_libraries(upstow_zstd PUBLIC upstow PRIVATE zstd::libzstd_shared)
endif()

if("clamd" IN_LIST UPSTOW_COMPONENTS)
  upstow_library(upstow_clamd clamd
      src/intake/clamd.cpp src/intake/clamd_link.cpp src/intake/clamd_loop.cpp
      src/intake/clamd_socket.cpp)
  target_link_libraries(upstow_clamd PUBLIC upstow PRIVATE Threads::Threads)
endif()

if("sqlite" IN_LIST UPSTOW_COMPONENTS)
  find_package(SQLite3 3.37 REQUIRED) # SQLITE_OPEN_EXRESCODE
  upstow_library(upstow_sqlite sqlite
      src/store/sqlite_connection.cpp src/store/sqlite_owner.cpp src/store/sqlite_publish.cpp
      src/store/sqlite_queue.cpp src/store/sqlite_read.cpp src/store/sqlite_schema.cpp src/store/sqlite_store.cpp src/store/sqlite_sweep.cpp
      src/store/sqlite_transaction.cpp src/store/sqlite_writer.cpp)
  target_link_libraries(upstow_sqlite PUBLIC upstow PRIVATE SQLite::SQLite3 Threads::Threads)
endif()

if("magic" IN_LIST UPSTOW_COMPONENTS)
  find_package(libmagic MODULE REQUIRED)
  upstow_library(upstow_magic magic src/intake/magic_observer.cpp)
  target_link_libraries(upstow_magic PUBLIC upstow PRIVATE libmagic::libmagic)
endif()

if("postgres" IN_LIST UPSTOW_COMPONENTS)
  find_package(libpq MODULE REQUIRED)
  upstow_library(upstow_postgres postgres
      src/store/postgres_crew.cpp src/store/postgres_lend.cpp src/store/postgres_link.cpp
      src/store/postgres_read.cpp src/store/postgres_sql.cpp src/store/postgres_store.cpp
      src/store/postgres_upload.cpp src/store/postgres_worker.cpp)
  target_link_libraries(upstow_postgres PUBLIC upstow PRIVATE libpq::libpq Threads::Threads)
endif()

if("s3" IN_LIST UPSTOW_COMPONENTS)
  find_package(OpenSSL 3 REQUIRED)
  find_package(EXPAT REQUIRED)
  find_package(llhttp MODULE REQUIRED)
  find_path(upstow_s3_asio_include_dir asio.hpp)
  mark_as_advanced(upstow_s3_asio_include_dir)
  if(NOT upstow_s3_asio_include_dir)
    message(FATAL_ERROR "upstow: component s3 needs the headers of Asio; on Debian: libasio-dev")
  endif()
  upstow_library(upstow_s3 s3
      src/store/s3/body_checksum.cpp src/store/s3/caller.cpp src/store/s3/client.cpp
      src/store/s3/client_lists.cpp src/store/s3/client_multipart.cpp src/store/s3/credentials.cpp
      src/store/s3/part_buffer.cpp src/store/s3/problem.cpp src/store/s3/response_reader.cpp
      src/store/s3/s3_store.cpp src/store/s3/signature.cpp
      src/store/s3/socket_transport.cpp src/store/s3/store_crew.cpp src/store/s3/store_read.cpp
      src/store/s3/store_record.cpp src/store/s3/store_upload.cpp src/store/s3/store_work.cpp
      src/store/s3/verdict.cpp src/store/s3/wire_link.cpp
      src/store/s3/xml.cpp)
  target_link_libraries(upstow_s3 PUBLIC upstow
                        PRIVATE OpenSSL::SSL OpenSSL::Crypto EXPAT::EXPAT Threads::Threads)
  target_include_directories(upstow_s3 SYSTEM PRIVATE ${upstow_s3_asio_include_dir})
  if(llhttp_FROM_SOURCE) # as with upstow_http
    target_link_libraries(upstow_s3 PRIVATE $<BUILD_INTERFACE:llhttp::llhttp>)
  else()
    target_link_libraries(upstow_s3 PRIVATE llhttp::llhttp)
  endif()
endif()
