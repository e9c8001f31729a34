#include "upstow/waker_slot.hpp"

#include <atomic>
#include <memory>
#include <semaphore>
#include <thread>

#include "support/catch.hpp"

using upstow::waker;
using upstow::waker_slot;

namespace {

waker counting(std::atomic<int>& n) {
  return {[](void* p) noexcept { ++*static_cast<std::atomic<int>*>(p); }, &n};
}

}  // namespace

TEST_CASE("a waker runs once for each time it is armed") {
  waker_slot slot;
  std::atomic<int> n = 0;
  slot.fire();
  slot.arm(counting(n));
  slot.fire();
  slot.fire();
  CHECK(n == 1);
  slot.arm(counting(n));
  slot.disarm();
  slot.fire();
  CHECK(n == 1);
}

TEST_CASE("disarm waits for a waker on another thread") {
  struct running {
    std::binary_semaphore entered{0};
    std::binary_semaphore leave{0};
    std::atomic<bool> left = false;
  } r;
  auto slot = std::make_unique<waker_slot>();
  slot->arm({[](void* p) noexcept {
               auto& x = *static_cast<running*>(p);
               x.entered.release();
               x.leave.acquire();
               x.left = true;
             },
             &r});
  std::thread firing([&] { slot->fire(); });
  r.entered.acquire();
  std::thread releasing([&] { r.leave.release(); });
  slot->disarm();
  CHECK(r.left);
  // disarm() returned, so the slot may go although fire() may not have returned.
  slot.reset();
  firing.join();
  releasing.join();
}

TEST_CASE("disarm inside the waker returns at once") {
  waker_slot slot;
  slot.arm({[](void* p) noexcept { static_cast<waker_slot*>(p)->disarm(); }, &slot});
  slot.fire();
  SUCCEED();
}

TEST_CASE("a waker may destroy the slot that runs it") {
  auto slot = std::make_unique<waker_slot>();
  waker_slot& s = *slot;
  s.arm({[](void* p) noexcept { static_cast<std::unique_ptr<waker_slot>*>(p)->reset(); }, &slot});
  s.fire();
  CHECK(slot == nullptr);
}

TEST_CASE("a waker that arms again is not run on its own stack") {
  struct again {
    waker_slot slot;
    int depth = 0;
    int deepest = 0;
    int runs = 0;
  } a;
  constexpr auto fn = [](void* p) noexcept {
    auto& x = *static_cast<again*>(p);
    x.deepest = std::max(x.deepest, ++x.depth);
    if (++x.runs < 3) {
      x.slot.arm({+[](void* q) noexcept {
                    auto& y = *static_cast<again*>(q);
                    y.deepest = std::max(y.deepest, ++y.depth);
                    ++y.runs;
                    --y.depth;
                  },
                  &x});
      x.slot.fire();
    }
    --x.depth;
  };
  a.slot.arm({fn, &a});
  a.slot.fire();
  CHECK(a.runs == 2);
  CHECK(a.deepest == 1);
}

TEST_CASE("arm and fire and disarm of many threads lose and double nothing") {
  waker_slot slot;
  std::atomic<bool> stop = false;
  std::thread firing([&] {
    while (!stop) slot.fire();
  });
  for (int i = 0; i < 300; ++i) {
    // On the stack: a waker that ran after disarm() would be seen by a sanitizer.
    std::atomic<int> n = 0;
    slot.arm(counting(n));
    if (i % 2 == 0)
      while (n == 0) std::this_thread::yield();
    slot.disarm();
    REQUIRE(n <= 1);
  }
  stop = true;
  firing.join();
}
