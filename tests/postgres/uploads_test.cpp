// Many uploads and few connections; what waits, what is swept, and what may end at any moment.
#include <atomic>
#include <random>
#include <thread>

#include "postgres/real_postgres.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::op;

namespace {

constexpr std::chrono::seconds a_minute{60};  // only a hang takes as long
constexpr upstow::waker nobody{[](void*) noexcept {}, nullptr};

}  // namespace

TEST_CASE("uploads are more than connections") {
  const postgres_place place;
  auto options = place.options();
  options.connections = 2;
  options.read_connections = 1;
  auto store = open_store(options);
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 12; ++i)
    threads.emplace_back([&, i] {
      const std::string data = pattern(400'000 + i, i);
      const auto made = store_one(store, data);
      if (made && content(store, *made, {}, 65536) == data) ++good;
    });
  for (auto& t : threads) t.join();
  CHECK(good == 12);
}

TEST_CASE("an upload is ahead of the server by its window and no more") {
  const postgres_place place;
  auto options = place.options();
  options.window_bytes = 512 * upstow::KiB;
  auto store = open_store(options);
  const sql_session sql = place.sql();
  REQUIRE(sql("BEGIN").empty());
  REQUIRE(sql("LOCK TABLE chunk IN ACCESS EXCLUSIVE MODE").empty());
  const auto t = upstow_test::open(store);
  upstow::sink* const a = begin(*t);
  upstow::sink* const b = begin(*t);
  // Also where two files share it and none has a whole chunk.
  const std::string data = pattern(1'000'000);
  CHECK(put(*a, std::string_view(data).substr(0, 200'000)));
  const upstow::taken took = b->write(upstow::as_bytes(data));
  CHECK(took.n == 512 * upstow::KiB - 200'000);
  CHECK_FALSE(took.error);
  CHECK(a->write(upstow::as_bytes("x")).n == 0);
  std::binary_semaphore woken{0};
  const upstow::waker wake{
      [](void* s) noexcept { static_cast<std::binary_semaphore*>(s)->release(); }, &woken};
  REQUIRE(b->on_ready(wake));
  REQUIRE(sql("COMMIT").empty());
  woken.acquire();
  b->disarm();
  CHECK(put(*b, std::string_view(data).substr(took.n)));
  CHECK(put(*a, std::string_view(data).substr(200'000)));
  REQUIRE(prepare(*t, {{}, {}}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  for (const auto& o : t->objects()) CHECK(content(store, o.key, {}, 65536) == data);
}

TEST_CASE("what comes while a batch is sent goes with it, in one transaction") {
  const postgres_place place;
  auto store = open_store(place.options());
  const sql_session sql = place.sql();
  REQUIRE(sql("BEGIN").empty());
  REQUIRE(sql("LOCK TABLE chunk IN ACCESS EXCLUSIVE MODE").empty());
  const auto t = upstow_test::open(store);
  upstow::sink* const to = begin(*t);
  const std::string window = pattern(1 * upstow::MiB);
  const std::string_view first = std::string_view(window).substr(0, 512 * upstow::KiB);
  CHECK(to->write(upstow::as_bytes(first)).n == first.size());
  REQUIRE(sql("DO $$ BEGIN"
              " WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted) LOOP"
              "  PERFORM pg_sleep(0.01);"
              " END LOOP; END $$")
              .empty());
  // They are on their way, and not all with the server: a socket holds less.
  CHECK(put(*to, std::string_view(window).substr(first.size())));
  REQUIRE(sql("COMMIT").empty());
  wait_for(*to);
  CHECK(sql("SELECT count(*) FROM chunk") == "4");
  CHECK(sql("SELECT count(DISTINCT xmin::text) FROM chunk") == "1");
  REQUIRE(prepare(*t, {{}}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  CHECK(content(store, t->objects()[0].key, {}, 65536) == window);
}

TEST_CASE("a full window of small files goes to the server") {
  const postgres_place place;
  auto options = place.options();
  options.window_bytes = 256 * upstow::KiB;
  auto store = open_store(options);
  const auto t = upstow_test::open(store);
  std::vector<upstow::publish_as> as(20);
  for (unsigned i = 0; i < as.size(); ++i) REQUIRE(put(*begin(*t), pattern(50'000, i)));
  REQUIRE(prepare(*t, as) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  for (unsigned i = 0; i < as.size(); ++i)
    CHECK(content(store, t->objects()[i].key, {}, 65536) == pattern(50'000, i));
}

TEST_CASE("room that a discarded file leaves is given to others") {
  const postgres_place place;
  auto options = place.options();
  options.window_bytes = 256 * upstow::KiB;
  options.connections = 1;
  auto store = open_store(options);
  const auto t = upstow_test::open(store);
  upstow::sink* const a = begin(*t);
  upstow::sink* const b = begin(*t);
  for (int i = 0; i < 20; ++i) REQUIRE(put(*b, pattern(20'000)));
  b->discard();
  CHECK(b->write(upstow::as_bytes("x")).error.code == errc::misuse);
  const std::string data = pattern(700'000);
  CHECK(put(*a, data));
  REQUIRE(prepare(*t, {{}}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  CHECK(content(store, t->objects()[0].key, {}, 65536) == data);
  CHECK(store.drain(a_minute));
  CHECK(place.sql()("SELECT count(*) FROM object") == "1");
}

TEST_CASE("a range begins anywhere in chunks of any size") {
  const postgres_place place;
  auto options = place.options();
  options.window_bytes = 256 * upstow::KiB;
  auto store = open_store(options);
  const auto t = upstow_test::open(store);
  upstow::sink* const a = begin(*t);
  upstow::sink* const b = begin(*t);
  const std::string data = pattern(900'000);
  for (std::size_t at = 0; at < data.size();
       at += 90'000) {  // both are flushed before they are full
    REQUIRE(put(*a, std::string_view(data).substr(at, 90'000)));
    REQUIRE(put(*b, std::string_view(data).substr(at, 90'000)));
  }
  REQUIRE(prepare(*t, {{}, {}}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  const std::string k = t->objects()[0].key;
  for (const std::size_t first : {0U, 1U, 89'999U, 262'144U, 500'001U, 899'999U, 900'000U})
    CHECK(content(store, k, {.first = first, .count = 300'000}, 65536) ==
          data.substr(first, 300'000));
}

TEST_CASE("a sweep takes the rows of the dead, and of nobody else") {
  const postgres_place place;
  auto sweeper = open_store(place.options());
  const auto left = [&] { return place.sql()("SELECT count(*) FROM object WHERE state <> 2"); };
  {
    auto store = open_store(place.options());
    const auto t = upstow_test::open(store);
    REQUIRE(put(*begin(*t), pattern(2'000'000)));  // more than the window: there are rows
    CHECK(left() == "1");
    CHECK(sweeper.sweep({}).removed == 0);
    CHECK(store.sweep({}).removed == 0);
    REQUIRE(prepare(*t, {{}}) == op::ok);
    CHECK(sweeper.sweep({}).removed == 0);
    REQUIRE(commit(*t) == op::ok);
    CHECK(sweeper.sweep({}).removed == 0);
  }
  CHECK(keys(sweeper).size() == 1);
  // As if its writer had been killed: the lock of this number is nobody's.
  const sql_session sql = place.sql();
  REQUIRE(
      sql("INSERT INTO object (id, owner, state, begun_at) SELECT gen_random_uuid(), 4711, n % 4,"
          " now() - interval '2 hours' FROM generate_series(0, 9) n WHERE n % 4 <> 2")
          .empty());
  REQUIRE(sql("INSERT INTO chunk SELECT id, n, 'x' FROM object, generate_series(1, 300) n"
              " WHERE state <> 2")
              .empty());
  CHECK(sweeper.sweep({.older_than = std::chrono::hours(3)}).removed == 0);
  CHECK(sweeper.sweep({.older_than = std::chrono::hours(1)}).removed == 8);
  CHECK(left() == "0");
  CHECK(keys(sweeper).size() == 1);
}

TEST_CASE("metadata may hold what no text can") {
  const postgres_place place;
  auto store = open_store(place.options());
  const std::string odd("a\0\xff\xfe\\ '\"\r\n", 10);
  const auto made = store_one(store, "x", {.metadata = {.filename = odd, .declared_type = odd}});
  REQUIRE(made);
  CHECK(store.stat(*made)->metadata.filename == odd);
  CHECK(store.stat(*made)->metadata.declared_type == odd);
}

TEST_CASE("everything may end at any moment") {
  const postgres_place place;
  std::minstd_rand random(1);
  for (int round = 0; round < 12; ++round) {
    auto options = place.options();
    options.connections = 2;
    options.window_bytes = 256 * upstow::KiB;
    auto store = open_store(options);
    std::vector<std::thread> threads;
    for (unsigned id = 0; id < 3; ++id) {
      const unsigned steps = static_cast<unsigned>(random() % 12);
      threads.emplace_back([&store, steps, id] {
        const auto t = upstow_test::open(store);
        const std::string data = pattern(90'000, id);
        upstow::sink* const to = begin(*t);
        for (unsigned i = 0; i < steps && i < 6; ++i) {
          (void)to->write(upstow::as_bytes(data));
          (void)to->on_ready(nobody);
        }
        const std::vector<upstow::publish_as> as(1);
        if (steps > 6) (void)t->prepare(as);
        if (steps > 7 && t->on_ready(nobody)) t->disarm();
        if (steps > 8) (void)prepare(*t, as);
        if (steps > 9) (void)t->commit();
        if (steps > 10) t->abort();
      });
    }
    for (auto& t : threads) t.join();
    // The store goes with its work half done.
  }
  auto store = open_store(place.options());
  // Until the server has noticed that the others are gone.
  while (place.sql()("SELECT count(*) FROM object WHERE state <> 2") != "0")
    REQUIRE_FALSE(store.sweep({}).error);
  for (const std::string& k : keys(store)) REQUIRE(store.remove(k));
  CHECK(store.drain(a_minute));
  CHECK(place.rows() == "0");
}
