// Writers that are killed.
#include "sqlite_rig.hpp"
#include "support/killed_writer.hpp"

using namespace upstow_test;

namespace {

void kill_sqlite_writers(kill_plan plan) {
  const scratch where;
  const std::string path = with_schema(where.root());
  const auto got = kill_writers(
      plan,
      [&]() -> std::unique_ptr<upstow::store> {
        auto made = upstow::sqlite_store::open({.path = path});
        if (!made) return nullptr;
        return std::make_unique<upstow::sqlite_store>(*std::move(made));
      },
      [&](upstow::store&) -> std::string {
        if (stray_rows(path) != 0) return "a row";
        return sound(path) ? "" : "an unsound page";
      });
  CHECK(got.fault == "");
  CHECK(got.kills == static_cast<std::size_t>(plan.kills));
  CHECK(got.reported > 0);
}

}  // namespace

TEST_CASE("a killed writer leaves whole requests in the database, and sweep removes the rest") {
  kill_sqlite_writers({.kills = 12, .seed = 11, .keep = 10});
  // Larger than a chunk, so that kills hit between the rows of an object.
  kill_sqlite_writers({.kills = 8,
                       .seed = 12,
                       .most_reports = 4,
                       .longest_delay = std::chrono::milliseconds(30),
                       .largest_object = 1000000,
                       .keep = 4});
}

TEST_CASE("two hundred killed writers of a database", "[.long]") {
  std::random_device random;
  kill_sqlite_writers({.kills = 120, .seed = random()});
  kill_sqlite_writers({.kills = 80,
                       .seed = random(),
                       .longest_delay = std::chrono::milliseconds(30),
                       .largest_object = 1000000});
}
