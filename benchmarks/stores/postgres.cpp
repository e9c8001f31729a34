// The PostgreSQL store against COPY BINARY of the same chunks into the same tables: the fastest way
// in, with one transaction open as long as a client takes. Both give each file a row and publish
// it.
//
// The server is that of UPSTOW_BENCH_POSTGRES, a connection string; without it nothing is measured.
// tests/services/start_postgres --durable starts one and says the string.
#include <libpq-fe.h>

#include <cstdlib>
#include <memory>
#include <semaphore>
#include <string>

#include "../bodies.hpp"
#include "compare.hpp"
#include "upstow/store/postgres_store.hpp"

namespace {

constexpr std::size_t total = 64 * upstow::MiB;
constexpr std::size_t chunk = 256 * upstow::KiB;
constexpr std::size_t piece = 64 * upstow::KiB;  // what a host reads from a socket at once

const std::string data = bench::noise(chunk);

void wait_for(upstow::waitable& w) {
  std::binary_semaphore woken{0};
  if (w.on_ready(
          {[](void* s) noexcept { static_cast<std::binary_semaphore*>(s)->release(); }, &woken}))
    woken.acquire();
  w.disarm();
}

bool put(upstow::sink& to, std::string_view some) {
  while (!some.empty()) {
    const upstow::taken took = to.write(upstow::as_bytes(some));
    if (took.error) return false;
    some.remove_prefix(took.n);
    if (!some.empty()) wait_for(to);
  }
  return true;
}

bool store_file(upstow::store& store) {
  upstow::failure why;
  const auto t = store.open({}, why);
  upstow::sink* const to = t->begin({}, why);
  for (std::size_t at = 0; at < total; at += piece)
    if (!put(*to, std::string_view(data).substr(at % chunk, piece))) return false;
  const upstow::publish_as as[1];
  upstow::op got = t->prepare(as);
  for (; got == upstow::op::pending; got = t->prepare(as)) wait_for(*t);
  if (got != upstow::op::ok) return false;
  for (got = t->commit(); got == upstow::op::pending; got = t->commit()) wait_for(*t);
  return got == upstow::op::ok;
}

/// A connection whose tables are those of `schema`.
struct session {
  session(const std::string& conninfo, const std::string& schema)
      : connection(PQconnectdb(conninfo.c_str()), &PQfinish) {
    run("SET search_path TO " + schema);
  }
  bool run(const std::string& sql) const {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> got(PQexec(connection.get(), sql.c_str()),
                                                             &PQclear);
    const ExecStatusType status = PQresultStatus(got.get());
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN;
  }
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection;
};

std::string big_endian(std::uint64_t value, std::size_t size) {
  std::string text;
  for (std::size_t i = size; i-- > 0;) text += static_cast<char>((value >> (8 * i)) & 0xffU);
  return text;
}

bool copy_file(const session& s) {
  bool ok =
      s.run("INSERT INTO object (id, owner) VALUES ('" + std::string(32, '7') + "'::uuid, 1)") &&
      s.run("COPY chunk FROM STDIN BINARY");
  PGconn* const to = s.connection.get();
  std::string row = std::string("PGCOPY\n\377\r\n\0", 11) + big_endian(0, 8);
  for (std::size_t at = 0; ok && at < total; at += chunk) {
    row += big_endian(3, 2) + big_endian(16, 4) + std::string(16, '\x77');
    row += big_endian(8, 4) + big_endian(at, 8) + big_endian(chunk, 4) + data;
    ok = PQputCopyData(to, row.data(), static_cast<int>(row.size())) == 1;
    row.clear();
  }
  row = big_endian(0xffff, 2);
  ok = ok && PQputCopyData(to, row.data(), 2) == 1 && PQputCopyEnd(to, nullptr) == 1;
  while (PGresult* const got = PQgetResult(to)) {
    ok = ok && PQresultStatus(got) == PGRES_COMMAND_OK;
    PQclear(got);
  }
  return ok && s.run("UPDATE object SET state = 2, key = 'copied', stored_at = now()");
}

const bench::comparisons postgres([] {
  const char* const conninfo = std::getenv("UPSTOW_BENCH_POSTGRES");
  if (conninfo == nullptr) return;
  for (const char* schema : {"bench_ours", "bench_theirs"})
    if (!upstow::postgres_store::create_schema(conninfo, schema)) return;
  auto made = upstow::postgres_store::open({.conninfo = conninfo, .schema = "bench_ours"});
  if (!made) return;
  // They live as long as the program.
  static upstow::postgres_store store = *std::move(made);
  static const session ours(conninfo, "bench_ours");
  static const session theirs(conninfo, "bench_theirs");
  bench::compare({.name = "postgres/64 MiB",
                  .against = "COPY BINARY",
                  .wanted = bench::at_least(0.9),
                  .by = bench::timed::wall,
                  .bytes = total,
                  .ours = [] { return store_file(store); },
                  .theirs = [] { return copy_file(theirs); },
                  .clean =
                      [] {
                        for (const session* s : {&ours, &theirs}) s->run("TRUNCATE object, chunk");
                        ours.run("CHECKPOINT");
                      }});
});

}  // namespace
