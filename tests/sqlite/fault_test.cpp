// A database that is full, a disk that fails, and commits that nobody answered.
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include "faulty_disk.hpp"
#include "sqlite_rig.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::object_state;
using upstow::op;
using upstow::sqlite_store;

namespace {

/// As a crash of the machine leaves it: the files, and no memory of what was in them.
std::string crashed_copy(const std::string& path, const scratch& into) {
  const std::string copy = (into.path() / "copy").string();
  for (const char* suffix : {"", "-wal"})
    std::filesystem::copy_file(path + suffix, copy + suffix,
                               std::filesystem::copy_options::overwrite_existing);
  return copy;
}

/// A request of two files, one of several chunks, that goes as far as it can.
op store_two(upstow::store& s, std::size_t first_size, upstow::failure& why,
             std::span<const upstow::object_info>& made, std::unique_ptr<upstow::transaction>& t) {
  t = upstow_test::open(s);
  upstow::failure begun;
  for (const std::size_t size : {first_size, std::size_t{100}}) {
    upstow::sink* const to = t->begin({}, begun);
    if (to == nullptr) return why = begun, op::error;
    if (!put(*to, pattern(size))) return why = to->error(), op::error;
  }
  op got = prepare(*t, {{.key = key("a/1")}, {.key = key("a/2")}});
  if (got == op::ok) got = commit(*t);
  why = t->error();
  made = t->objects();
  return got;
}

/// What must hold if all writes from the n-th on fail. False if none did.
bool holds_after(faulty_disk& disk, std::size_t size, long n, int code) {
  INFO("code " << code << ", after " << n << " writes");
  sqlite_rig rig({.synchronous = upstow::sqlite_synchronous::full});
  REQUIRE(store_one(rig.made, "x", {.key = key("there")}));
  disk.heal();
  disk.fail_writes_after(n, code);
  upstow::failure why;
  std::span<const upstow::object_info> made;
  std::unique_ptr<upstow::transaction> t;
  const op got = store_two(rig.made, size, why, made, t);
  const bool failed = disk.failed() > 0;
  disk.heal();
  REQUIRE((got == op::ok) == !failed);
  // Where nothing can be written any more, nothing can be found out for good; a full disk tells.
  if (got == op::unknown) REQUIRE(code == SQLITE_IOERR_WRITE);
  if (got == op::error)
    CHECK(why.code == (code == SQLITE_FULL ? errc::storage_full : errc::storage_failed));
  for (const auto& o : made)
    CHECK(o.state == (got == op::ok      ? object_state::stored
                      : got == op::error ? object_state::absent
                                         : object_state::unknown));
  t.reset();
  REQUIRE(rig.made.drain(long_patience));
  const std::size_t expected = failed ? 1 : 3;
  CHECK(keys(rig.made).size() == expected);
  CHECK(rig.made.resolve("a/1", why) == (failed ? op::error : op::ok));
  CHECK(stray_rows(rig.path) == 0);
  const scratch aside;
  const std::string copy = crashed_copy(rig.path, aside);
  auto after = *sqlite_store::open({.path = copy});
  CHECK(keys(after).size() == expected);
  CHECK(store_one(rig.made, "works again"));
  return failed;
}

void fail_every(std::size_t size, long step) {
  faulty_disk disk;
  const int code = GENERATE(SQLITE_FULL, SQLITE_IOERR_WRITE);
  long n = 0;
  while (holds_after(disk, size, n, code)) n += step;
  CHECK(n > 4 * step);
}

}  // namespace

TEST_CASE("a full database is said by whom it meets, and what goes makes room") {
  sqlite_rig rig(
      {.synchronous = upstow::sqlite_synchronous::normal, .max_database_bytes = 2 * upstow::MiB});
  REQUIRE(store_one(rig.made, "small", {.key = key("there")}));
  const auto early = upstow_test::open(rig.made);
  REQUIRE(put(*begin(*early), "early"));
  REQUIRE(prepare(*early, {{.key = key("early")}}) == op::ok);
  SECTION("while bytes come") {
    const auto t = upstow_test::open(rig.made);
    upstow::sink* const to = begin(*t);
    bool going_on = true;
    for (int i = 0; going_on && i < 100; ++i) going_on = put(*to, pattern(300000));
    REQUIRE_FALSE(going_on);
    CHECK(to->error().code == errc::storage_full);
    CHECK(to->write(upstow::as_bytes("x")).error.code == errc::storage_full);
    CHECK(prepare(*t, {{}}) == op::error);
    CHECK(t->error().code == errc::storage_full);
  }
  SECTION("at prepare") {
    const auto t = upstow_test::open(rig.made);
    REQUIRE(put(*begin(*t), "x"));
    const upstow::publish_as large{.key = {}, .metadata = {.filename = pattern(3000000)}};
    CHECK(prepare(*t, {large}) == op::error);
    CHECK(t->error().code == errc::storage_full);
  }
  // A commit needs no page, however full it is.
  CHECK(commit(*early) == op::ok);
  REQUIRE(rig.made.drain(long_patience));
  CHECK(stray_rows(rig.path) == 0);
  CHECK(store_one(rig.made, pattern(1000000)));
  CHECK(content(rig.made, "there") == "small");
  CHECK(content(rig.made, "early") == "early");
}

TEST_CASE("a small file system that fills up is a full store, and no more") {
  const scratch where;
  if (::mount("tmpfs", where.path().c_str(), "tmpfs", 0, "size=6m") != 0) {
    WARN("skipped: no right to mount a small file system");
    return;
  }
  {
    const std::string path = with_schema(where.root());
    auto s = *sqlite_store::open({.path = path});
    REQUIRE(store_one(s, pattern(100000), {.key = key("there")}));
    int stored = 0;
    upstow::failure why;
    for (; stored < 100; ++stored) {
      const auto made = store_one(s, pattern(500000));
      why = made.error();
      if (!made) break;
    }
    CHECK(stored > 0);
    CHECK(why.code == errc::storage_full);
    CHECK(content(s, "there") == pattern(100000));
    for (const std::string& k : keys(s)) CHECK(s.stat(k)->state == object_state::stored);
    CHECK(sound(path));
  }
  ::umount2(where.path().c_str(), MNT_DETACH);
}

// A small request has few writes, and most kinds of them; a large one has many of one kind.
TEST_CASE("whichever write fails first, what was acknowledged is there and nothing else") {
  fail_every(100, 3);
}

TEST_CASE("whichever write of a large file fails first") { fail_every(700000, 67); }

TEST_CASE("every write fails once", "[.long]") { fail_every(700000, 1); }

TEST_CASE("a commit whose answer was an error of the disk is looked up, and stays what was said") {
  faulty_disk disk;
  sqlite_rig rig({.synchronous = upstow::sqlite_synchronous::full});
  const auto t = upstow_test::open(rig.made);
  REQUIRE(put(*begin(*t), "x"));
  REQUIRE(prepare(*t, {{.key = key("k")}}) == op::ok);
  // Somebody else has the log open, so that it is not made anew.
  other_connection reader(rig.path);
  REQUIRE(reader.ask("SELECT count(*) FROM upstow_object") == 1);
  disk.lie_at_next_sync();
  REQUIRE(t->commit() == op::pending);
  wait_for(*t);
  REQUIRE(disk.failed() == 1);
  // The log holds the commit, and the machine stops before anybody does anything else.
  const scratch aside;
  {
    auto after = *sqlite_store::open({.path = crashed_copy(rig.path, aside)});
    CHECK(keys(after).empty());
  }
  CHECK(commit(*t) == op::error);
  CHECK(t->error().code == errc::storage_failed);
  CHECK(t->error().cause == SQLITE_IOERR_FSYNC);
  CHECK(t->objects()[0].state == object_state::absent);
  CHECK(keys(rig.made).empty());
  REQUIRE(rig.made.drain(long_patience));
  CHECK(stray_rows(rig.path) == 0);
  CHECK(store_one(rig.made, "y", {.key = key("k")}));
}

TEST_CASE("a commit that cannot be looked up is unknown, and resolved later") {
  faulty_disk disk;
  sqlite_rig rig({.synchronous = upstow::sqlite_synchronous::full});
  auto t = upstow_test::open(rig.made);
  REQUIRE(put(*begin(*t), "x"));
  REQUIRE(prepare(*t, {{.key = key("k")}}) == op::ok);
  disk.lie_at_next_sync();
  disk.fail_opens();
  CHECK(commit(*t) == op::unknown);
  CHECK(commit(*t) == op::unknown);
  CHECK(t->error().code == errc::commit_unknown);
  CHECK(t->objects()[0].state == object_state::unknown);
  upstow::failure why;
  CHECK(rig.made.resolve("k", why) == op::unknown);
  t.reset();
  disk.heal();
  REQUIRE(rig.made.drain(long_patience));
  const op known = rig.made.resolve("k", why);
  CHECK(known == (keys(rig.made).empty() ? op::error : op::ok));
  CHECK(stray_rows(rig.path) == 0);
  CHECK(store_one(rig.made, "works again"));
}
