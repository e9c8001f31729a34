// Writers that are killed, and sweeps that run beside those that live.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>

#include "support/catch.hpp"
#include "support/scratch.hpp"
#include "support/storing.hpp"
#include "upstow/store/filesystem_store.hpp"

using namespace upstow_test;
using upstow::filesystem_store;
using upstow::fsync_policy;
using upstow::op;

namespace {

filesystem_store make(const std::string& root, bool named) {
  return *filesystem_store::open(
      {.root = root, .fsync = fsync_policy::none, .named_temporary_files = named});
}

/// The metadata says what the data has to be.
std::string data_for(const std::string& filename) {
  const auto seed = static_cast<unsigned>(std::stoul(filename));
  return pattern(seed * 7919U % 30000U, seed);
}

bool whole(upstow::store& s) {
  for (const std::string& k : keys(s)) {
    const auto info = s.stat(k);
    if (!info || info->metadata.filename.empty()) return false;
    if (content(s, k) != data_for(info->metadata.filename)) return false;
  }
  return true;
}

/// Stores requests of one to three objects for ever, and tells each step.
[[noreturn]] void write_until_killed(const std::string& root, bool named, int tell,
                                     unsigned first_seed) {
  auto s = make(root, named);
  const auto step = [tell] {
    if (::write(tell, ".", 1) != 1) ::_exit(1);
  };
  for (unsigned seed = first_seed;; seed += 3) {
    const auto t = upstow_test::open(s);
    std::vector<upstow::publish_as> as(1 + seed % 3);
    for (std::size_t i = 0; i < as.size(); ++i) {
      as[i].metadata.filename = std::to_string(seed + i);
      if (seed % 2 == 0) as[i].key = key("given/" + as[i].metadata.filename);
      const std::string data = data_for(as[i].metadata.filename);
      upstow::sink* const to = begin(*t);
      step();
      put(*to, std::string_view(data).substr(0, data.size() / 2));
      step();
      put(*to, std::string_view(data).substr(data.size() / 2));
    }
    prepare(*t, as);
    step();
    commit(*t);
    step();
  }
}

/// Lets a writer go for `steps` steps or a little more, and kills it.
void kill_a_writer(const std::string& root, bool named, int steps, unsigned seed) {
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(pipe[0]);
    write_until_killed(root, named, pipe[1], seed);
  }
  ::close(pipe[1]);
  char c = 0;
  for (int i = 0; i < steps && ::read(pipe[0], &c, 1) == 1; ++i) {
  }
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(pipe[0]);
  CHECK(WIFSIGNALED(status));
}

// Each kill is followed by a look at everything, so a store is kept small: 15 kills.
void kill_writers(std::mt19937& random, bool named) {
  const scratch where;
  auto s = make(where.root(), named);
  for (unsigned round = 0; round < 15; ++round) {
    kill_a_writer(where.root(), named, static_cast<int>(random() % 40), round * 10000U + 1);
    REQUIRE(whole(s));
    const auto report = s.sweep({});
    REQUIRE_FALSE(report.error);
    // Data and metadata of each object, and nothing else.
    REQUIRE(files_below(where.root()).size() == 2 * keys(s).size());
  }
  CHECK_FALSE(keys(s).empty());
}

}  // namespace

TEST_CASE("a killed writer leaves whole objects and sweep removes the rest") {
  std::mt19937 random(20260101);  // the steps repeat; where the kill hits does not
  for (const bool named : {false, true}) kill_writers(random, named);
}

TEST_CASE("a thousand and five hundred killed writers", "[.long]") {
  std::mt19937 random{std::random_device{}()};
  for (int store = 0; store < 100; ++store) kill_writers(random, store % 2 == 0);
}

TEST_CASE("sweeps beside a live writer take nothing of its own") {
  for (const bool named : {false, true}) {
    const scratch where;
    auto writer = make(where.root(), named);
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> removed = 0;
    std::vector<std::thread> sweepers;
    for (int i = 0; i < 2; ++i)
      sweepers.emplace_back([&] {
        auto s = make(where.root(), named);  // locks of its own, as another process has
        while (!stop) removed += s.sweep({}).removed;
      });
    int failed = 0;
    for (unsigned i = 0; i < 150; ++i) {
      const std::string name = std::to_string(i);
      upstow::publish_as as{.key = {}, .metadata = {.filename = name}};
      if (i % 2 == 0) as.key = key("given/" + name);
      failed += !store_one(writer, data_for(name), as);
    }
    stop = true;
    for (auto& t : sweepers) t.join();
    CHECK(failed == 0);
    // A named file may be swept between its making and its locking; the writer makes another.
    if (!named) CHECK(removed == 0);
    CHECK(keys(writer).size() == 150);
    CHECK(whole(writer));
    CHECK(files_below(where.root()).size() == 300);
  }
}

TEST_CASE("writers and removers of one key leave one object or none") {
  const scratch where;
  constexpr int each = 200;
  std::atomic<int> stored = 0;
  std::atomic<int> removed = 0;
  std::atomic<int> strange = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      auto s = make(where.root(), i % 2 == 0);
      for (int n = 0; n < each; ++n) {
        if (i < 2) {
          const auto made =
              store_one(s, data_for("5"), {.key = key("k"), .metadata = {.filename = "5"}});
          stored += made.has_value();
          strange += !made && made.error().code != upstow::errc::key_exists;
        } else {
          const auto gone = s.remove("k");
          removed += gone.has_value();
          strange += !gone && gone.error().code != upstow::errc::object_not_found;
          static_cast<void>(s.sweep({}));
        }
      }
    });
  for (auto& t : threads) t.join();
  auto s = make(where.root(), false);
  CHECK(strange == 0);
  CHECK(static_cast<int>(keys(s).size()) == stored - removed);
  CHECK(whole(s));
  static_cast<void>(s.sweep({}));
  CHECK(files_below(where.root()).size() == 2 * keys(s).size());
}
