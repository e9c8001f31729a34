// What filesystem_store promises beyond the contract: names, modes, links, limits, sweep.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "support/catch.hpp"
#include "support/scratch.hpp"
#include "support/storing.hpp"
#include "upstow/store/filesystem_store.hpp"

namespace fs = std::filesystem;
using namespace upstow_test;
using upstow::errc;
using upstow::filesystem_options;
using upstow::filesystem_store;
using upstow::op;

namespace {

constexpr auto no_sync = upstow::fsync_policy::none;

filesystem_store make(const scratch& where, bool named = false) {
  return *filesystem_store::open(
      {.root = where.root(), .fsync = no_sync, .named_temporary_files = named});
}

mode_t mode_of(const fs::path& path) {
  struct stat facts{};
  REQUIRE(::lstat(path.c_str(), &facts) == 0);
  return facts.st_mode & 07777U;
}

}  // namespace

TEST_CASE("a random key is the path of its file without an extension") {
  const scratch where;
  auto s = make(where);
  const std::string k = *store_one(s, "data");
  const fs::path path = *s.path_of(k);
  CHECK(path == fs::path(where.root()) / k.substr(0, 2) / k.substr(2, 2) / k);
  CHECK_FALSE(path.has_extension());
  CHECK(fs::file_size(path) == 4);
  auto files = files_below(where.root());
  std::sort(files.begin(), files.end());
  const std::string below = path.lexically_relative(where.root());
  CHECK(files == std::vector{below, below + ".meta"});
  CHECK(s.path_of("../x").error().code == errc::key_invalid);
}

TEST_CASE("a given key is a path that nothing executes") {
  const scratch where;
  auto s = make(where);
  REQUIRE(store_one(s, "data", {.key = key("site/index.php")}));
  CHECK(*s.path_of("site/index.php") == where.root() + "/named/site+/index.php=");
  CHECK(fs::exists(*s.path_of("site/index.php")));
}

TEST_CASE("modes do not depend on the umask") {
  for (const mode_t mask : {mode_t{0}, mode_t{0777}, mode_t{0277}}) {
    for (const bool named : {false, true}) {
      const scratch where;
      const mode_t before = ::umask(mask);
      auto s = make(where, named);
      const auto random = store_one(s, "x");
      const auto given = store_one(s, "x", {.key = key("a/b")});
      ::umask(before);
      REQUIRE(random);
      REQUIRE(given);
      CHECK(mode_of(where.root()) == 0700);
      for (const auto& e : fs::recursive_directory_iterator(where.root()))
        CHECK(mode_of(e.path()) == (e.is_directory() ? 0700 : 0600));
    }
  }
}

TEST_CASE("a root that cannot be written is an error with its cause") {
  const scratch where;
  write_file(where.path() / "file", "x");
  const auto below_file = filesystem_store::open({.root = (where.path() / "file/store").string()});
  CHECK(below_file.error().code == errc::storage_failed);
  CHECK(below_file.error().cause == ENOTDIR);
  const auto is_file = filesystem_store::open({.root = (where.path() / "file").string()});
  CHECK(is_file.error().cause == ENOTDIR);
  const auto no_parent = filesystem_store::open({.root = (where.path() / "a/b").string()});
  CHECK(no_parent.error().cause == ENOENT);
  CHECK(filesystem_store::open({}).error().code == errc::storage_failed);
}

TEST_CASE("a read-only directory is an error with its cause") {
  if (::geteuid() == 0) {
    WARN("skipped: root may write everywhere; see the test with a failing link");
    return;
  }
  const scratch where;
  fs::create_directory(where.root());
  REQUIRE(::chmod(where.root().c_str(), 0500) == 0);
  CHECK(filesystem_store::open({.root = where.root()}).error().cause == EACCES);
}

TEST_CASE("a second store on the same root sees the objects") {
  const scratch where;
  auto a = make(where);
  const std::string k = *store_one(a, "data");
  auto b = make(where, true);
  CHECK(content(b, k) == "data");
  filesystem_store moved = std::move(b);
  CHECK(content(moved, k) == "data");
}

TEST_CASE("a link in the place of a directory is not followed") {
  const scratch where;
  auto s = make(where);
  const fs::path outside = where.path() / "outside";
  fs::create_directory(outside);
  constexpr std::string_view letters = "0123456789abcdefghjkmnpqrstvwxyz";
  for (const char a : letters)
    for (const char b : letters)
      fs::create_directory_symlink(outside, fs::path(where.root()) / std::string{a, b});
  fs::create_directory_symlink(outside, fs::path(where.root()) / "named");
  const auto random = store_one(s, "secret");
  CHECK(random.error().code == errc::storage_failed);
  CHECK(store_one(s, "secret", {.key = key("a/b")}).error().code == errc::storage_failed);
  CHECK(fs::is_empty(outside));
  write_file(outside / "b=", "outside");
  CHECK(content(s, "b") == "!storage-failed");
  CHECK_FALSE(s.remove("b"));
  CHECK(keys(s).empty());
  CHECK_FALSE(s.sweep({}).error);
  CHECK(fs::exists(outside / "b="));
}

TEST_CASE("a link in the place of an object is no object") {
  const scratch where;
  auto s = make(where);
  write_file(where.path() / "outside", "outside");
  fs::create_directories(where.root() + "/named");
  fs::create_symlink(where.path() / "outside", *s.path_of("k"));
  CHECK(content(s, "k") == "!object-not-found");
  CHECK(s.remove("k").error().code == errc::object_not_found);
  CHECK(keys(s).empty());
  CHECK(store_one(s, "x", {.key = key("k")}).error().code == errc::key_exists);
  CHECK(fs::file_size(where.path() / "outside") == 7);
  // Nor is a directory or a pipe; a reader must not hang on it.
  fs::create_directory(*s.path_of("d"));
  REQUIRE(::mkfifo(s.path_of("p")->c_str(), 0600) == 0);
  CHECK(content(s, "d") == "!object-not-found");
  CHECK(content(s, "p") == "!object-not-found");
}

TEST_CASE("open files are capped over all requests") {
  const scratch where;
  auto s = *filesystem_store::open({.root = where.root(), .fsync = no_sync, .max_open_files = 2});
  const auto a = upstow_test::open(s);
  const auto b = upstow_test::open(s);
  upstow::sink* const first = begin(*a);
  REQUIRE(first != nullptr);
  REQUIRE(begin(*b) != nullptr);
  upstow::failure why;
  CHECK(a->begin({}, why) == nullptr);
  CHECK(why.code == errc::too_many_open);
  first->discard();
  CHECK(a->begin({}, why) != nullptr);
  CHECK_FALSE(why);
  b->abort();
  CHECK(store_one(s, "x"));  // a published file is open no more
  CHECK(store_one(s, "x"));
}

TEST_CASE("unpublished files have no name below the root") {
  const scratch where;
  for (const bool named : {false, true}) {
    auto s = make(where, named);
    const auto t = upstow_test::open(s);
    REQUIRE(put(*begin(*t), pattern(100000)));
    REQUIRE(prepare(*t, {{}}) == op::ok);
    std::size_t visible = 0;
    for (const auto& f : files_below(where.root())) visible += !f.starts_with(".upstow-tmp/");
    CHECK(visible == 0);
    CHECK(files_below(where.root()).size() == (named ? 2 : 0));
    t->abort();
    CHECK(files_below(where.root()).empty());
  }
}

TEST_CASE("a random key that is taken at the last moment is replaced") {
  const scratch where;
  for (const bool named : {false, true}) {
    auto s = make(where, named);
    const auto t = upstow_test::open(s);
    REQUIRE(put(*begin(*t), "mine"));
    REQUIRE(prepare(*t, {{.key = {}, .metadata = {.filename = "n"}}}) == op::ok);
    const std::string first = t->objects()[0].key;
    write_file(*s.path_of(first), "theirs");
    REQUIRE(commit(*t) == op::ok);
    const std::string second = t->objects()[0].key;
    CHECK(first != second);
    CHECK(content(s, first) == "theirs");
    CHECK(content(s, second) == "mine");
    CHECK(s.stat(second)->metadata.filename == "n");
    CHECK_FALSE(fs::exists(*s.path_of(first) + ".meta"));
  }
}

TEST_CASE("metadata of a crashed writer does not block its key") {
  const scratch where;
  auto s = make(where);
  write_file(*s.path_of("k") + ".meta", "half");
  CHECK(content(s, "k") == "!object-not-found");
  CHECK(keys(s).empty());
  REQUIRE(store_one(s, "x", {.key = key("k"), .metadata = {.filename = "mine"}}));
  CHECK(s.stat("k")->metadata.filename == "mine");
}

TEST_CASE("a key that a live writer is publishing is taken") {
  const scratch where;
  auto s = make(where);
  const std::string meta = *s.path_of("k") + ".meta";
  write_file(meta, "theirs");
  const int fd = ::open(meta.c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(::flock(fd, LOCK_EX) == 0);
  CHECK(store_one(s, "x", {.key = key("k")}).error().code == errc::key_exists);
  CHECK(s.sweep({}).removed == 0);
  ::close(fd);
  CHECK(s.sweep({}).removed == 1);
}

TEST_CASE("data without metadata is still there") {
  const scratch where;
  auto s = make(where);
  const std::string k = *store_one(s, "data", {.key = {}, .metadata = {.filename = "n"}});
  for (const char* damage : {"", "upstow-meta 1\nsize 4\n", "upstow-meta 1\nsize x\nend\n",
                             "upstow-meta 1\nfilename %4\nend\n", "other\n"}) {
    write_file(*s.path_of(k) + ".meta", damage);
    CHECK(s.stat(k)->metadata.filename.empty());
    CHECK(content(s, k) == "data");
  }
  fs::remove(*s.path_of(k) + ".meta");
  CHECK(content(s, k) == "data");
  CHECK(keys(s) == std::vector{k});
  CHECK(s.remove(k));
}

TEST_CASE("lines of a later version are skipped") {
  const scratch where;
  auto s = make(where);
  const std::string k = *store_one(s, "data");
  write_file(*s.path_of(k) + ".meta",
             "upstow-meta 1\ncolour blue\nsize 4\nfilename n\ndigest blake9 00\nend\n");
  CHECK(s.stat(k)->metadata.filename == "n");
  CHECK(s.stat(k)->metadata.digests.empty());
}

TEST_CASE("a digest in the metadata has the length of its algorithm") {
  const scratch where;
  auto s = make(where);
  const std::string k = *store_one(s, "data");
  const std::string begin = "upstow-meta 1\nsize 4\nfilename n\ndigest ";
  write_file(*s.path_of(k) + ".meta", begin + "crc32c 00aabbcc\nend\n");
  REQUIRE(s.stat(k)->metadata.digests.size() == 1);
  CHECK(s.stat(k)->metadata.digests[0].hex() == "00aabbcc");
  for (const char* damage : {"crc32c", "crc32c ", "crc32c 00aabb", "crc32c 00aabbccd",
                             "md5 00aabbcc", "crc32c 00aabbccdd", "crc32c 00aabbcg"}) {
    INFO(damage);
    write_file(*s.path_of(k) + ".meta", begin + damage + "\nend\n");
    CHECK(s.stat(k)->metadata.filename.empty());
  }
}

TEST_CASE("a file that lost its end is not read as whole") {
  const scratch where;
  auto s = make(where);
  const std::string k = *store_one(s, "data");
  fs::resize_file(*s.path_of(k), 2);
  CHECK(s.stat(k)->state == upstow::object_state::unknown);
  CHECK(content(s, k) == "!storage-failed");
}

TEST_CASE("remove takes the metadata along") {
  const scratch where;
  auto s = make(where);
  const std::string k = *store_one(s, "data");
  REQUIRE(s.remove(k));
  CHECK(files_below(where.root()).empty());
}

TEST_CASE("sweep takes what nobody owns and nothing else") {
  const scratch where;
  auto s = make(where, true);
  const std::string kept = *store_one(s, "kept");
  const fs::path root = where.root();
  // The library's own marks, without an owner.
  write_file(root / ".upstow-tmp" / std::string(26, 'a'), "left");
  write_file(root / "aa/aa" / (std::string(26, 'a') + ".meta"), "left");
  write_file(root / "named/x+/y=.meta", "left");
  // Not the library's.
  const std::vector<fs::path> foreign{root / ".upstow-tmp/README",
                                      root / "note.meta",
                                      root / "aa/note.meta",
                                      root / "aa/aa/note.meta",
                                      root / "aa/aa" / (std::string(26, 'b') + ".meta"),
                                      root / "named/x/y=.meta",
                                      root / "named/y.meta"};
  for (const auto& f : foreign) write_file(f, "foreign");
  // A live writer's.
  const auto t = upstow_test::open(s);
  REQUIRE(put(*begin(*t), "live"));
  REQUIRE(prepare(*t, {{}}) == op::ok);

  auto other = make(where);
  CHECK(other.sweep({.older_than = std::chrono::hours(1)}).removed == 0);
  CHECK(other.sweep({.older_than = std::chrono::seconds::max()}).removed == 0);
  const auto report = other.sweep({});
  CHECK(report.removed == 3);
  CHECK_FALSE(report.error);
  for (const auto& f : foreign) CHECK(fs::exists(f));
  REQUIRE(commit(*t) == op::ok);
  CHECK(content(s, t->objects()[0].key) == "live");
  CHECK(content(s, kept) == "kept");
  CHECK(keys(s).size() == 2);
}

TEST_CASE("metadata has a size that readers and writers agree on") {
  const scratch where;
  auto s = make(where);
  upstow::publish_as as;
  as.metadata.filename.assign(340 * upstow::KiB, '%');  // 1020 KiB as written
  const auto made = store_one(s, "x", as);
  REQUIRE(made);
  CHECK(s.stat(*made)->metadata == as.metadata);
  as.metadata.filename.assign(350 * upstow::KiB, '%');
  CHECK(store_one(s, "x", as).error().code == errc::record_too_large);
  CHECK(keys(s).size() == 1);
}
