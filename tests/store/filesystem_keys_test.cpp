// filesystem_store: which key an object gets, and what becomes of one that is taken.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "support/catch.hpp"
#include "support/scratch.hpp"
#include "support/storing.hpp"
#include "upstow/store/filesystem_store.hpp"

namespace fs = std::filesystem;
using namespace upstow_test;
using upstow::errc;
using upstow::filesystem_options;
using upstow::filesystem_store;
using upstow::key_source;
using upstow::object_state;
using upstow::on_collision;
using upstow::op;

namespace {

constexpr auto no_sync = upstow::fsync_policy::none;

filesystem_store make(const scratch& where, on_collision collision, bool named = false) {
  return *filesystem_store::open({.root = where.root(),
                                  .fsync = no_sync,
                                  .collision = collision,
                                  .named_temporary_files = named});
}

upstow::publish_as as(std::string_view given, std::string_view filename = "n") {
  return {.key = key(given), .metadata = {.filename = std::string(filename)}};
}

/// No sha-256 of anything: the store takes the word of whoever computed it.
upstow::digest_value digest(char fill) {
  upstow::digest_value d{.algorithm = upstow::digest_algorithm::sha_256, .size = 32};
  d.value.fill(static_cast<std::byte>(fill));
  return d;
}

upstow::publish_as of_content(char fill, std::string_view filename = "n") {
  return {.key = {},
          .metadata = {
              .filename = std::string(filename),
              .digests = {{.algorithm = upstow::digest_algorithm::md5, .size = 16}, digest(fill)}}};
}

const std::string aa = "sha256-" + std::string(64, 'a');

struct content_store {
  scratch where;
  bool unused = false;
  filesystem_store made = *filesystem_store::open(
      {.root = where.root(),
       .fsync = no_sync,
       .keys = key_source::content,
       .references = {.unused =
                          [](void* self, std::string_view k) noexcept {
                            return k == aa && static_cast<content_store*>(self)->unused;
                          },
                      .host = this}});
};

std::size_t files(const scratch& where) { return files_below(where.root()).size(); }

/// True where the system does not tell.
bool somebody_waits_for_the_lock_of(ino_t file) {
  std::ifstream locks("/proc/locks");
  const std::string inode = ':' + std::to_string(file) + ' ';
  for (std::string line; std::getline(locks, line);)
    if (line.find("->") != line.npos && line.find(inode) != line.npos) return true;
  return !locks.eof();
}

}  // namespace

TEST_CASE("keep_both: a taken key becomes one beside it, final at prepare") {
  for (const bool named : {false, true}) {
    const scratch where;
    auto s = make(where, on_collision::keep_both, named);
    CHECK(*store_one(s, "1", as("a.b/c.tar.gz")) == "a.b/c.tar.gz");
    CHECK(*store_one(s, "2", as("a.b/c.tar.gz")) == "a.b/c.tar-2.gz");
    CHECK(*store_one(s, "1", as("a.b/c")) == "a.b/c");
    CHECK(*store_one(s, "2", as("a.b/c", "second")) == "a.b/c-2");
    CHECK(s.stat("a.b/c-2")->metadata.filename == "second");
    for (int i = 3; i <= 9; ++i) REQUIRE(store_one(s, "x", as("a.b/c")));
    const std::string tenth = *store_one(s, "x", as("a.b/c"));
    CHECK(tenth.starts_with("a.b/c-"));
    CHECK(tenth.size() == std::string("a.b/c-").size() + 26);
    CHECK(keys(s).size() == 12);
    CHECK(files(where) == 24);
  }
}

TEST_CASE("keep_both: of two that prepared one key both are kept, as prepare said") {
  for (const bool named : {false, true}) {
    const scratch where;
    auto s = make(where, on_collision::keep_both, named);
    const auto a = upstow_test::open(s);
    const auto b = upstow_test::open(s);
    const auto c = upstow_test::open(s);
    for (const auto& t : {a.get(), b.get(), c.get()}) {
      REQUIRE(put(*begin(*t), "data"));
      REQUIRE(prepare(*t, {as("k")}) == op::ok);
      CHECK(keys(s).empty());
    }
    CHECK(b->objects()[0].key == "k-2");
    // What is reserved is nothing yet: it cannot be removed, read or swept.
    CHECK(s.remove("k").error().code == errc::object_not_found);
    CHECK(s.sweep({}).removed == 0);
    a->abort();
    REQUIRE(commit(*c) == op::ok);
    REQUIRE(commit(*b) == op::ok);
    CHECK(keys(s) == std::vector<std::string>{"k-2", "k-3"});
    CHECK(files(where) == 4);
    CHECK(*store_one(s, "x", as("k")) == "k");
  }
}

TEST_CASE("keep_both: a key that cannot get longer is taken") {
  const scratch where;
  auto s = make(where, on_collision::keep_both);
  const std::string longest(128, 'a');
  REQUIRE(store_one(s, "1", as(longest)));
  CHECK(store_one(s, "2", as(longest)).error().code == errc::key_exists);
  CHECK(files(where) == 2);
}

TEST_CASE("overwrite: the new object takes the place of the old one") {
  for (const bool named : {false, true}) {
    const scratch where;
    auto s = make(where, on_collision::overwrite, named);
    CHECK_FALSE(s.caps().create_only);
    REQUIRE(store_one(s, "old data", as("a/k", "old")));
    upstow::failure why;
    const auto reader = s.read("a/k", {}, why);
    REQUIRE(store_one(s, "new", as("a/k", "new")));
    CHECK(content(s, "a/k") == "new");
    CHECK(s.stat("a/k")->metadata.filename == "new");
    CHECK(keys(s).size() == 1);
    CHECK(files(where) == 2);
    std::array<std::byte, 100> piece{};
    CHECK(*reader->read(piece) == 8);  // who reads the old one goes on
  }
}

TEST_CASE("overwrite: a request that fails puts the old objects back") {
  for (const bool named : {false, true}) {
    const scratch where;
    auto s = make(where, on_collision::overwrite, named);
    auto strict = make(where, on_collision::error, named);
    REQUIRE(store_one(s, "old data", as("a", "old")));
    const auto t = upstow_test::open(s);
    REQUIRE(put(*begin(*t), "new"));
    REQUIRE(put(*begin(*t), "other"));
    REQUIRE(prepare(*t, {as("a", "new"), as("b", "new")}) == op::ok);
    fs::create_directory(*s.path_of("b"));  // never to be replaced
    CHECK(commit(*t) == op::error);
    CHECK(t->error().code == errc::key_exists);
    for (const auto& o : t->objects()) CHECK(o.state == object_state::absent);
    CHECK(content(s, "a") == "old data");
    CHECK(s.stat("a")->metadata.filename == "old");
    CHECK(keys(s).size() == 1);
    CHECK(files(where) == 2);
  }
}

TEST_CASE("overwrite: what was replaced again is not put back") {
  const scratch where;
  auto s = make(where, on_collision::overwrite);
  REQUIRE(store_one(s, "old", as("a", "old")));
  auto t = upstow_test::open(s);
  REQUIRE(put(*begin(*t), "first"));
  REQUIRE(prepare(*t, {as("a", "first")}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  REQUIRE(store_one(s, "second", as("a", "second")));
  t.reset();
  CHECK(content(s, "a") == "second");
  CHECK(s.stat("a")->metadata.filename == "second");
  CHECK(files(where) == 2);
}

TEST_CASE("overwrite: what is no file of ours is not replaced") {
  const scratch where;
  auto s = make(where, on_collision::overwrite);
  write_file(where.path() / "outside", "outside");
  fs::create_directories(where.root() + "/named");
  fs::create_symlink(where.path() / "outside", *s.path_of("link"));
  fs::create_directory(*s.path_of("directory"));
  for (const auto* k : {"link", "directory"})
    CHECK(store_one(s, "x", as(k)).error().code == errc::key_exists);
  CHECK(fs::file_size(where.path() / "outside") == 7);
  // Data that lost its metadata is an object.
  REQUIRE(store_one(s, "old", as("k")));
  fs::remove(*s.path_of("k") + ".meta");
  REQUIRE(store_one(s, "new", as("k", "new")));
  CHECK(s.stat("k")->metadata.filename == "new");
}

TEST_CASE(
    "overwrite: readers see one object or the other while two writers and a sweep are at it") {
  for (const bool named : {false, true}) {
    const scratch where;
    auto first = make(where, on_collision::overwrite, named);
    REQUIRE(store_one(first, "0", as("k", "1")));
    std::atomic<int> strange = 0;
    std::atomic<int> writing = 2;
    std::vector<std::thread> threads;
    for (int id = 0; id < 2; ++id)
      threads.emplace_back([&, id] {
        auto s = make(where, on_collision::overwrite, named);
        for (std::size_t i = 0; i < 60; ++i) {
          const std::size_t size = 1 + (i * 7 + static_cast<std::size_t>(id)) % 11;
          strange += !store_one(s, std::string(size, '0'), as("k", std::to_string(size)));
        }
        --writing;
      });
    threads.emplace_back([&] {
      auto s = make(where, on_collision::overwrite, named);
      while (writing > 0) strange += s.sweep({}).error.code != errc::ok;
    });
    while (writing > 0) {
      upstow::failure why;
      const auto r = first.read("k", {}, why);
      strange += r == nullptr || r->info().metadata.filename != std::to_string(r->info().size);
    }
    for (auto& t : threads) t.join();
    CHECK(strange == 0);
    CHECK_FALSE(first.sweep({}).error);
    CHECK(files(where) == 2);
  }
}

TEST_CASE("content keys: the same content is stored once") {
  content_store c;
  CHECK(*store_one(c.made, "data", of_content('\xaa', "first")) == aa);
  CHECK(*c.made.path_of(aa) == c.where.root() + "/sha256/aa/aa/" + aa);
  CHECK(*store_one(c.made, "data", of_content('\xaa', "second")) == aa);
  CHECK(c.made.stat(aa)->metadata.filename == "first");
  REQUIRE(store_one(c.made, "other", of_content('\x1f')));
  REQUIRE(store_one(c.made, "given", as("zz")));
  REQUIRE(store_one(c.made, "given", as("album/a")));
  CHECK(keys(c.made, 1) == std::vector<std::string>{"album/a",
                                                    "sha256-" +
                                                        [] {
                                                          std::string text;
                                                          for (int i = 0; i < 32; ++i) text += "1f";
                                                          return text;
                                                        }(),
                                                    aa, "zz"});
  CHECK(files(c.where) == 8);
  // Two of one request, too.
  const auto t = upstow_test::open(c.made);
  REQUIRE(put(*begin(*t), "twice"));
  REQUIRE(put(*begin(*t), "twice"));
  REQUIRE(prepare(*t, {of_content('\x22'), of_content('\x22')}) == op::ok);
  CHECK(commit(*t) == op::ok);
  CHECK(files(c.where) == 10);
}

TEST_CASE("content keys: without a digest there is none, and none is made up") {
  content_store c;
  CHECK(store_one(c.made, "data").error().code == errc::digest_missing);
  auto cut = of_content('\xaa');
  cut.metadata.digests[1].size = 16;
  CHECK(store_one(c.made, "data", cut).error().code == errc::digest_missing);
  CHECK(store_one(c.made, "data", as(aa)).error().code == errc::key_invalid);
  auto other = of_content('\x11');
  other.key = key(aa);
  CHECK(store_one(c.made, "data", other).error().code == errc::key_invalid);
  CHECK(files(c.where) == 0);
}

TEST_CASE("content keys: only the host's count lets remove() take one") {
  content_store c;
  REQUIRE(store_one(c.made, "data", of_content('\xaa')));
  CHECK(c.made.remove(aa).error().code == errc::key_shared);
  CHECK(content(c.made, aa) == "data");
  c.unused = true;
  CHECK(c.made.remove(aa));
  CHECK(c.made.remove(aa).error().code == errc::object_not_found);
  CHECK(files(c.where) == 0);
  REQUIRE(store_one(c.made, "data", of_content('\xaa')));
  // A store that was not told how to count does not remove it either.
  auto plain = make(c.where, on_collision::error);
  CHECK(plain.remove(aa).error().code == errc::key_shared);
}

TEST_CASE("content keys: who stores while it is removed stores it anew") {
  content_store c;
  c.unused = true;
  std::atomic<int> strange = 0;
  std::atomic<bool> stop = false;
  std::thread remover([&] {
    while (!stop) {
      const auto gone = c.made.remove(aa);
      strange += !gone && gone.error().code != errc::object_not_found;
    }
  });
  for (int i = 0; i < 200; ++i) strange += !store_one(c.made, "data", of_content('\xaa'));
  stop = true;
  remover.join();
  CHECK(strange == 0);
  CHECK_FALSE(c.made.sweep({}).error);
  CHECK(files(c.where) == 2 * keys(c.made).size());
}

TEST_CASE("content keys: who stores waits for a remove() that has taken the data alone") {
  content_store c;
  REQUIRE(store_one(c.made, "data", of_content('\xaa')));
  const std::string data = *c.made.path_of(aa), meta = data + ".meta";
  const int lock = ::open(meta.c_str(), O_RDWR);
  struct stat facts{};
  REQUIRE(::fstat(lock, &facts) == 0);
  REQUIRE(::flock(lock, LOCK_EX) == 0);
  REQUIRE(::unlink(data.c_str()) == 0);
  std::atomic<bool> over = false;
  std::thread remover([&] {
    while (!over && !somebody_waits_for_the_lock_of(facts.st_ino)) std::this_thread::yield();
    ::unlink(meta.c_str());
    ::close(lock);
  });
  const auto stored = store_one(c.made, "data", of_content('\xaa'));
  over = true;
  remover.join();
  CHECK(stored);
  CHECK(content(c.made, aa) == "data");
}

TEST_CASE("content keys: a failed request does not take what others may have") {
  content_store c;
  const auto t = upstow_test::open(c.made);
  REQUIRE(put(*begin(*t), "data"));
  REQUIRE(put(*begin(*t), "given"));
  REQUIRE(prepare(*t, {of_content('\xaa'), as("k")}) == op::ok);
  REQUIRE(store_one(c.made, "in the way", as("k")));
  CHECK(commit(*t) == op::error);
  CHECK(t->objects()[0].state == object_state::stored);
  CHECK(t->objects()[1].state == object_state::absent);
  CHECK(content(c.made, aa) == "data");
}

TEST_CASE("content keys: damaged content is mended by the next upload") {
  content_store c;
  REQUIRE(store_one(c.made, "data", of_content('\xaa')));
  fs::resize_file(*c.made.path_of(aa), 2);
  CHECK(content(c.made, aa) == "!storage-failed");
  REQUIRE(store_one(c.made, "data", of_content('\xaa')));
  CHECK(content(c.made, aa) == "data");
  CHECK(files(c.where) == 2);
}

TEST_CASE("a key of the host is none of the store's own names") {
  for (const auto* text :
       {"..", "a/../b", ".upstow-tmp", ".upstow-tmp/x", "a%2fb", "%2e%2e", "a/.."})
    CHECK(upstow::object_key::make("p", {text}).error().code == errc::key_invalid);
  CHECK(upstow::object_key::make("p", {std::string_view("a\0b", 3)}).error().code ==
        errc::key_invalid);
  // "named", "sha256" and a shard are keys as any other, and meet nothing.
  const scratch where;
  auto s = make(where, on_collision::error);
  for (const auto* k : {"named", "sha256", "aa", "k.new", "k.meta", "k"})
    REQUIRE(store_one(s, k, as(k)));
  CHECK(keys(s) == std::vector<std::string>{"aa", "k", "k.meta", "k.new", "named", "sha256"});
  CHECK_FALSE(s.sweep({}).error);
  for (const std::string& k : keys(s)) CHECK(content(s, k) == k);
}
