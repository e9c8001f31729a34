// The harness of kill tests finds what it is there to find.
#include <filesystem>

#include "support/catch.hpp"
#include "support/killed_writer.hpp"
#include "support/scratch.hpp"
#include "upstow/store/filesystem_store.hpp"
#include "upstow/store/memory_store.hpp"

using namespace upstow_test;
using upstow::filesystem_store;

namespace {

constexpr kill_plan few{.kills = 3, .seed = 5, .most_reports = 5, .keep = 1000};

std::string no_orphan(upstow::store&) { return {}; }

/// What the harness says of a file system store whose objects `harm` touches after each kill.
std::string fault_after(void (*harm)(filesystem_store&)) {
  const scratch where;
  const auto open = [&] {
    return std::make_unique<filesystem_store>(
        *filesystem_store::open({.root = where.root(), .fsync = upstow::fsync_policy::none}));
  };
  return kill_writers(few, open,
                      [&](upstow::store& s) {
                        harm(static_cast<filesystem_store&>(s));
                        return std::string();
                      })
      .fault;
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("killed writers: a store that forgets is found out") {
  const auto got = kill_writers(
      {.kills = 20}, [] { return std::make_unique<upstow::memory_store>(); }, no_orphan);
  CHECK(has(got.fault, "seed 1, kill "));
  CHECK(has(got.fault, "lost: "));
}

TEST_CASE("killed writers: a store that cannot be opened is found out") {
  const auto got = kill_writers(few, [] { return std::unique_ptr<upstow::store>(); }, no_orphan);
  CHECK_FALSE(got.fault.empty());
}

TEST_CASE("killed writers: an orphan is found out") {
  const scratch where;
  const auto got = kill_writers(
      few,
      [&] {
        return std::make_unique<filesystem_store>(*filesystem_store::open({.root = where.root()}));
      },
      [](upstow::store&) { return std::string("left"); });
  CHECK(has(got.fault, "orphan: left"));
}

TEST_CASE("killed writers: objects that change, appear or come back are found out") {
  CHECK(fault_after([](filesystem_store&) {}).empty());
  CHECK(has(fault_after([](filesystem_store& s) {
              for (const auto& k : keys(s)) {
                const std::string path = *s.path_of(k);
                const auto size = std::filesystem::file_size(path);
                write_file(path, std::string(size, 'x'));
              }
            }),
            "not its bytes: "));
  CHECK(has(fault_after([](filesystem_store& s) {
              static_cast<void>(
                  store_one(s, "x", {.key = key("strange"), .metadata = {.filename = "n"}}));
            }),
            "strange metadata of strange"));
  CHECK(has(fault_after([](filesystem_store& s) {
              const killed_detail::named given_up{.round = 0, .request = 6};
              REQUIRE(store_one(s, given_up.data(few.largest_object),
                                {.metadata = {.filename = given_up.text()}}));
            }),
            "was given up: 0-6-0"));
}
