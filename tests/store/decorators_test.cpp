// Every store that is made of others keeps the contract of a store.
#include "contract.hpp"

#include "support/scratch.hpp"
#include "support/slow_store.hpp"
#include "upstow/store/filesystem_store.hpp"
#include "upstow/store/memory_store.hpp"
#include "upstow/store/spooled_store.hpp"

namespace {

using upstow_test::scratch;

struct memory_rig {
  upstow::memory_store made;
  upstow::store& store() { return made; }
};

struct filesystem_rig {
  scratch where;
  upstow::filesystem_store made =
      *upstow::filesystem_store::open({.root = where.root(), .fsync = upstow::fsync_policy::none});
  upstow::store& store() { return made; }
};

/// A small window, short writes, always "not now" first.
struct slow_rig {
  upstow::memory_store inner;
  upstow_test::slow_store made{inner, {.window = 1000, .max_take = 300}};
  slow_rig() { made.grant(upstow::unlimited); }
  upstow::store& store() { return made; }
};

template <std::uint64_t MemoryBytes>
struct spooled_rig {
  scratch where;
  upstow::spooled_store made = *upstow::spooled_store::open(
      {.directory = where.path(), .memory_bytes = MemoryBytes, .named_temporary_files = true});
  upstow::store& store() { return made; }
};

template <class Rig>
struct handed_rig {
  Rig next;
  scratch where;
  upstow::spooled_store made =
      *upstow::spooled_store::open(next.store(), {.directory = where.path(), .memory_bytes = 4000});
  upstow::store& store() { return made; }
};

}  // namespace

TEST_CASE("a spool keeps the contract in memory") {
  upstow_test::store_contract<spooled_rig<1 * upstow::MiB>>();
}
TEST_CASE("a spool keeps the contract on disk") { upstow_test::store_contract<spooled_rig<0>>(); }
TEST_CASE("a spool keeps the contract on both") {
  upstow_test::store_contract<spooled_rig<4000>>();
}
TEST_CASE("a spool that hands over keeps the contract, to memory") {
  upstow_test::store_contract<handed_rig<memory_rig>>();
}
TEST_CASE("a spool that hands over keeps the contract, to files") {
  upstow_test::store_contract<handed_rig<filesystem_rig>>();
}
TEST_CASE("a spool that hands over keeps the contract, to a slow store") {
  upstow_test::store_contract<handed_rig<slow_rig>>();
}
