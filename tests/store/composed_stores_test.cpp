// The stores of the README, put together as it says.
#include <string>

#include "support/catch.hpp"
#include "support/scratch.hpp"
#include "support/storing.hpp"
#include "upstow/upstow.hpp"

TEST_CASE("stores are put together as the page says") {
  const upstow_test::scratch where;
  const std::string spool_directory = where.path();
  upstow::memory_store archive, mirror;
  const auto complain = [](upstow::failure why) { FAIL_CHECK(describe(why.code).name); };

  // Small files in memory and large ones on disk until a request is whole; then to both stores, on
  // eight threads. What all of it holds in memory comes out of one budget.
  const upstow::memory_budget budget{64 * upstow::MiB};
  upstow::tee_store both{archive, {{.to = mirror, .need = upstow::tee_need::best_effort}}};
  auto threads = upstow::threaded_store::open(both, {.threads = 8, .budget = budget});
  if (!threads) return complain(threads.error());
  auto store =
      upstow::spooled_store::open(*threads, {.directory = spool_directory, .budget = budget});

  REQUIRE(store);
  const std::string data = upstow_test::pattern(300000);
  const std::string key = *upstow_test::store_one(*store, data);
  CHECK(upstow_test::content(archive, key) == data);
  CHECK(upstow_test::content(mirror, key) == data);
  CHECK(store->drain(std::chrono::seconds(10)));
  CHECK(budget.used() == 0);
}
