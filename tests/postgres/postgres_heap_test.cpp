// What uploads to the PostgreSQL store take from the heap. libpq's own memory belongs to
// connections, of which the store has as many for one upload as for a thousand.
#include "real_postgres.hpp"
#include "support/upload_heap.hpp"

using namespace upstow_test;

TEST_CASE("an upload whose server is stuck keeps its window and no more, also of several files") {
  constexpr std::size_t requests = 16;
  const postgres_place place;
  const upstow::postgres_options options = place.options();
  auto store = open_store(options);
  const sql_session sql = place.sql();
  REQUIRE(sql("BEGIN").empty());
  REQUIRE(sql("LOCK TABLE object IN ACCESS EXCLUSIVE MODE").empty());
  // A large file; and those that grow just so far that a buffer would be doubled, or be a chunk.
  const auto [files, bytes] = GENERATE(table<std::size_t, std::size_t>(
      {{1, 2 * upstow::MiB}, {40, 32 * upstow::KiB + 1}, {20, 64 * upstow::KiB + 1}}));
  CAPTURE(files, bytes);
  {
    const open_uploads uploads(store, requests, files, bytes);
    CHECK(uploads.taken() == requests * options.window_bytes);
    CHECK(uploads.heap() <= requests * (heap_beside_window + options.window_bytes));
    CHECK(uploads.heap() >= requests * options.window_bytes);
  }
  REQUIRE(sql("COMMIT").empty());
  CHECK(store.drain(std::chrono::minutes(2)));
}
