// What uploads to the stores of the core take from the heap.
#include "support/upload_heap.hpp"

#include "support/catch.hpp"
#include "support/scratch.hpp"
#include "upstow/store/filesystem_store.hpp"
#include "upstow/store/spooled_store.hpp"

using namespace upstow_test;

namespace {

constexpr std::size_t requests = 64;

upstow::filesystem_store files_in(const scratch& where) {
  return *upstow::filesystem_store::open(
      {.root = where.root(), .fsync = upstow::fsync_policy::none, .quota_bytes = upstow::MiB * 64});
}

}  // namespace

TEST_CASE("an upload takes 4 KiB and keeps nothing of its bytes") {
  const scratch where;
  auto s = files_in(where);
  const std::string block = pattern(64 * upstow::KiB);
  heap = {};
  {
    const auto t = counted([&] { return upstow_test::open(s); });
    upstow::sink* const to = counted([&] { return begin(*t); });
    REQUIRE(to != nullptr);
    CHECK(heap.peak > 0);
    const std::size_t calls = heap.calls;
    std::uint64_t taken = 0;
    for (int i = 0; i < 64; ++i)
      taken += counted([&] { return to->write(upstow::as_bytes(block)).n; });
    CHECK(taken == 64 * block.size());
    CHECK(heap.calls == calls);  // not one for a chunk
    const std::vector<upstow::publish_as> as(1);
    CHECK(counted([&] { return t->prepare(as); }) == upstow::op::ok);
    CHECK(counted([&] { return t->commit(); }) == upstow::op::ok);
    CHECK(heap.peak <= 4 * upstow::KiB);
    CHECK(heap.peak >= upstow::KiB);  // otherwise it was not counted
  }
  CHECK(heap.live == 0);
}

TEST_CASE("of many uploads to the filesystem store each has its 4 KiB") {
  const scratch where;
  auto s = files_in(where);
  const open_uploads uploads(s, requests, 1, 512 * upstow::KiB);
  CHECK(uploads.taken() == requests * 512 * upstow::KiB);
  CHECK(uploads.heap() <= requests * 4 * upstow::KiB);
  CHECK(uploads.heap() >= requests * 128);  // otherwise it was not counted
}

TEST_CASE("a spooled upload keeps what it may hold, and nothing once it has moved to a file") {
  const scratch where;
  const std::size_t window = upstow::spooled_options{}.memory_bytes;
  const scratch behind;
  auto next = files_in(behind);
  const bool alone = GENERATE(true, false);
  auto s = alone ? *upstow::spooled_store::open({.directory = where.path().string()})
                 : *upstow::spooled_store::open(next, {.directory = where.path().string()});
  // No size between leaves memory behind that is not used: 5 is what the doubling of blocks likes
  // least.
  for (const std::size_t bytes : {window, window / 2 + 5, window / 4 + 5}) {
    CAPTURE(bytes);
    const open_uploads uploads(s, requests, 1, bytes);
    CHECK(uploads.taken() == requests * bytes);
    CHECK(uploads.heap() <= requests * (heap_beside_window + window));
    CHECK(uploads.heap() >= requests * bytes);
  }
  const open_uploads uploads(s, requests, 1, window + 1);
  CHECK(uploads.taken() == requests * (window + 1));
  CHECK(uploads.heap() <= requests * 4 * upstow::KiB);
}
