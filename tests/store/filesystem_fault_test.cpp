// filesystem_store where the system says no: full disks, failing syncs, missing features.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

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
using upstow::filesystem_store;
using upstow::fsync_policy;
using upstow::op;

namespace {

filesystem_store make(const std::string& root, bool named, fsync_policy fsync) {
  // The last byte of a disk is wanted here.
  return *filesystem_store::open(
      {.root = root, .fsync = fsync, .keep_free_percent = 0, .named_temporary_files = named});
}

/// Two objects, one with a key of the host.
upstow::failure store_two(upstow::store& s, std::vector<upstow::object_info>* left = nullptr) {
  const auto t = upstow_test::open(s);
  upstow::failure why;
  for (int i = 0; i < 2; ++i) {
    upstow::sink* const to = t->begin({}, why);
    if (to == nullptr) return why;
    if (!put(*to, "data")) return to->error();
  }
  const bool ok = prepare(*t, {{}, {.key = key("a/b")}}) == op::ok && commit(*t) == op::ok;
  if (left != nullptr) left->assign(t->objects().begin(), t->objects().end());
  return ok ? upstow::failure{} : t->error();
}

/// In a child where `call` fails with `error`: the request fails so, and leaves nothing.
int fails_clean(long call, int error, errc code, bool named, fsync_policy fsync) {
  const scratch where;
  auto s = make(where.root(), named, fsync);
  const int line = in_child([&] {
    UPSTOW_CHILD_CHECK(make_fail(call, error));
    std::vector<upstow::object_info> left;
    const upstow::failure why = store_two(s, &left);
    UPSTOW_CHILD_CHECK(why.code == code);
    UPSTOW_CHILD_CHECK(why.cause == error);
    for (const auto& o : left) UPSTOW_CHILD_CHECK(o.state == upstow::object_state::absent);
    return 0;
  });
  if (line != 0) return line;
  return files_below(where.root()).empty() ? 0 : __LINE__;
}

}  // namespace

TEST_CASE("a failed sync of the data discards it") {
  for (const bool named : {false, true})
    for (const auto fsync : {fsync_policy::file, fsync_policy::full})
      CHECK(fails_clean(SYS_fdatasync, EIO, errc::storage_failed, named, fsync) == 0);
}

TEST_CASE("a failed sync of a directory undoes the request") {
  for (const bool named : {false, true})
    CHECK(fails_clean(SYS_fsync, EIO, errc::storage_failed, named, fsync_policy::full) == 0);
}

TEST_CASE("a weaker policy does not sync what it does not promise") {
  const scratch where;
  auto file = make(where.root(), false, fsync_policy::file);
  auto none = make(where.root(), false, fsync_policy::none);
  CHECK(in_child([&] {
          UPSTOW_CHILD_CHECK(make_fail(SYS_fsync, EIO));
          UPSTOW_CHILD_CHECK(store_one(file, "x"));
          UPSTOW_CHILD_CHECK(make_fail(SYS_fdatasync, EIO));
          UPSTOW_CHILD_CHECK(store_one(none, "x"));
          return 0;
        }) == 0);
}

TEST_CASE("a full disk is 507 at every system call of a request") {
  for (const int error : {ENOSPC, EDQUOT}) {
    for (const bool named : {false, true}) {
      const auto full = [&](long call) {
        return fails_clean(call, error, errc::storage_full, named, fsync_policy::none);
      };
      CHECK(full(SYS_write) == 0);
      CHECK(full(SYS_mkdirat) == 0);
      CHECK(full(named ? SYS_renameat2 : SYS_linkat) == 0);
      CHECK(full(SYS_openat) == 0);
    }
  }
  CHECK(describe(errc::storage_full).status == 507);
}

TEST_CASE("other errors keep their cause") {
  for (const int error : {EACCES, EROFS, EIO, EPERM}) {
    CHECK(fails_clean(SYS_linkat, error, errc::storage_failed, false, fsync_policy::none) == 0);
    CHECK(fails_clean(SYS_mkdirat, error, errc::storage_failed, true, fsync_policy::none) == 0);
  }
}

TEST_CASE("a directory that takes no names is found out at once") {
  const scratch where;
  std::filesystem::create_directory(where.root());
  CHECK(in_child([&] {
          UPSTOW_CHILD_CHECK(make_fail(SYS_linkat, EROFS));
          UPSTOW_CHILD_CHECK(make_fail(SYS_renameat2, EROFS));
          const auto s = filesystem_store::open({.root = where.root()});
          UPSTOW_CHILD_CHECK(s.error().code == errc::storage_failed);
          UPSTOW_CHILD_CHECK(s.error().cause == EROFS);
          return 0;
        }) == 0);
}

TEST_CASE("a file system without unnamed files works by itself") {
  const scratch where;
  constexpr std::uint32_t tmpfile_bit = O_TMPFILE & ~O_DIRECTORY;
  CHECK(in_child([&] {
          UPSTOW_CHILD_CHECK(make_fail(SYS_openat, EOPNOTSUPP, 2, tmpfile_bit));
          auto s = make(where.root(), false, fsync_policy::full);
          UPSTOW_CHILD_CHECK(!store_two(s));
          UPSTOW_CHILD_CHECK(content(s, "a/b") == "data");
          return 0;
        }) == 0);
  CHECK(files_below(where.root()).size() == 4);
}

TEST_CASE("a system without /proc works by itself") {
  const scratch where;
  CHECK(in_child([&] {
          UPSTOW_CHILD_CHECK(make_fail(SYS_linkat, ENOENT));
          auto s = make(where.root(), false, fsync_policy::none);
          UPSTOW_CHILD_CHECK(!store_two(s));
          return 0;
        }) == 0);
  CHECK(files_below(where.root()).size() == 4);
}

TEST_CASE("a system without openat2 follows no link either") {
  const scratch where;
  for (const int error : {ENOSYS, EPERM, EAGAIN})
    CHECK(in_child([&] {
            UPSTOW_CHILD_CHECK(make_fail(SYS_openat2, error));
            auto s = make(where.root(), false, fsync_policy::full);
            UPSTOW_CHILD_CHECK(store_one(s, "data", {.key = key("a/b/" + std::to_string(error))}));
            UPSTOW_CHILD_CHECK(store_one(s, "data"));
            std::filesystem::create_directory_symlink("..", where.root() + "/named/link+");
            UPSTOW_CHILD_CHECK(store_one(s, "x", {.key = key("link/x")}).error().code ==
                               errc::storage_failed);
            UPSTOW_CHILD_CHECK(std::filesystem::remove(where.root() + "/named/link+"));
            return 0;
          }) == 0);
  CHECK(files_below(where.root()).size() == 12);
}

TEST_CASE("an object that cannot be replaced stays") {
  for (const bool named : {false, true})
    for (const long call : {SYS_renameat, SYS_linkat}) {
      const scratch where;
      auto s = *filesystem_store::open({.root = where.root(),
                                        .fsync = fsync_policy::none,
                                        .collision = upstow::on_collision::overwrite,
                                        .named_temporary_files = named});
      const auto stored = [&](std::string_view data) {
        return store_one(s, data, {.key = key("k"), .metadata = {.filename = std::string(data)}});
      };
      REQUIRE(stored("old"));
      CHECK(in_child([&] {
              UPSTOW_CHILD_CHECK(make_fail(call, EIO));
              UPSTOW_CHILD_CHECK(stored("new").error().cause == EIO);
              return 0;
            }) == 0);
      CHECK(content(s, "k") == "old");
      CHECK(s.stat("k")->metadata.filename == "old");
      CHECK(files_below(where.root()).size() == 2);
    }
}

TEST_CASE("a system without an exclusive rename works by itself") {
  const scratch where;
  CHECK(in_child([&] {
          UPSTOW_CHILD_CHECK(make_fail(SYS_renameat2, ENOSYS));
          auto s = make(where.root(), true, fsync_policy::none);
          UPSTOW_CHILD_CHECK(!store_two(s));
          UPSTOW_CHILD_CHECK(store_two(s).code == errc::key_exists);
          return 0;
        }) == 0);
  CHECK(files_below(where.root()).size() == 4);
}

TEST_CASE("a file system without locks is refused") {
  const scratch where;
  CHECK(in_child([&] {
          UPSTOW_CHILD_CHECK(make_fail(SYS_flock, ENOLCK));
          UPSTOW_CHILD_CHECK(filesystem_store::open({.root = where.root()}).error().cause ==
                             ENOLCK);
          return 0;
        }) == 0);
}

TEST_CASE("a process without descriptors is told to try later") {
  const scratch where;
  auto s = make(where.root(), false, fsync_policy::none);
  CHECK(in_child([&] {
          const rlimit none{3, 3};
          UPSTOW_CHILD_CHECK(::setrlimit(RLIMIT_NOFILE, &none) == 0);
          const upstow::failure why = store_two(s);
          UPSTOW_CHILD_CHECK(why.code == errc::too_many_open);
          UPSTOW_CHILD_CHECK(why.cause == EMFILE);
          return 0;
        }) == 0);
}

TEST_CASE("a system without randomness makes no keys") {
  CHECK(in_child([] {
          UPSTOW_CHILD_CHECK(make_fail(SYS_getrandom, EIO));
          UPSTOW_CHILD_CHECK(upstow::random_key().error().code == errc::internal);
          return 0;
        }) == 0);
}

TEST_CASE("a disk that fills up while data is written") {
  for (const bool named : {false, true}) {
    const small_disk disk("size=64k");
    if (!disk) return say_no_disk();
    auto s = make(disk.root(), named, fsync_policy::full);
    const auto made = store_one(s, pattern(100000));
    CHECK(made.error().code == errc::storage_full);
    CHECK(made.error().cause == ENOSPC);
    CHECK(files_below(disk.root()).empty());
    CHECK(store_one(s, pattern(30000)));
  }
}

TEST_CASE("a disk with room for the data but not for its metadata") {
  for (const bool named : {false, true}) {
    const small_disk disk("size=64k");
    if (!disk) return say_no_disk();
    auto s = make(disk.root(), named, fsync_policy::full);
    const auto t = upstow_test::open(s);
    REQUIRE(put(*begin(*t), pattern(65536)));
    CHECK(prepare(*t, {{}}) == op::error);
    CHECK(t->error().code == errc::storage_full);
    CHECK(t->error().cause == ENOSPC);
    CHECK(files_below(disk.root()).empty());
  }
}

// Each number runs out at another step: root, temporary, data, directories, metadata, names.
TEST_CASE("a disk that runs out of inodes at any step") {
  for (const bool named : {false, true}) {
    bool worked = false;
    for (int inodes = 2; inodes < 14; ++inodes) {
      const small_disk disk("size=1m,nr_inodes=" + std::to_string(inodes));
      if (!disk) return say_no_disk();
      auto s = filesystem_store::open({.root = disk.root(), .named_temporary_files = named});
      if (!s) {
        CHECK(s.error().code == errc::storage_full);
        continue;
      }
      const upstow::failure why = store_two(*s);
      CHECK((!why || why.code == errc::storage_full));
      CHECK(files_below(disk.root()).size() == (why ? 0 : 4));
      worked = worked || !why;
    }
    CHECK(worked);
  }
}
