// The memory budget and threaded_store while the heap says no, on whatever thread asks it.
#include <new>

#include "support/catch.hpp"
#include "support/failing_upload.hpp"
#include "support/tagging_store.hpp"
#include "upstow/store/memory_store.hpp"
#include "upstow/store/threaded_store.hpp"

using namespace upstow_test;

namespace {

/// With a window of one block, so that the writer waits.
struct threaded_rig {
  static constexpr bool threaded = true;
  upstow::store& target() { return s; }
  std::vector<upstow::store*> leaves() { return {&next}; }
  std::uint64_t held() const { return budget.used(); }

  upstow::memory_store next;
  tagging_store tagged{next};
  upstow::memory_budget budget{5000};
  upstow::threaded_store s =
      *upstow::threaded_store::open(tagged, {.threads = 2, .window = 4096, .budget = budget});
};

}  // namespace

TEST_CASE("an upload on threads while the heap says no") { upload_without_memory<threaded_rig>(); }

TEST_CASE("threads are started while the heap says no") {
  upstow::memory_store next;
  const std::size_t failures = at_each_allocation([&] {
    INFO("allocation " << heap.fails_at);
    const upstow::errc got = counted_everywhere(
        [&] { return upstow::threaded_store::open(next, {.threads = 3}).error().code; });
    CHECK(got == (heap.has_failed() ? upstow::errc::no_memory : upstow::errc::ok));
    CHECK(heap.live == 0);
  });
  CHECK(failures >= 4);
}

TEST_CASE("a budget takes from the heap when it is made and when it is shared, and not again") {
  const std::size_t failures = at_each_allocation([&] {
    bool threw = false;
    try {
      counted([&] {
        const upstow::memory_budget budget{100};
        upstow::budget_share share{budget};
        const std::size_t calls = heap.calls;
        const bool took = share.take(60) && !share.take(60);
        share.let_go(10);
        share.returned(10);
        share.give_back(50);
        const bool waits = share.take(60) && share.wait(70, {}) == upstow::budget_wait::never;
        share.forgo();
        return took && waits && heap.calls == calls;
      });
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    CHECK(threw == heap.has_failed());
    CHECK(heap.live == 0);
  });
  CHECK(failures == 2);
}
