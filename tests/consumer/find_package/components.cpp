// Uses something of every component that was found, so that a missing symbol or header shows.
#include <cstdio>

#include "upstow/upstow.hpp"

#if defined(WITH_clamd)
#include "upstow/intake/clamd.hpp"
#endif
#if defined(WITH_digest)
#include "upstow/intake/digest_observer.hpp"
#endif
#if defined(WITH_http)
#include "upstow/http/connection.hpp"
#endif
#if defined(WITH_magic)
#include "upstow/intake/magic_observer.hpp"
#endif
#if defined(WITH_postgres)
#include "upstow/store/postgres_store.hpp"
#endif
#if defined(WITH_sqlite)
#include "upstow/store/sqlite_store.hpp"
#endif
#if defined(WITH_s3)
#include "upstow/store/s3_signature.hpp"
#endif
#if defined(WITH_zlib)
#include "upstow/parse/zlib_decoder.hpp"
#endif
#if defined(WITH_zstd)
#include "upstow/parse/zstd_decoder.hpp"
#endif

int main() {
  bool right = true;
#if defined(WITH_digest)
  upstow::memory_store store;
  const upstow::policy policy;
  upstow::digest_observer digest;
  upstow::session upload{store, policy, {.kind = upstow::body_kind::raw}, {.observers = {&digest}}};
  (void)upload.feed("salt");
  (void)upload.finish();
  const upstow::outcome& got = upload.result();
  right = right && got.ok() && got.files.size() == 1 && got.files[0].digests.size() == 1;
#endif
#if defined(WITH_http)
  upstow::http::connection connection;
  right = right && connection.next().kind == upstow::http::event_kind::need_data;
  connection.feed(upstow::as_bytes("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"));
  right = right && connection.next().kind == upstow::http::event_kind::request;
#endif
#if defined(WITH_magic)
  upstow::magic_observer magic;
  upstow::file_record file;
  right = right && magic.first_bytes(file, upstow::as_bytes("text\n")) == upstow::vote::accept;
  right = right && file.sniffed_type == "text/plain";
#endif
#if defined(WITH_s3)
  right = right && upstow::s3::percent_encoded("a b", false) == "a%20b";
#endif
#if defined(WITH_zlib)
  right = right && upstow::gzip_coding().make() != nullptr;
#endif
#if defined(WITH_zstd)
  right = right && upstow::zstd_coding().make() != nullptr;
#endif
#if defined(WITH_clamd)
  right = right && upstow::clamd_scanner::open({}).has_value();
#endif
#if defined(WITH_postgres)
  right = right && !upstow::postgres_store::open({.schema = "no schema"});
#endif
#if defined(WITH_sqlite)
  right = right && upstow::sqlite_store::open({}).error().code == upstow::errc::misuse;
#endif
  std::puts(right ? "components work" : "a component does not work");
  return right ? 0 : 1;
}
