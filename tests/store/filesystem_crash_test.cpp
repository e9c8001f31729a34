// Writers that are killed, and sweeps that run beside those that live.
#include <atomic>
#include <random>
#include <thread>

#include "support/catch.hpp"
#include "support/killed_writer.hpp"
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

/// Data and metadata of each object, and nothing else.
std::string orphans(upstow::store& s, const std::string& root) {
  const std::size_t files = files_below(root).size();
  const std::size_t objects = keys(s).size();
  return files == 2 * objects ? std::string() : std::to_string(files) + " files";
}

/// Kills writers of stores with unnamed and with named temporary files.
void kill_some(kill_plan plan, fsync_policy fsync) {
  for (const bool named : {false, true}) {
    const scratch where;
    const kill_report got = kill_writers(
        plan,
        [&] {
          auto s = filesystem_store::open(
              {.root = where.root(), .fsync = fsync, .named_temporary_files = named});
          return s ? std::make_unique<filesystem_store>(*std::move(s)) : nullptr;
        },
        [&](upstow::store& s) { return orphans(s, where.root()); });
    CHECK(got.fault == "");
    CHECK(got.reported > 0);
    ++plan.seed;
  }
}

}  // namespace

TEST_CASE("a killed writer leaves whole objects and sweep removes the rest") {
  kill_some({.kills = 10, .seed = 20260101}, fsync_policy::none);
}

TEST_CASE("eight hundred killed writers", "[.long]") {
  const unsigned seed = std::random_device{}();
  kill_some({.kills = 200, .seed = seed}, fsync_policy::none);
  kill_some({.kills = 200, .seed = seed + 2}, fsync_policy::full);
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
