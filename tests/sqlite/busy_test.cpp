// Somebody else holds the lock, or stores into the same database.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <semaphore>
#include <thread>

#include "sqlite_rig.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::op;
using upstow::sqlite_store;

namespace {

const upstow::sqlite_options impatient{.synchronous = upstow::sqlite_synchronous::normal,
                                       .busy_timeout = std::chrono::milliseconds(50)};
const upstow::sqlite_options patient{.synchronous = upstow::sqlite_synchronous::normal,
                                     .busy_timeout = std::chrono::minutes(10)};

}  // namespace

TEST_CASE("a database that stays locked is an error at every step, and then works again") {
  sqlite_rig rig(impatient);
  REQUIRE(store_one(rig.made, "x", {.key = key("there")}));
  other_connection other(rig.path);
  SECTION("while bytes come") {
    REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
    const auto t = upstow_test::open(rig.made);
    upstow::sink* const to = begin(*t);
    bool going_on = true;
    for (int i = 0; going_on && i < 100; ++i) going_on = put(*to, pattern(300000));
    CHECK_FALSE(going_on);
    CHECK(to->error().code == errc::storage_unavailable);
    CHECK(prepare(*t, {{}}) == op::error);
    CHECK(t->error().code == errc::storage_unavailable);
  }
  SECTION("at prepare") {
    const auto t = upstow_test::open(rig.made);
    REQUIRE(put(*begin(*t), "x"));
    REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
    CHECK(prepare(*t, {{}}) == op::error);
    CHECK(t->error().code == errc::storage_unavailable);
    CHECK((t->error().cause & 255) == SQLITE_BUSY);
  }
  SECTION("at commit") {
    const auto t = upstow_test::open(rig.made);
    REQUIRE(put(*begin(*t), "x"));
    REQUIRE(prepare(*t, {{}}) == op::ok);
    REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
    CHECK(commit(*t) == op::error);
    CHECK(t->error().code == errc::storage_unavailable);
  }
  SECTION("at remove, sweep and clean-up") {
    auto t = upstow_test::open(rig.made);
    REQUIRE(put(*begin(*t), pattern(2000000)));
    REQUIRE(prepare(*t, {{}}) == op::ok);
    REQUIRE(other.run("INSERT INTO upstow_object(owner, begun_at, size, chunk_bytes, stored_at)"
                      " VALUES(7, 0, 0, 1, 0)") == SQLITE_OK);
    REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
    CHECK(rig.made.remove("there").error().code == errc::storage_unavailable);
    CHECK(rig.made.sweep({}).error.code == errc::storage_unavailable);
    t.reset();
    CHECK_FALSE(rig.made.drain(std::chrono::milliseconds(1)));
    CHECK(content(rig.made, "there") == "x");  // readers are in nobody's way
  }
  REQUIRE(other.run("ROLLBACK") == SQLITE_OK);
  CHECK(store_one(rig.made, "y"));
  REQUIRE(rig.made.drain(long_patience));
  CHECK_FALSE(rig.made.sweep({}).error);
  CHECK(stray_rows(rig.path) == 0);
}

TEST_CASE("who comes when the lock is given up does not fail with those who waited for it") {
  // Long enough to fill the queue within it, as a rule.
  sqlite_rig rig(
      {.synchronous = upstow::sqlite_synchronous::normal, .busy_timeout = std::chrono::seconds(1)});
  other_connection other(rig.path);
  const std::string data = pattern(upstow::MiB);
  const auto late = upstow_test::open(rig.made);
  REQUIRE(put(*begin(*late), "y"));
  const std::vector<upstow::publish_as> as(1);
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
  // The thread that tells of the failure is held until the late one has come.
  struct {
    std::binary_semaphore failed{0};
    std::binary_semaphore go_on{0};
  } held;
  const upstow::waker hold{[](void* s) noexcept {
                             auto& at = *static_cast<decltype(held)*>(s);
                             at.failed.release();
                             at.go_on.acquire();
                           },
                           &held};
  std::unique_ptr<upstow::transaction> early;
  upstow::sink* to = nullptr;
  const auto waits = [&] {
    early = upstow_test::open(rig.made);
    to = begin(*early);
    while (to->write(upstow::as_bytes(data)).n == data.size()) continue;
    return to->on_ready(hold);
  };
  while (!waits()) {
    // The patience ended before it waited. The queue may still count what failed, and would wake
    // the next one with the room for it; a removal is answered after that, by a turn of its own.
    CHECK(rig.made.remove("none").error().code == errc::storage_unavailable);
  }
  held.failed.acquire();
  CHECK(to->write(upstow::as_bytes("x")).error.code == errc::storage_unavailable);
  CHECK(other.run("ROLLBACK") == SQLITE_OK);
  CHECK(late->prepare(as) == op::pending);
  held.go_on.release();
  to->disarm();
  CHECK(prepare(*late, as) == op::ok);
  CHECK(commit(*late) == op::ok);
}

TEST_CASE("a lock that is given up in time is waited for, and no call waits with it") {
  sqlite_rig rig(patient);
  other_connection other(rig.path);
  const auto t = upstow_test::open(rig.made);
  REQUIRE(put(*begin(*t), "x"));
  const std::vector<upstow::publish_as> as(1);
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
  CHECK(t->prepare(as) == op::pending);
  CHECK(t->prepare(as) == op::pending);
  REQUIRE(other.run("ROLLBACK") == SQLITE_OK);
  REQUIRE(prepare(*t, as) == op::ok);
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
  CHECK(t->commit() == op::pending);
  CHECK(t->commit() == op::pending);
  REQUIRE(other.run("ROLLBACK") == SQLITE_OK);
  CHECK(commit(*t) == op::ok);
}

TEST_CASE("a disk that stands still takes no more than the window") {
  sqlite_rig rig(patient);
  other_connection other(rig.path);
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
  const std::string data = pattern(upstow::MiB);
  std::vector<std::unique_ptr<upstow::transaction>> all;
  std::vector<upstow::sink*> to;
  std::uint64_t taken = 0;
  constexpr unsigned files = 4;
  for (unsigned i = 0; i < files; ++i) {
    all.push_back(upstow_test::open(rig.made));
    to.push_back(begin(*all.back()));
    for (std::size_t n = 1; n > 0; taken += n) n = to.back()->write(upstow::as_bytes(data)).n;
  }
  // The queue, and a chunk in the hands of each file.
  CHECK(taken <= 8 * upstow::MiB + files * 256 * upstow::KiB);
  CHECK(taken >= 8 * upstow::MiB);
  SECTION("and takes all of it when it goes on") {
    REQUIRE(other.run("ROLLBACK") == SQLITE_OK);
    for (unsigned i = 0; i < files; ++i) {
      CHECK(put(*to[i], data));
      CHECK(prepare(*all[i], {{}}) == op::ok);
      CHECK(commit(*all[i]) == op::ok);
    }
    CHECK(keys(rig.made).size() == files);
  }
  SECTION("and who gives up makes room for the others") {
    all[0].reset();  // it has the whole queue but what the writer holds
    wait_for(*to[1]);
    CHECK(to[1]->write(upstow::as_bytes(data)).n > 0);
    REQUIRE(other.run("ROLLBACK") == SQLITE_OK);
  }
  all.clear();
  CHECK(rig.made.drain(long_patience));
  CHECK(stray_rows(rig.path) == 0);
}

TEST_CASE("who commits and goes away has committed") {
  sqlite_rig rig(patient);
  other_connection other(rig.path);
  auto t = upstow_test::open(rig.made);
  REQUIRE(put(*begin(*t), "x"));
  REQUIRE(prepare(*t, {{.key = key("k")}}) == op::ok);
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
  REQUIRE(t->commit() == op::pending);
  const bool taken = GENERATE(false, true);
  if (taken)
    REQUIRE(other.run("INSERT INTO upstow_object(owner, begun_at, size, chunk_bytes, stored_at,"
                      " key, published) VALUES(7, 0, 0, 1, 0, 'k', 1)") == SQLITE_OK);
  t.reset();
  REQUIRE(other.run("COMMIT") == SQLITE_OK);
  REQUIRE(rig.made.drain(long_patience));
  CHECK(keys(rig.made) == std::vector<std::string>{"k"});
  CHECK(rig.made.stat("k")->size == (taken ? 0 : 1));
  CHECK(stray_rows(rig.path) == 0);
}

TEST_CASE("a store that is closed finishes the commits that were begun") {
  const scratch where;
  const std::string path = with_schema(where.root());
  {
    auto s = *sqlite_store::open({.path = path});
    const auto t = upstow_test::open(s);
    REQUIRE(put(*begin(*t), "x"));
    REQUIRE(prepare(*t, {{.key = key("k")}}) == op::ok);
    static_cast<void>(t->commit());
  }
  auto s = *sqlite_store::open({.path = path});
  CHECK(content(s, "k") == "x");
}

TEST_CASE("two processes store into one database, and a key is had by one of them") {
  const scratch where;
  const std::string path = with_schema(where.root());
  constexpr int each = 30;
  const auto store_all = [&path](const std::string& name) {
    auto s = *sqlite_store::open({.path = path,
                                  .synchronous = upstow::sqlite_synchronous::normal,
                                  .busy_timeout = std::chrono::minutes(1)});
    int won = 0;
    for (int i = 0; i < each; ++i) {
      const std::string n = std::to_string(i);
      if (!store_one(s, pattern(300000), {.key = key(name + "/" + n)})) return -1;
      const auto made = store_one(s, name, {.key = key("both/" + n)});
      if (!made && made.error().code != errc::key_exists) return -1;
      won += made.has_value();
    }
    return s.drain(long_patience) ? won : -1;
  };
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(store_all("child") & 255);
  const int won = store_all("parent");
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(won >= 0);
  CHECK(won + WEXITSTATUS(status) == each);
  auto s = *sqlite_store::open({.path = path});
  CHECK(keys(s).size() == 3 * each);
  CHECK_FALSE(s.sweep({}).error);
  CHECK(stray_rows(path) == 0);
  CHECK(sound(path));
}

TEST_CASE("readers of a store that is written to see whole objects") {
  sqlite_rig rig;
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      while (!stop)
        for (const std::string& k : keys(rig.made)) {
          const auto info = rig.made.stat(k);
          if (!info) continue;  // removed meanwhile
          const std::string got = content(rig.made, k, {}, 50000);
          wrong += got != "!object-not-found" && got != pattern(info->size);
        }
    });
  for (unsigned i = 0; i < 30; ++i) {
    const auto made = store_one(rig.made, pattern(200000 + i * 10000));
    if (made && i % 3 == 0) wrong += !rig.made.remove(*made);
    wrong += !made;
  }
  stop = true;
  for (auto& t : readers) t.join();
  CHECK(wrong == 0);
  CHECK(keys(rig.made).size() == 20);
}

TEST_CASE("requests that end at any moment beside each other leave nothing") {
  sqlite_rig rig;
  std::atomic<int> failed = 0;
  std::atomic<int> stored = 0;
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < 4; ++id)
    threads.emplace_back([&, id] {
      const std::string data = pattern(400000, id);
      for (unsigned i = 0; i < 24; ++i) {
        auto t = upstow_test::open(rig.made);
        upstow::sink* const to = begin(*t);
        std::atomic<int> woken{0};
        const upstow::waker wake{[](void* w) noexcept { ++*static_cast<std::atomic<int>*>(w); },
                                 &woken};
        static_cast<void>(to->write(upstow::as_bytes(data)));
        if (i % 6 == 1) static_cast<void>(to->on_ready(wake));
        if (i % 6 == 2) to->discard();
        const std::vector<upstow::publish_as> as(i % 6 == 2 ? 0 : 1);
        if (i % 6 >= 3) static_cast<void>(t->prepare(as));
        if (i % 6 == 3) static_cast<void>(t->on_ready(wake));
        if (i % 6 >= 4) failed += prepare(*t, as) != op::ok;
        if (i % 6 == 4) static_cast<void>(t->commit());
        if (i % 6 == 5) failed += commit(*t) != op::ok;
        stored += i % 6 >= 4;
        t.reset();
      }
    });
  for (auto& t : threads) t.join();
  CHECK(failed == 0);
  REQUIRE(rig.made.drain(long_patience));
  CHECK(keys(rig.made).size() == static_cast<std::size_t>(stored));
  CHECK(stray_rows(rig.path) == 0);
}
