// Every store, alone and behind a slow worker, against the one contract.
#include "contract.hpp"

#include <array>

#include "support/scratch.hpp"
#include "support/slow_store.hpp"
#include "upstow/store/filesystem_store.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

struct memory_rig {
  upstow::memory_store made;
  upstow::store& store() { return made; }
};

template <bool Named, upstow::fsync_policy Fsync>
struct filesystem_rig {
  upstow_test::scratch where;
  upstow::filesystem_store made = *upstow::filesystem_store::open(
      {.root = where.root(), .fsync = Fsync, .named_temporary_files = Named});
  upstow::store& store() { return made; }
};
using unnamed_rig = filesystem_rig<false, upstow::fsync_policy::none>;
using named_rig = filesystem_rig<true, upstow::fsync_policy::none>;
using durable_rig = filesystem_rig<false, upstow::fsync_policy::full>;

/// A small window, short writes, always "not now" first; nothing is withheld.
template <class Rig>
struct slow_rig {
  Rig inner;
  upstow_test::slow_store made{inner.store(), {.window = 1000, .max_take = 300}};
  slow_rig() { made.grant(upstow::unlimited); }
  upstow::store& store() { return made; }
};

}  // namespace

TEST_CASE("memory store keeps the contract") { upstow_test::store_contract<memory_rig>(); }

TEST_CASE("filesystem store keeps the contract with unnamed files") {
  upstow_test::store_contract<unnamed_rig>();
}

TEST_CASE("filesystem store keeps the contract with named temporary files") {
  upstow_test::store_contract<named_rig>();
}

// The parts that write; the rest would only wait for the disk.
TEST_CASE("filesystem store keeps the contract with fsync") {
  upstow_test::store_contract<durable_rig>({.only = "write."});
  upstow_test::store_contract<durable_rig>({.only = "end."});
}

TEST_CASE("memory store keeps the contract behind a slow worker") {
  upstow_test::store_contract<slow_rig<memory_rig>>();
}

TEST_CASE("filesystem store keeps the contract behind a slow worker") {
  upstow_test::store_contract<slow_rig<named_rig>>();
}

// The slow store's inner waits go through another slow store's wakers.
TEST_CASE("a slow store behind a slow store keeps the contract") {
  upstow_test::store_contract<slow_rig<slow_rig<memory_rig>>>();
}

// More than the contract asks, which lets a store choose between this and object_not_found.
TEST_CASE("a reader outlives its object's name in a memory and in a filesystem store") {
  const auto outlives = [](upstow::store& s) {
    const std::string k = *upstow_test::store_one(s, "still here");
    upstow::failure why;
    const auto from = s.read(k, {}, why);
    REQUIRE(s.remove(k));
    std::array<std::byte, 100> piece{};
    CHECK(*from->read(piece) == 10);
  };
  memory_rig memory;
  outlives(memory.store());
  unnamed_rig files;
  outlives(files.store());
}

// 32 bits do not count it, nor does 4 GiB with a sign. Writes as much to the disk.
TEST_CASE("filesystem store keeps the contract with a file of 5 GiB and a byte", "[.long]") {
  upstow_test::store_contract<unnamed_rig>({.only = "size.", .large_object = 5 * upstow::GiB + 1});
}
