// filesystem_store: the quota, what stays free, blocks gotten beforehand, memory.
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include <cerrno>
#include <filesystem>

#include "support/catch.hpp"
#include "support/failing_call.hpp"
#include "support/scratch.hpp"
#include "support/small_disk.hpp"
#include "support/storing.hpp"
#include "upstow/store/filesystem_store.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::filesystem_options;
using upstow::filesystem_store;
using upstow::KiB;
using upstow::MiB;
using upstow::op;

namespace {

constexpr auto no_sync = upstow::fsync_policy::none;

filesystem_store with_quota(const scratch& where, std::uint64_t quota) {
  return *filesystem_store::open({.root = where.root(), .fsync = no_sync, .quota_bytes = quota});
}

/// A sink for a file of which `expected` bytes were announced.
upstow::sink* announced(upstow::transaction& t, std::uint64_t expected, upstow::failure& why,
                        std::uint64_t most = upstow::unlimited) {
  return t.begin({.max_bytes = most, .expected_bytes = expected}, why);
}

/// Bytes that `where` has on disk, whatever the sizes of its files.
std::uint64_t on_disk(const std::string& where) {
  std::uint64_t bytes = 0;
  for (const auto& f : files_below(where)) {
    struct stat facts{};
    REQUIRE(::lstat((where + '/' + f).c_str(), &facts) == 0);
    bytes += static_cast<std::uint64_t>(facts.st_blocks) * 512;
  }
  return bytes;
}

}  // namespace

TEST_CASE("over its quota a store is full, to the byte") {
  const scratch where;
  auto s = with_quota(where, 100 * KiB);
  const auto t = upstow_test::open(s);
  upstow::sink* const to = begin(*t);
  REQUIRE(put(*to, pattern(100 * KiB)));
  CHECK(to->write({}).error.code == errc::ok);
  const auto over = to->write(upstow::as_bytes("x"));
  CHECK(over.n == 0);
  CHECK(over.error.code == errc::storage_full);
  CHECK(over.error.cause == EDQUOT);
  t->abort();
  // Its metadata counts, too.
  CHECK(store_one(s, pattern(100 * KiB)).error().cause == EDQUOT);
  CHECK(store_one(s, pattern(99 * KiB)));
}

TEST_CASE("a quota is given back by whatever ends an upload") {
  const scratch where;
  auto s = with_quota(where, 3 * MiB);
  const std::string data = pattern(2 * MiB);
  for (int i = 0; i < 3; ++i) {
    const auto t = upstow_test::open(s);
    REQUIRE(put(*begin(*t), data));
    switch (i) {
      case 0: t->abort(); break;
      case 1: REQUIRE(prepare(*t, {{}}) == op::ok); break;  // destroyed unpublished
      default: REQUIRE((prepare(*t, {{}}) == op::ok && commit(*t) == op::ok)); break;
    }
  }
  CHECK(store_one(s, data).error().cause == EDQUOT);
  REQUIRE(s.remove(keys(s)[0]));
  const std::string k = *store_one(s, data);
  // A request that is undone after it was published.
  REQUIRE(s.remove(k));
  REQUIRE(store_one(s, "x", {.key = key("k")}));
  const auto t = upstow_test::open(s);
  REQUIRE(put(*begin(*t), data));
  REQUIRE(put(*begin(*t), "y"));
  REQUIRE(prepare(*t, {{}, {.key = key("l")}}) == op::ok);
  std::filesystem::create_directory(*s.path_of("l"));
  REQUIRE(commit(*t) == op::error);
  CHECK(store_one(s, data));
}

TEST_CASE("uploads reserve in steps, and no more than they need where it is scarce") {
  const scratch where;
  auto s = with_quota(where, MiB + 3000);
  const auto t = upstow_test::open(s);
  const auto u = upstow_test::open(s);
  upstow::sink* const first = begin(*t);
  upstow::sink* const second = begin(*u);
  REQUIRE(put(*first, "a"));  // holds a whole step
  REQUIRE(put(*second, pattern(3000)));
  CHECK(second->write(upstow::as_bytes("x")).error.cause == EDQUOT);
  REQUIRE(prepare(*t, {{}}) == op::ok);  // settles on what it is
  CHECK(store_one(s, pattern(MiB / 2)));
}

TEST_CASE("a quota counts what is there when the store opens") {
  const scratch where;
  {
    auto s = *filesystem_store::open({.root = where.root(), .fsync = no_sync});
    REQUIRE(store_one(s, pattern(50 * KiB)));
    REQUIRE(store_one(s, pattern(50 * KiB), {.key = key("a/b")}));
  }
  auto s = with_quota(where, 150 * KiB);
  CHECK(store_one(s, pattern(50 * KiB)).error().cause == EDQUOT);
  CHECK(store_one(s, pattern(49 * KiB)));
  REQUIRE(s.remove("a/b"));
  CHECK(store_one(s, pattern(49 * KiB)));
}

TEST_CASE("overwriting counts both until the old one goes") {
  const scratch where;
  auto s = *filesystem_store::open({.root = where.root(),
                                    .fsync = no_sync,
                                    .collision = upstow::on_collision::overwrite,
                                    .quota_bytes = 100 * KiB});
  for (int i = 0; i < 5; ++i) REQUIRE(store_one(s, pattern(45 * KiB), {.key = key("k")}));
  CHECK(store_one(s, pattern(60 * KiB), {.key = key("k")}).error().cause == EDQUOT);
  CHECK(content(s, "k") == pattern(45 * KiB));
}

TEST_CASE("a part of the disk stays free") {
  const small_disk disk("size=4m");
  if (!disk) return say_no_disk();
  struct statvfs before{};
  REQUIRE(::statvfs(disk.path().c_str(), &before) == 0);
  auto s =
      *filesystem_store::open({.root = disk.root(), .fsync = no_sync, .keep_free_percent = 50});
  const auto t = upstow_test::open(s);
  upstow::sink* const to = begin(*t);
  std::uint64_t stored = 0;
  const std::string piece = pattern(64 * KiB);
  upstow::taken took;
  do {
    took = to->write(upstow::as_bytes(piece));
    stored += took.n;
  } while (!took.error);
  CHECK(took.error.code == errc::storage_full);
  CHECK(took.error.cause == ENOSPC);
  CHECK(stored <= 2 * MiB);
  CHECK(stored >= MiB + MiB / 2);
  t->abort();
  CHECK(filesystem_store::open({.root = disk.root(), .keep_free_percent = 100}).error().code ==
        errc::misuse);
}

TEST_CASE("by default a twentieth stays free") {
  const small_disk disk("size=4m");
  if (!disk) return say_no_disk();
  auto s = *filesystem_store::open({.root = disk.root(), .fsync = no_sync});
  CHECK(store_one(s, pattern(4 * MiB - 150 * KiB)).error().cause == ENOSPC);
  CHECK(store_one(s, pattern(4 * MiB - 300 * KiB)));
}

TEST_CASE("blocks for an announced size are there before its bytes") {
  for (const bool named : {false, true}) {
    const small_disk disk("size=16m");
    if (!disk) return say_no_disk();
    auto s = *filesystem_store::open({.root = disk.root(),
                                      .fsync = no_sync,
                                      .keep_free_percent = 0,
                                      .named_temporary_files = named});
    const auto t = upstow_test::open(s);
    upstow::failure why;
    upstow::sink* const to = announced(*t, 12 * MiB, why);
    REQUIRE(to != nullptr);
    // So another one is told at once that there is no room, and nothing is taken from it.
    const auto u = upstow_test::open(s);
    CHECK(announced(*u, 12 * MiB, why) == nullptr);
    CHECK(why.code == errc::storage_full);
    CHECK(why.cause == ENOSPC);
    // The client sent less: what it did not need goes back.
    REQUIRE(put(*to, pattern(2 * MiB)));
    REQUIRE(prepare(*t, {{}}) == op::ok);
    REQUIRE(commit(*t) == op::ok);
    CHECK(s.stat(t->objects()[0].key)->size == 2 * MiB);
    CHECK(on_disk(disk.root()) <= 2 * MiB + 64 * KiB);
    CHECK(announced(*u, 12 * MiB, why) != nullptr);
  }
}

TEST_CASE("an announced size is never more than the policy allows, and may be a lie") {
  const small_disk disk("size=16m");
  if (!disk) return say_no_disk();
  auto s = *filesystem_store::open({.root = disk.root(), .fsync = no_sync, .keep_free_percent = 0});
  upstow::failure why;
  const auto t = upstow_test::open(s);
  upstow::sink* const to = announced(*t, upstow::unlimited, why, 2 * MiB);
  REQUIRE(to != nullptr);
  REQUIRE(put(*to, pattern(3 * MiB)));  // more than announced: the caller's to judge
  REQUIRE(prepare(*t, {{}}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  CHECK(content(s, t->objects()[0].key, {}, MiB) == pattern(3 * MiB));
}

TEST_CASE("an announced size is held against the quota, and small ones cost nothing") {
  const scratch where;
  auto s = with_quota(where, 4 * MiB);
  upstow::failure why;
  const auto t = upstow_test::open(s);
  CHECK(announced(*t, 5 * MiB, why) == nullptr);
  CHECK(why.cause == EDQUOT);
  CHECK(announced(*t, 3 * MiB, why) != nullptr);
  CHECK(announced(*t, 2 * MiB, why) == nullptr);
  CHECK(announced(*t, MiB, why) != nullptr);
}

TEST_CASE("a file system that cannot get blocks beforehand does without") {
  const scratch where;
  auto s = *filesystem_store::open({.root = where.root(), .fsync = no_sync});
  for (const int error : {EOPNOTSUPP, ENOSYS})
    CHECK(in_child([&] {
            UPSTOW_CHILD_CHECK(make_fail(SYS_fallocate, error));
            const auto t = upstow_test::open(s);
            upstow::failure why;
            upstow::sink* const to = announced(*t, 8 * MiB, why);
            UPSTOW_CHILD_CHECK(to != nullptr);
            UPSTOW_CHILD_CHECK(put(*to, "data"));
            UPSTOW_CHILD_CHECK(prepare(*t, {{}}) == op::ok && commit(*t) == op::ok);
            return 0;
          }) == 0);
  auto without =
      *filesystem_store::open({.root = where.root(), .fsync = no_sync, .preallocate = false});
  CHECK(in_child([&] {
          UPSTOW_CHILD_CHECK(make_fail(SYS_fallocate, ENOSPC));
          const auto t = upstow_test::open(without);
          upstow::failure why;
          UPSTOW_CHILD_CHECK(announced(*t, 8 * MiB, why) != nullptr);
          return 0;
        }) == 0);
}
