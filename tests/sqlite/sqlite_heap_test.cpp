// What uploads to the SQLite store take from the heap. SQLite's own memory belongs to connections,
// of which the store has as many for one upload as for a thousand.
#include "sqlite_rig.hpp"
#include "support/upload_heap.hpp"

using namespace upstow_test;

TEST_CASE("an upload that waits for the database keeps a chunk, and the queue of all its bytes") {
  constexpr std::size_t chunk = 256 * upstow::KiB;  // as the header says
  sqlite_rig rig({.busy_timeout = std::chrono::minutes(10)});
  const std::uint64_t queue = upstow::sqlite_options{}.max_queued_bytes;
  other_connection other(rig.path);
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
  {
    const std::size_t requests = GENERATE(std::size_t{64}, std::size_t{256});
    CAPTURE(requests);
    const open_uploads uploads(rig.made, requests, 1, upstow::MiB);
    CHECK(uploads.taken() >= requests * chunk);
    CHECK(uploads.heap() <= requests * (heap_beside_window + chunk) + queue);
    CHECK(uploads.heap() >= requests * chunk);
  }
  REQUIRE(other.run("ROLLBACK") == SQLITE_OK);
  REQUIRE(rig.made.drain(long_patience));
}
