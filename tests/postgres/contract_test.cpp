// PostgreSQL keeps the contract that every store keeps.
#include "store/contract.hpp"

#include "postgres/real_postgres.hpp"

namespace {

/// One schema for all sections, emptied for each: making one takes longer than most sections.
struct emptied_place {
  emptied_place() {
    std::string failed = "!40P01";
    // A store that went may have a statement of its clean-up running: the server chooses who
    // yields.
    while (failed == "!40P01") failed = place.sql()("DELETE FROM object");
    REQUIRE(failed == "");
  }
  static inline const upstow_test::postgres_place& shared() {
    static const upstow_test::postgres_place one;
    return one;
  }
  const upstow_test::postgres_place& place = shared();
};

struct postgres_rig : emptied_place {
  upstow::postgres_store made = upstow_test::open_store(place.options());
  upstow::store& store() { return made; }
};

/// One connection and the smallest window: whatever can wait does.
struct narrow_rig : emptied_place {
  upstow::postgres_store made = [this] {
    auto options = place.options();
    options.connections = options.read_connections = 1;
    options.window_bytes = 256 * upstow::KiB;
    return upstow_test::open_store(options);
  }();
  upstow::store& store() { return made; }
};

}  // namespace

TEST_CASE("the PostgreSQL store keeps the contract") {
  upstow_test::store_contract<postgres_rig>();
}

TEST_CASE("the PostgreSQL store keeps the contract with one connection and a small window") {
  upstow_test::store_contract<narrow_rig>();
}
