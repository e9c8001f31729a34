// The slow store that other tests rely on: bounded, exact, and it wakes.
#include "support/slow_store.hpp"

#include <semaphore>
#include <thread>

#include "support/catch.hpp"
#include "support/storing.hpp"
#include "upstow/store/memory_store.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::memory_store;
using upstow::op;
using upstow::unlimited;

namespace {

constexpr std::chrono::milliseconds long_enough{10000};
constexpr std::chrono::milliseconds not_at_all{0};

std::size_t write_some(upstow::sink& to, std::string_view data) {
  return to.write(upstow::as_bytes(data)).n;
}

}  // namespace

TEST_CASE("a slow store takes its window and not a byte more") {
  memory_store inner;
  slow_store s{inner, {.window = 1000}};
  const auto t = upstow_test::open(s);
  upstow::sink* const to = begin(*t);
  const std::string data = pattern(5000);
  CHECK(write_some(*to, data) == 1000);
  CHECK(write_some(*to, "x") == 0);
  CHECK(s.buffered() == 1000);
  for (std::size_t at = 1000; at < 5000; at += 500) {
    s.grant(500);
    wait_for(*to);
    // The worker drains what it may in one go, so all of the room is there.
    CHECK(write_some(*to, std::string_view(data).substr(at)) == 500);
  }
  s.grant(unlimited);
  REQUIRE(prepare(*t, {{}}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  CHECK(content(inner, t->objects()[0].key) == data);
  CHECK(s.peak_buffered() == 1000);
  CHECK(s.peak_of_one() == 1000);
  CHECK(s.buffered() == 0);
}

TEST_CASE("a slow store wakes on its own thread and once") {
  struct seen {
    std::binary_semaphore woken{0};
    std::thread::id by;
    int times = 0;
  } w;
  memory_store inner;
  slow_store s{inner, {.window = 10}};
  const auto t = upstow_test::open(s);
  upstow::sink* const to = begin(*t);
  CHECK(write_some(*to, pattern(20)) == 10);
  REQUIRE(to->on_ready({[](void* p) noexcept {
                          auto& x = *static_cast<seen*>(p);
                          x.by = std::this_thread::get_id();
                          ++x.times;
                          x.woken.release();
                        },
                        &w}));
  s.grant(5);
  w.woken.acquire();
  to->disarm();
  s.grant(5);
  t->abort();
  CHECK(s.drain(long_enough));
  CHECK(w.times == 1);
  CHECK(w.by != std::this_thread::get_id());
}

TEST_CASE("steps of a slow store wait for their permit") {
  memory_store inner;
  slow_store s{inner, {.window = 1000}};
  const auto t = upstow_test::open(s);
  REQUIRE(put(*begin(*t), pattern(100)));
  const std::vector<upstow::publish_as> as(1);
  CHECK(t->prepare(as) == op::pending);
  s.grant(101);
  CHECK(prepare(*t, as) == op::ok);
  CHECK(t->objects()[0].size == 100);
  CHECK(t->commit() == op::pending);
  CHECK(keys(inner).empty());
  s.grant(1);
  CHECK(commit(*t) == op::ok);
  CHECK(keys(inner).size() == 1);
}

TEST_CASE("an abandoned transaction of a slow store is undone") {
  memory_store inner;
  slow_store s{inner, {.window = 1000}};
  auto t = upstow_test::open(s);
  REQUIRE(put(*begin(*t), pattern(1000)));
  t.reset();
  CHECK(s.drain(long_enough));
  CHECK(s.buffered() == 0);
  CHECK(s.open_transactions() == 0);
}

TEST_CASE("a commit that was asked for goes on without its caller") {
  memory_store inner;
  slow_store s{inner, {}};
  auto t = upstow_test::open(s);
  REQUIRE(put(*begin(*t), "data"));
  s.grant(5);
  REQUIRE(prepare(*t, {{.key = key("k")}}) == op::ok);
  REQUIRE(t->commit() == op::pending);
  t.reset();
  CHECK_FALSE(s.drain(not_at_all));
  s.grant(1);
  CHECK(s.drain(long_enough));
  CHECK(content(inner, "k") == "data");
}

// Where the n-th operation of all fails there is an error or, past the last, none; never a part.
TEST_CASE("a request fails clean whichever operation fails") {
  int failed = 0;
  for (unsigned n = 1; n < 20; ++n) {
    memory_store inner;
    slow_store s{inner, {.window = 100, .fail_at = stage::any, .fail_nth = n}};
    s.grant(unlimited);
    upstow::failure why;
    if (const auto t = s.open({}, why)) {
      bool ok = true;
      for (int i = 0; ok && i < 3; ++i) {
        upstow::sink* const to = t->begin({}, why);
        ok = to != nullptr && put(*to, pattern(50));
      }
      ok = ok && prepare(*t, {{}, {}, {}}) == op::ok && commit(*t) == op::ok;
      CHECK(ok == (n > 9));  // open, three times begin and write, prepare, commit
      if (!ok && !why) CHECK(t->error().cause == 5);
      failed += !ok;
    } else {
      ++failed;
    }
    CHECK(s.drain(long_enough));
    CHECK(keys(inner).size() == (n > 9 ? 3 : 0));
  }
  CHECK(failed == 9);
}

TEST_CASE("a store that never comes back can be left at any stage") {
  for (const stage at : {stage::write, stage::prepare, stage::commit}) {
    memory_store inner;
    slow_store s{inner, {.window = 10, .hang_at = at}};
    s.grant(unlimited);
    const auto t = upstow_test::open(s);
    CHECK(write_some(*begin(*t), "data") == 4);
    const std::vector<upstow::publish_as> as(1);
    if (at == stage::commit) {
      REQUIRE(prepare(*t, as) == op::ok);
      CHECK(t->commit() == op::pending);
    } else {
      CHECK(t->prepare(as) == op::pending);
    }
    t->abort();
    // A commit that was asked for is never let go of: nobody knows how it ends.
    CHECK(s.drain(at == stage::commit ? not_at_all : long_enough) == (at != stage::commit));
    CHECK(keys(inner).empty());
  }
}

TEST_CASE("nobody can tell whether an unknown commit happened") {
  for (const bool happened : {false, true}) {
    memory_store inner;
    slow_store s{inner, {.commit_unknown = true, .unknown_commits = happened}};
    s.grant(unlimited);
    const auto t = upstow_test::open(s);
    REQUIRE(put(*begin(*t), "data"));
    REQUIRE(prepare(*t, {{}}) == op::ok);
    CHECK(commit(*t) == op::unknown);
    CHECK(t->error().code == errc::commit_unknown);
    CHECK(t->objects()[0].state == upstow::object_state::unknown);
    CHECK(keys(inner).size() == (happened ? 1 : 0));
  }
}

TEST_CASE("a rate drains by itself") {
  memory_store inner;
  slow_store s{inner, {.window = 4096, .bytes_per_second = 10 * upstow::MiB}};
  const std::string data = pattern(200000);
  const auto made = store_one(s, data);
  REQUIRE(made);
  CHECK(content(s, *made) == data);
  CHECK(s.peak_buffered() <= 4096);
}

TEST_CASE("several transactions share a slow store") {
  memory_store inner;
  slow_store s{inner, {.window = 512, .bytes_per_second = 50 * upstow::MiB}};
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < 4; ++id)
    threads.emplace_back([&s, id] {
      for (unsigned i = 0; i < 10; ++i) {
        auto t = upstow_test::open(s);
        upstow::sink* const to = begin(*t);
        if (i % 3 == 0) {
          static_cast<void>(write_some(*to, pattern(600)));
          if (i % 2 == 0) static_cast<void>(to->on_ready({[](void*) noexcept {}, nullptr}));
        } else if (!put(*to, pattern(5000, id)) || prepare(*t, {{}}) != op::ok ||
                   commit(*t) != op::ok) {
          std::terminate();
        }
      }
    });
  for (auto& t : threads) t.join();
  CHECK(s.drain(long_enough));
  CHECK(s.open_transactions() == 0);
  CHECK(s.peak_of_one() <= 512);
  CHECK(keys(s).size() == 4 * 6);
}
