// The SQLite store against the loop that one would write by hand: the same tables, chunks, batches
// and settings, one connection, no client to wait for.
#include <sqlite3.h>

#include <semaphore>
#include <string>
#include <vector>

#include "../bodies.hpp"
#include "compare.hpp"
#include "upstow/store/sqlite_store.hpp"

namespace {

constexpr std::size_t total = 64 * upstow::MiB;
constexpr std::size_t chunk = 256 * upstow::KiB;
constexpr std::size_t chunks_in_batch = 16;
constexpr std::size_t piece = 64 * upstow::KiB;  // what a host reads from a socket at once

const std::string data = bench::noise(chunk);

struct database {
  std::string path;
  sqlite3* db = nullptr;

  database() {
    path = bench::new_directory(bench::disk()) + "/db";
    if (!upstow::sqlite_store::create_schema(path)) return;
    sqlite3_open(path.c_str(), &db);
    run("PRAGMA busy_timeout = 60000; PRAGMA synchronous = NORMAL;"
        "PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 67108864");
  }
  bool run(const char* sql) {
    return sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  /// The pages stay, so that both sides find the file as large as they left it.
  void empty() {
    run("DELETE FROM upstow_object; DELETE FROM upstow_chunk; PRAGMA wal_checkpoint(TRUNCATE)");
  }
};

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

/// `files` requests side by side, each in turn giving what a socket gives at once.
bool store_files(upstow::store& s, std::size_t files) {
  std::vector<std::unique_ptr<upstow::transaction>> all(files);
  std::vector<upstow::sink*> to;
  upstow::failure why;
  for (auto& t : all) {
    t = s.open({}, why);
    to.push_back(t->begin({}, why));
  }
  for (std::size_t sent = 0; sent < total; sent += piece * files)
    for (upstow::sink* one : to)
      if (!put(*one, std::string_view(data).substr(sent / files % chunk, piece))) return false;
  const upstow::publish_as as;
  for (auto& t : all) {
    upstow::op got = t->prepare({&as, 1});
    for (; got == upstow::op::pending; got = t->prepare({&as, 1})) wait_for(*t);
    if (got != upstow::op::ok) return false;
  }
  for (auto& t : all) {
    upstow::op got = t->commit();
    for (; got == upstow::op::pending; got = t->commit()) wait_for(*t);
    if (got != upstow::op::ok) return false;
  }
  return true;
}

bool insert_files(database& d, std::size_t files) {
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(d.db, "INSERT INTO upstow_chunk VALUES(?1, ?2)", -1, &insert, nullptr);
  bool ok = insert != nullptr;
  for (std::size_t n = 0; n < total / chunk && ok; ++n) {
    if (n % chunks_in_batch == 0) ok = d.run("BEGIN IMMEDIATE");
    const std::size_t row = ((n % files + 1) << 24U) + n / files;
    sqlite3_bind_int64(insert, 1, static_cast<sqlite3_int64>(row));
    sqlite3_bind_blob64(insert, 2, data.data(), data.size(), SQLITE_STATIC);
    ok = ok && sqlite3_step(insert) == SQLITE_DONE;
    sqlite3_reset(insert);
    if (n % chunks_in_batch == chunks_in_batch - 1) ok = ok && d.run("COMMIT");
  }
  sqlite3_finalize(insert);
  ok = ok && d.run("PRAGMA synchronous = FULL; BEGIN IMMEDIATE");
  for (std::size_t i = 0; i < files; ++i)
    ok = ok && d.run(
                   "INSERT INTO upstow_object(owner, begun_at, published, key, size, chunk_bytes,"
                   " stored_at) VALUES(1, 0, 1, hex(randomblob(16)), 1, 262144, 0)");
  return ok && d.run("COMMIT; PRAGMA synchronous = NORMAL");
}

void add(const char* name, std::size_t files) {
  // Both live as long as the program.
  static std::vector<std::unique_ptr<database>> databases;
  static std::vector<std::unique_ptr<upstow::sqlite_store>> stores;
  database& ours = *databases.emplace_back(std::make_unique<database>());
  database& theirs = *databases.emplace_back(std::make_unique<database>());
  auto made = upstow::sqlite_store::open({.path = ours.path});
  if (!made) return;
  auto& store = *stores.emplace_back(std::make_unique<upstow::sqlite_store>(*std::move(made)));
  bench::compare({.name = name,
                  .against = "a loop by hand",
                  .wanted = bench::at_least(0.9),
                  .by = bench::timed::wall,
                  .bytes = total,
                  .ours = [&store, files] { return store_files(store, files); },
                  .theirs = [&theirs, files] { return insert_files(theirs, files); },
                  .clean =
                      [&ours, &theirs] {
                        ours.empty();
                        theirs.empty();
                      }});
}

const bench::comparisons sqlite([] {
  add("sqlite/64 MiB", 1);
  add("sqlite/16 files at once, 64 MiB", 16);
});

}  // namespace
