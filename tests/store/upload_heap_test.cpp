// What an upload to the filesystem store takes from the heap.
#include "support/catch.hpp"
#include "support/heap.hpp"
#include "support/scratch.hpp"
#include "support/storing.hpp"
#include "upstow/store/filesystem_store.hpp"

using namespace upstow_test;

TEST_CASE("an upload takes 4 KiB and keeps nothing of its bytes") {
  const scratch where;
  auto s = *upstow::filesystem_store::open(
      {.root = where.root(), .fsync = upstow::fsync_policy::none, .quota_bytes = upstow::MiB * 64});
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
