#include "upstow/store/memory_budget.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <semaphore>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using upstow::budget_share;
using upstow::budget_wait;
using upstow::memory_budget;

namespace {

/// A share that counts how often it was woken.
struct counted_share {
  explicit counted_share(const memory_budget& from) : share(from) {}
  budget_wait wait(std::uint64_t n) {
    return share.wait(n, {[](void* c) noexcept { ++*static_cast<int*>(c); }, &woken});
  }
  budget_share share;
  int woken = 0;
};

}  // namespace

TEST_CASE("a budget gives what it has and no more") {
  const memory_budget budget{100};
  budget_share a{budget};
  budget_share b{budget};
  CHECK(a.take(60));
  CHECK_FALSE(b.take(41));
  CHECK(b.take(40));
  CHECK(budget.used() == 100);
  CHECK(a.held() == 60);
  a.give_back(10);
  CHECK(b.take(10));
  CHECK(budget.used() == 100);
}

TEST_CASE("a share gives back what it holds when it goes") {
  const memory_budget budget{100};
  {
    budget_share a{budget};
    CHECK(a.take(60));
    a.let_go(20);
    CHECK(a.held() == 60);
    a.returned(5);
    CHECK(budget.used() == 55);
  }
  CHECK(budget.used() == 0);
}

TEST_CASE("who has failed waits no more, and those behind it are served") {
  const memory_budget budget{100};
  budget_share held{budget};
  counted_share failed{budget}, next{budget};
  REQUIRE(held.take(100));
  REQUIRE(failed.wait(80) == budget_wait::armed);
  REQUIRE(next.wait(20) == budget_wait::armed);
  held.give_back(50);
  CHECK(next.woken == 0);
  failed.share.end_waits();
  CHECK(failed.woken == 1);
  CHECK(next.woken == 1);
  CHECK(failed.wait(80) == budget_wait::ready);
  CHECK(failed.woken == 1);
  // What was set aside for it goes to others.
  REQUIRE(next.share.take(20));
  REQUIRE(next.wait(40) == budget_wait::armed);
  held.give_back(10);
  CHECK(next.woken == 2);
  CHECK(budget.used() == 100);
  next.share.end_waits();
  CHECK(budget.used() == 60);
}

TEST_CASE("a share of no budget always has enough") {
  budget_share none;
  CHECK(none.take(upstow::unlimited));
  CHECK(none.wait(1, {}) == budget_wait::ready);
  none.give_back(1);
  none.forgo();
  CHECK(none.held() == 0);
}

TEST_CASE("who came first is served first, also if it wants more") {
  const memory_budget budget{100};
  counted_share holder{budget};
  counted_share large{budget};
  counted_share small{budget};
  REQUIRE(holder.share.take(100));
  CHECK(large.wait(60) == budget_wait::armed);
  CHECK(small.wait(10) == budget_wait::armed);
  holder.share.give_back(20);
  CHECK(large.woken + small.woken == 0);
  CHECK_FALSE(small.share.take(10));  // free, and not its turn
  counted_share late{budget};
  CHECK_FALSE(late.share.take(10));
  holder.share.give_back(40);
  CHECK(large.woken == 1);
  CHECK(small.woken == 0);
  CHECK(large.share.take(60));
  holder.share.give_back(10);
  CHECK(small.woken == 1);
  CHECK(small.share.take(10));
  CHECK(late.share.take(10) == false);
}

TEST_CASE("one release serves all it is enough for") {
  const memory_budget budget{100};
  counted_share holder{budget};
  std::vector<std::unique_ptr<counted_share>> waiters;
  REQUIRE(holder.share.take(100));
  for (int i = 0; i < 4; ++i) {
    waiters.push_back(std::make_unique<counted_share>(budget));
    CHECK(waiters.back()->wait(30) == budget_wait::armed);
  }
  holder.share.give_back(100);
  CHECK(waiters[0]->woken == 1);
  CHECK(waiters[2]->woken == 1);
  CHECK(waiters[3]->woken == 0);
  waiters[1].reset();  // never took what was set aside for it
  CHECK(waiters[3]->woken == 1);
}

TEST_CASE("who gives up waiting is in nobody's way") {
  const memory_budget budget{100};
  counted_share holder{budget};
  counted_share patient{budget};
  REQUIRE(holder.share.take(95));
  SECTION("by disarming") {
    counted_share first{budget};
    CHECK(first.wait(90) == budget_wait::armed);
    CHECK(patient.wait(5) == budget_wait::armed);
    first.share.disarm();
    CHECK(patient.woken == 1);
    holder.share.give_back(95);
    CHECK(first.woken == 0);
  }
  SECTION("by going") {
    auto first = std::make_unique<counted_share>(budget);
    CHECK(first->wait(90) == budget_wait::armed);
    CHECK(patient.wait(5) == budget_wait::armed);
    first.reset();
    CHECK(patient.woken == 1);
  }
  SECTION("by wanting something else") {
    counted_share first{budget};
    CHECK(first.wait(90) == budget_wait::armed);
    CHECK(patient.wait(5) == budget_wait::armed);
    CHECK(first.wait(80) == budget_wait::armed);
    CHECK(patient.woken == 1);
    CHECK(first.woken == 0);
  }
  SECTION("in the middle of the queue") {
    counted_share first{budget};
    auto second = std::make_unique<counted_share>(budget);
    CHECK(first.wait(10) == budget_wait::armed);
    CHECK(second->wait(20) == budget_wait::armed);
    CHECK(patient.wait(5) == budget_wait::armed);
    second.reset();
    holder.share.give_back(10);
    CHECK(first.woken == 1);
    CHECK(patient.woken == 1);
  }
}

TEST_CASE("a repeated wait keeps its place and its last waker") {
  const memory_budget budget{10};
  counted_share holder{budget};
  counted_share first{budget};
  counted_share second{budget};
  REQUIRE(holder.share.take(10));
  CHECK(first.wait(10) == budget_wait::armed);
  CHECK(second.wait(10) == budget_wait::armed);
  int instead = 0;
  CHECK(first.share.wait(10, {[](void* c) noexcept { ++*static_cast<int*>(c); }, &instead}) ==
        budget_wait::armed);
  holder.share.give_back(10);
  CHECK(instead == 1);
  CHECK(first.woken == 0);
  CHECK(second.woken == 0);
}

TEST_CASE("what was set aside stays until it is taken or forgone") {
  const memory_budget budget{10};
  counted_share holder{budget};
  counted_share waiter{budget};
  counted_share other{budget};
  REQUIRE(holder.share.take(10));
  REQUIRE(waiter.wait(8) == budget_wait::armed);
  holder.share.give_back(10);
  CHECK(waiter.woken == 1);
  CHECK(budget.used() == 8);
  waiter.share.disarm();
  CHECK_FALSE(other.share.take(3));
  SECTION("taken in pieces") {
    CHECK(waiter.share.take(5));
    CHECK(waiter.share.take(3));
    CHECK(budget.used() == 8);
  }
  SECTION("and more") {
    CHECK(waiter.share.take(10));
    CHECK(budget.used() == 10);
  }
  SECTION("forgone") {
    waiter.share.forgo();
    CHECK(budget.used() == 0);
    CHECK(other.share.take(10));
  }
}

TEST_CASE("nobody waits for what cannot come") {
  const memory_budget budget{100};
  counted_share a{budget};
  counted_share b{budget};
  SECTION("more than there is") { CHECK(a.wait(101) == budget_wait::never); }
  SECTION("what its own request holds") {
    REQUIRE(a.share.take(50));
    CHECK(a.wait(51) == budget_wait::never);
    CHECK(a.wait(50) == budget_wait::ready);
  }
  SECTION("what another one holds that waits too") {
    REQUIRE(a.share.take(50));
    REQUIRE(b.share.take(50));
    CHECK(a.wait(50) == budget_wait::armed);  // b may go on and give back
    CHECK(b.wait(10) == budget_wait::never);  // then neither would
    b.share.give_back(50);
    CHECK(a.woken == 1);
  }
  SECTION("bytes that left come back by themselves") {
    REQUIRE(a.share.take(50));
    REQUIRE(b.share.take(50));
    a.share.let_go(50);
    b.share.let_go(50);
    CHECK(a.wait(50) == budget_wait::armed);
    CHECK(b.wait(50) == budget_wait::armed);
    b.share.returned(50);
    CHECK(a.woken == 1);
    a.share.returned(50);
    CHECK(b.woken == 1);
  }
  SECTION("nor makes another one wait so") {
    counted_share c{budget};
    REQUIRE(a.share.take(20));
    REQUIRE(b.share.take(20));
    REQUIRE(c.share.take(60));
    CHECK(a.wait(75) == budget_wait::armed);  // of b and c together
    CHECK(b.wait(1) == budget_wait::never);   // b would be missing
    c.share.give_back(60);
    CHECK(a.woken == 0);
    b.share.give_back(20);
    CHECK(a.woken == 1);
  }
}

TEST_CASE("threads share a budget and all of them end") {
  const memory_budget budget{64};
  std::atomic<std::uint64_t> held{0};
  std::atomic<std::uint64_t> peak{0};
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < 4; ++id)
    threads.emplace_back([&, id] {
      std::binary_semaphore woken{0};
      const upstow::waker wake{
          [](void* s) noexcept { static_cast<std::binary_semaphore*>(s)->release(); }, &woken};
      for (unsigned i = 0; i < 500; ++i) {
        budget_share share{budget};
        const std::uint64_t n = 1 + (id * 31 + i * 17) % 64;
        if (i % 7 == 0) {  // one who gives up
          static_cast<void>(share.wait(n, {[](void*) noexcept {}, nullptr}));
          continue;
        }
        while (!share.take(n)) {
          if (share.wait(n, wake) == budget_wait::armed) woken.acquire();
          share.disarm();  // the waker may still be inside release()
        }
        const std::uint64_t now = held.fetch_add(n) + n;
        std::uint64_t seen = peak.load();
        while (seen < now && !peak.compare_exchange_weak(seen, now)) {
        }
        held.fetch_sub(n);
        if (i % 2 == 0) share.give_back(n);
      }
    });
  for (auto& t : threads) t.join();
  CHECK(peak <= 64);
  CHECK(budget.used() == 0);
}
