// What the contract says, and what is special about rows in a database.
#include "sqlite_rig.hpp"

#include <sys/stat.h>

#include "store/contract.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::op;
using upstow::sqlite_store;

namespace {

constexpr std::size_t chunk = 256 * upstow::KiB;

}  // namespace

TEST_CASE("sqlite store keeps the contract") { store_contract<sqlite_rig>(); }

TEST_CASE("an object of any number of chunks comes back, whole and in ranges") {
  sqlite_rig rig;
  for (const std::size_t size : {chunk - 1, chunk, chunk + 1, 3 * chunk, 20 * chunk + 7}) {
    const std::string data = pattern(size);
    const std::string k = *store_one(rig.made, data);
    CHECK(rig.made.stat(k)->size == size);
    CHECK(content(rig.made, k, {}, 100000) == data);
    for (const std::size_t first : {std::size_t{0}, chunk - 2, size / 2, size - 1})
      CHECK(content(rig.made, k, {.first = first, .count = 2}, 10) == data.substr(first, 2));
  }
}

TEST_CASE("what a request wrote is not there when it goes, however much it was") {
  sqlite_rig rig;
  for (const bool prepared : {false, true}) {
    auto t = upstow_test::open(rig.made);
    REQUIRE(put(*begin(*t), pattern(40 * chunk)));
    REQUIRE(put(*begin(*t), pattern(100)));
    if (prepared) REQUIRE(prepare(*t, {{}, {}}) == op::ok);
    t.reset();
    REQUIRE(rig.made.drain(long_patience));
    CHECK(stray_rows(rig.path) == 0);
  }
  CHECK(sound(rig.path));
}

TEST_CASE("a discarded file of a stored request leaves no row") {
  sqlite_rig rig;
  const auto t = upstow_test::open(rig.made);
  upstow::sink* const gone = begin(*t);
  REQUIRE(put(*gone, pattern(10 * chunk)));
  REQUIRE(put(*begin(*t), "kept"));
  gone->discard();
  REQUIRE(prepare(*t, {{}}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  REQUIRE(rig.made.drain(long_patience));
  CHECK(stray_rows(rig.path) == 0);
  CHECK(content(rig.made, t->objects()[0].key) == "kept");
}

TEST_CASE("objects of one request appear together in a database or not at all") {
  sqlite_rig rig;
  CHECK(rig.made.caps().multi_object_atomic);
  const auto t = upstow_test::open(rig.made);
  for (const char* data : {"a", "b", "c"}) REQUIRE(put(*begin(*t), data));
  REQUIRE(prepare(*t, {{.key = key("a")}, {.key = key("b")}, {.key = key("c")}}) == op::ok);
  REQUIRE(store_one(rig.made, "taken meanwhile", {.key = key("b")}));
  CHECK(commit(*t) == op::error);
  CHECK(t->error().code == errc::key_exists);
  CHECK(keys(rig.made) == std::vector<std::string>{"b"});
  REQUIRE(rig.made.drain(long_patience));
  CHECK(stray_rows(rig.path) == 0);
}

TEST_CASE("a removed object stays for who reads it, and no longer") {
  sqlite_rig rig;
  const std::string data = pattern(5 * chunk);
  const std::string k = *store_one(rig.made, data);
  upstow::failure why;
  auto from = rig.made.read(k, {}, why);
  REQUIRE(from != nullptr);
  std::vector<std::byte> piece(data.size());
  REQUIRE(*from->read(piece) == chunk);
  REQUIRE(rig.made.remove(k));
  REQUIRE(rig.made.drain(long_patience));
  CHECK(stray_rows(rig.path) > 0);
  std::size_t got = chunk;
  while (from->remaining() > 0) got += *from->read(std::span(piece).subspan(got));
  CHECK(upstow::as_text(piece) == data);
  from.reset();
  REQUIRE(rig.made.drain(long_patience));
  CHECK(stray_rows(rig.path) == 0);
}

TEST_CASE("a reader of another process is told that its object is gone") {
  sqlite_rig rig;
  auto other = *sqlite_store::open({.path = rig.path});
  const std::string k = *store_one(rig.made, pattern(3 * chunk));
  upstow::failure why;
  auto from = other.read(k, {}, why);
  REQUIRE(from != nullptr);
  std::vector<std::byte> piece(chunk);
  REQUIRE(from->read(piece));
  REQUIRE(rig.made.remove(k));
  REQUIRE(rig.made.drain(long_patience));
  REQUIRE(store_one(rig.made, pattern(3 * chunk, 7)));  // must not be taken for it
  CHECK(from->read(piece).error().code == errc::object_not_found);
}

TEST_CASE("the cap on open files holds, and what ends makes room") {
  sqlite_rig rig({.max_open_files = 2});
  const auto a = upstow_test::open(rig.made);
  auto b = upstow_test::open(rig.made);
  REQUIRE(begin(*a) != nullptr);
  REQUIRE(begin(*b) != nullptr);
  upstow::failure why;
  CHECK(a->begin({}, why) == nullptr);
  CHECK(why.code == errc::too_many_open);
  b.reset();
  CHECK(begin(*a) != nullptr);
}

TEST_CASE("the database and what lies beside it are nobody else's") {
  sqlite_rig rig;
  REQUIRE(store_one(rig.made, "x"));
  for (const char* suffix : {"", "-wal", "-shm", "-upstow"}) {
    struct stat facts{};
    REQUIRE(::stat((rig.path + suffix).c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777U) == 0600U);
  }
}

TEST_CASE("tables are made on request only") {
  const scratch where;
  const std::string path = where.root();
  SECTION("no database") {
    const auto missing = sqlite_store::open({.path = path});
    CHECK(missing.error().code == errc::storage_failed);
    CHECK((missing.error().cause & 255) == SQLITE_CANTOPEN);
    CHECK(files_below(where.path()).empty());
  }
  SECTION("no tables") {
    other_connection(path).run("CREATE TABLE mine(x)");
    CHECK(sqlite_store::open({.path = path}).error().code == errc::schema_missing);
    CHECK(other_connection(path).ask("SELECT count(*) FROM sqlite_schema") == 1);
    CHECK(other_connection(path).text("PRAGMA journal_mode") == "delete");
    REQUIRE(sqlite_store::create_schema(path));
    CHECK(sqlite_store::open({.path = path}));
  }
  SECTION("made twice") {
    with_schema(path);
    auto s = *sqlite_store::open({.path = path});
    REQUIRE(store_one(s, "x", {.key = key("k")}));
    REQUIRE(sqlite_store::create_schema(path));
    CHECK(content(s, "k") == "x");
  }
  SECTION("tables of another version, older or newer") {
    with_schema(path);
    for (const int version : {0, 2}) {
      const std::string sql = "UPDATE upstow_schema SET version = " + std::to_string(version);
      other_connection(path).run(sql.c_str());
      for (const auto why : {sqlite_store::open({.path = path}).error(),
                             sqlite_store::create_schema(path).error()}) {
        CHECK(why.code == errc::schema_mismatch);
        CHECK(why.cause == version);
      }
    }
  }
  SECTION("what is no database") {
    write_file(path, "This is a text file, and longer than the header of a database would be.");
    CHECK(sqlite_store::open({.path = path}).error().code == errc::storage_failed);
    CHECK(sqlite_store::create_schema(path).error().code == errc::storage_failed);
  }
  SECTION("what is no file") {
    CHECK(sqlite_store::open({}).error().code == errc::misuse);
    CHECK(sqlite_store::open({.path = ":memory:"}).error().code == errc::misuse);
    CHECK(sqlite_store::create_schema(":memory:").error().code == errc::misuse);
  }
}

TEST_CASE("sweep removes what dead stores left and nothing of those that live") {
  sqlite_rig rig;
  const auto mine = upstow_test::open(rig.made);
  REQUIRE(put(*begin(*mine), pattern(5 * chunk)));
  {
    auto other = *sqlite_store::open({.path = rig.path});
    const auto theirs = upstow_test::open(other);
    REQUIRE(put(*begin(*theirs), pattern(9 * chunk)));
    REQUIRE(prepare(*theirs, {{}}) == op::ok);
    const auto report = rig.made.sweep({});
    CHECK(report.removed == 0);
    CHECK_FALSE(report.error);
    CHECK(commit(*theirs) == op::ok);
  }
  CHECK(keys(rig.made).size() == 1);
  // As a crash leaves it: rows of an owner that holds no lock.
  other_connection db(rig.path);
  REQUIRE(db.run("INSERT INTO upstow_object(owner, begun_at, size, chunk_bytes, stored_at, key)"
                 " VALUES(77, unixepoch() - 100, 1, 262144, 0, 'k')") == SQLITE_OK);
  REQUIRE(db.run("INSERT INTO upstow_chunk SELECT (id << 24) + 5, 'x' FROM upstow_object"
                 " WHERE owner = 77") == SQLITE_OK);
  CHECK(rig.made.sweep({.older_than = std::chrono::seconds(1000)}).removed == 0);
  CHECK(rig.made.sweep({.older_than = std::chrono::seconds(50)}).removed == 1);
  REQUIRE(prepare(*mine, {{}}) == op::ok);
  REQUIRE(commit(*mine) == op::ok);
  CHECK(stray_rows(rig.path) == 0);
  CHECK(keys(rig.made).size() == 2);
}
