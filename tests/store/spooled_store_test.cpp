// What is special about spooled_store; that it is a store at all stands in decorators_test.cpp.
#include "upstow/store/spooled_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "contract.hpp"
#include "support/keyed_store.hpp"
#include "support/scratch.hpp"
#include "support/slow_store.hpp"
#include "upstow/store/memory_store.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::op;

namespace {

std::size_t open_files() {
  std::size_t n = 0;
  for (const auto& e : std::filesystem::directory_iterator("/proc/self/fd"))
    n += e.path().empty() ? 0U : 1U;
  return n;
}

struct spool {
  explicit spool(upstow::spooled_options o = {}) : budget(o.budget) {
    o.directory = where.path();
    made.emplace(*upstow::spooled_store::open(o));
  }
  upstow::spooled_store& operator*() { return *made; }
  scratch where;
  upstow::memory_budget budget;
  std::optional<upstow::spooled_store> made;
};

}  // namespace

TEST_CASE("a file stays in memory up to the threshold, and then all of it is on disk") {
  for (const bool named : {false, true}) {
    spool s{{.memory_bytes = 1000, .named_temporary_files = named}};
    const auto t = open(*s);
    upstow::sink* const to = begin(*t);
    const std::size_t before = open_files();
    const std::string data = pattern(5000);
    REQUIRE(put(*to, data.substr(0, 999)));
    REQUIRE(put(*to, data.substr(999, 1)));
    CHECK(open_files() == before);
    CHECK(s.budget.used() == 1000);  // never more than the threshold, whatever the blocks are
    REQUIRE(put(*to, data.substr(1000, 1)));
    CHECK(open_files() == before + 1);
    CHECK(s.budget.used() == 0);
    REQUIRE(put(*to, data.substr(1001)));
    CHECK(files_below(s.where.path()).empty());
    REQUIRE(prepare(*t, {{}}) == op::ok);
    REQUIRE(commit(*t) == op::ok);
    CHECK(content(*s, t->objects()[0].key) == data);
    CHECK(content(*s, t->objects()[0].key, {.first = 990, .count = 20}) == data.substr(990, 20));
    REQUIRE((*s).remove(t->objects()[0].key));
  }
}

TEST_CASE("without budget a file is on disk at once, and others are not disturbed") {
  spool s{{.budget = upstow::memory_budget{4096}}};
  upstow::budget_share elsewhere{s.budget};
  REQUIRE(elsewhere.take(3072));
  const std::size_t before = open_files();
  const std::string first = *store_one(*s, pattern(900, 1));
  CHECK(open_files() == before);
  CHECK(s.budget.used() == 4096);
  const std::string second = *store_one(*s, pattern(900, 2));
  CHECK(open_files() == before + 1);
  CHECK(content(*s, first) == pattern(900, 1));
  CHECK(content(*s, second) == pattern(900, 2));
  REQUIRE((*s).remove(first));
  CHECK(s.budget.used() == 3072);
}

TEST_CASE("a spool has limits for bytes and for files") {
  SECTION("bytes, in memory and on disk") {
    spool s{{.memory_bytes = 100, .max_bytes = 1000}};
    REQUIRE(store_one(*s, pattern(90)));
    REQUIRE(store_one(*s, pattern(900)));
    CHECK(store_one(*s, pattern(11)).error().code == errc::storage_full);
    CHECK(store_one(*s, pattern(10)));
  }
  SECTION("files") {
    spool s{{.memory_bytes = 100, .max_open_files = 2}};
    const std::string k = *store_one(*s, pattern(101));
    REQUIRE(store_one(*s, pattern(101)));
    REQUIRE(store_one(*s, pattern(100)));
    CHECK(store_one(*s, pattern(101)).error().code == errc::too_many_open);
    REQUIRE((*s).remove(k));
    CHECK(store_one(*s, pattern(101)));
  }
}

TEST_CASE("a spool needs a directory that is named and there") {
  CHECK(upstow::spooled_store::open({}).error() ==
        upstow::failure{.code = errc::storage_failed, .cause = ENOENT});
  const scratch where;
  CHECK(upstow::spooled_store::open({.directory = where.root()}).error().cause == ENOENT);
  write_file(where.path() / "file", "x");
  CHECK(upstow::spooled_store::open({.directory = where.path() / "file"}).error().cause == ENOTDIR);
}

TEST_CASE("sweep takes what a crash left of a spool and nothing else") {
  spool s{{.named_temporary_files = true}};
  const auto root = s.where.path();
  const std::string left = "upstow-spool-" + std::string(26, 'a');
  write_file(root / left, "");
  write_file(root / "upstow-spool-short", "");
  write_file(root / ("x" + left), "");
  std::filesystem::create_directory(root / ("upstow-spool-" + std::string(26, 'd')));
  CHECK((*s).sweep({.older_than = std::chrono::hours(1)}).removed == 0);
  CHECK((*s).sweep({}).removed == 1);
  auto found = files_below(root);
  std::sort(found.begin(), found.end());
  CHECK(found == std::vector<std::string>{"upstow-spool-short", "x" + left});
}

TEST_CASE("what is behind a spool hears of a request when it is whole") {
  const scratch where;
  upstow::memory_store inner;
  keyed_store next{inner};
  auto s = *upstow::spooled_store::open(next, {.directory = where.path(), .memory_bytes = 1000});
  CHECK_FALSE(next.caps().late_key);
  CHECK(s.caps().late_key);
  auto t = open(s);
  upstow::failure why;
  upstow::sink* const a =
      t->begin({.field = "f", .filename = "n", .declared_type = "t", .max_bytes = 77777}, why);
  REQUIRE(put(*a, pattern(70000)));
  upstow::sink* const b = begin(*t);
  REQUIRE(put(*b, "gone"));
  b->discard();
  REQUIRE(put(*begin(*t), "small"));
  CHECK(next.opened == 0);
  SECTION("and then all that is known of it") {
    REQUIRE(prepare(*t, {{.key = key("late/one")}, {}}) == op::ok);
    REQUIRE(next.begun.size() == 2);
    CHECK(next.begun[0].key == "late/one");
    CHECK(next.begun[0].field == "f");
    CHECK(next.begun[0].filename == "n");
    CHECK(next.begun[0].type == "t");
    CHECK(next.begun[0].max_bytes == 77777);
    CHECK(next.begun[0].expected_bytes == 70000);
    CHECK(next.begun[1].expected_bytes == 5);
    REQUIRE(commit(*t) == op::ok);
    CHECK(content(s, "late/one") == pattern(70000));
  }
  SECTION("or never") {
    t->abort();
    t.reset();
    CHECK(next.opened == 0);
    CHECK(keys(s).empty());
  }
}

TEST_CASE("handing over a large file lets others have a turn") {
  const scratch where;
  upstow::memory_store next;
  auto s = *upstow::spooled_store::open(next, {.directory = where.path()});
  const auto t = open(s);
  const std::string data = pattern(5 * upstow::MiB / 2);
  REQUIRE(put(*begin(*t), data));
  const std::vector<upstow::publish_as> as(1);
  const upstow::waker never{[](void*) noexcept { FAIL_CHECK("woken although ready"); }, nullptr};
  for (int i = 0; i < 2; ++i) {
    CHECK(t->prepare(as) == op::pending);
    CHECK_FALSE(t->on_ready(never));
  }
  REQUIRE(t->prepare(as) == op::ok);
  REQUIRE(t->prepare(as) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  CHECK(content(s, t->objects()[0].key, {}, 100000) == data);
}

TEST_CASE("a spool waits for what is behind it and holds what was not taken") {
  const scratch where;
  upstow::memory_store inner;
  slow_store next{inner, {.window = 1000, .max_take = 300}};
  auto s = *upstow::spooled_store::open(next, {.directory = where.path(), .memory_bytes = 2000});
  const std::size_t size = GENERATE(1500U, 5000U);
  auto t = open(s);
  REQUIRE(put(*begin(*t), pattern(size)));
  const std::vector<upstow::publish_as> as(1);
  CHECK(t->prepare(as) == op::pending);
  SECTION("until it goes on") {
    std::binary_semaphore woken{0};
    const upstow::waker wake{
        [](void* w) noexcept { static_cast<std::binary_semaphore*>(w)->release(); }, &woken};
    while (!t->on_ready(wake)) REQUIRE(t->prepare(as) == op::pending);  // it took a little
    next.grant(upstow::unlimited);
    woken.acquire();
    t->disarm();
    REQUIRE(prepare(*t, as) == op::ok);
    REQUIRE(commit(*t) == op::ok);
    CHECK(content(s, t->objects()[0].key) == pattern(size));
  }
  SECTION("or the request ends") {
    t.reset();
    CHECK(s.drain(long_enough));
    CHECK(next.open_transactions() == 0);
    next.grant(upstow::unlimited);
    CHECK(keys(s).empty());
  }
}

TEST_CASE("whatever fails behind a spool fails the request and leaves nothing") {
  for (const stage at : {stage::open, stage::begin, stage::write, stage::prepare, stage::commit}) {
    const scratch where;
    upstow::memory_store inner;
    slow_store next{inner,
                    {.window = 700, .fail_at = at, .fail_nth = at == stage::write ? 2U : 1U}};
    next.grant(upstow::unlimited);
    auto s = *upstow::spooled_store::open(next, {.directory = where.path()});
    const auto t = open(s);
    REQUIRE(put(*begin(*t), pattern(5000)));
    const bool prepared = prepare(*t, {{}}) == op::ok;
    CHECK(prepared == (at == stage::commit));
    if (prepared) CHECK(commit(*t) == op::error);
    CHECK(t->error().code == errc::storage_failed);
    CHECK(t->error().cause == 5);
    for (const auto& o : t->objects()) CHECK(o.state != upstow::object_state::stored);
    CHECK(nothing_in(s));
  }
}

TEST_CASE("an unknown end behind a spool is told, and resolved there") {
  const scratch where;
  upstow::memory_store inner;
  slow_store next{inner, {.commit_unknown = true, .unknown_commits = true}};
  next.grant(upstow::unlimited);
  auto s = *upstow::spooled_store::open(next, {.directory = where.path()});
  const auto t = open(s);
  REQUIRE(put(*begin(*t), "data"));
  REQUIRE(prepare(*t, {{}}) == op::ok);
  CHECK(commit(*t) == op::unknown);
  CHECK(commit(*t) == op::unknown);
  REQUIRE(t->objects().size() == 1);
  upstow::failure why;
  CHECK(s.resolve(t->objects()[0].key, why) == op::ok);
}
