// Every store that is made of others keeps the contract of a store.
#include "contract.hpp"

#include "support/scratch.hpp"
#include "support/slow_store.hpp"
#include "upstow/store/filesystem_store.hpp"
#include "upstow/store/memory_store.hpp"
#include "upstow/store/route_store.hpp"
#include "upstow/store/spooled_store.hpp"
#include "upstow/store/tee_store.hpp"
#include "upstow/store/threaded_store.hpp"

namespace {

using upstow_test::scratch;

struct rig {
  virtual ~rig() = default;
  virtual upstow::store& store() = 0;
};

/// The rig that the running test is about: chosen at run time, as the suite is long to compile.
struct chosen_rig {
  static inline std::unique_ptr<rig> (*make)() = nullptr;
  std::unique_ptr<rig> made = make();
  upstow::store& store() { return made->store(); }
};

template <class Rig>
void keeps_the_contract() {
  chosen_rig::make = []() -> std::unique_ptr<rig> { return std::make_unique<Rig>(); };
  upstow_test::store_contract<chosen_rig>();
}

struct memory_rig : rig {
  upstow::memory_store made;
  upstow::store& store() override { return made; }
};

struct filesystem_rig : rig {
  scratch where;
  upstow::filesystem_store made =
      *upstow::filesystem_store::open({.root = where.root(), .fsync = upstow::fsync_policy::none});
  upstow::store& store() override { return made; }
};

/// A small window, short writes, always "not now" first.
struct slow_rig : rig {
  upstow::memory_store inner;
  upstow_test::slow_store made{inner, {.window = 1000, .max_take = 300}};
  slow_rig() { made.grant(upstow::unlimited); }
  upstow::store& store() override { return made; }
};

template <std::uint64_t MemoryBytes>
struct spooled_rig : rig {
  scratch where;
  upstow::spooled_store made = *upstow::spooled_store::open(
      {.directory = where.path(), .memory_bytes = MemoryBytes, .named_temporary_files = true});
  upstow::store& store() override { return made; }
};

template <class Rig>
struct handed_rig : rig {
  Rig next;
  scratch where;
  upstow::spooled_store made =
      *upstow::spooled_store::open(next.store(), {.directory = where.path(), .memory_bytes = 4000});
  upstow::store& store() override { return made; }
};

/// Two threads for all requests, a window of two small blocks, and a budget of four.
template <class Rig>
struct threaded_rig : rig {
  Rig next;
  upstow::threaded_store made = *upstow::threaded_store::open(
      next.store(),
      {.threads = 2, .window = 8 * upstow::KiB, .budget = upstow::memory_budget{16 * upstow::KiB}});
  upstow::store& store() override { return made; }
};

template <class First, class Second>
struct tee_rig : rig {
  First first;
  Second second;
  memory_rig third;
  upstow::tee_store made{
      first.store(),
      {{.to = second.store()}, {.to = third.store(), .need = upstow::tee_need::best_effort}},
      {.window = 3000}};
  upstow::store& store() override { return made; }
};

struct fixed_selector : upstow::route_selector {
  explicit fixed_selector(upstow::store& s) : always(&s) {}
  upstow::store& select(const upstow::part_meta&) noexcept override { return *always; }
  upstow::store* always;
};

/// All of it goes to the store without a prefix.
template <class Rig>
struct routed_rig : rig {
  Rig plain;
  memory_rig other;
  fixed_selector selector{plain.store()};
  upstow::route_store made = *upstow::route_store::open(
      selector, {{.to = other.store(), .prefix = "m"}, {.to = plain.store()}});
  upstow::store& store() override { return made; }
};

}  // namespace

TEST_CASE("a spool keeps the contract in memory") { keeps_the_contract<spooled_rig<1000000>>(); }
TEST_CASE("a spool keeps the contract on disk") { keeps_the_contract<spooled_rig<0>>(); }
TEST_CASE("a spool keeps the contract on both") { keeps_the_contract<spooled_rig<4000>>(); }
TEST_CASE("a spool before memory keeps the contract") {
  keeps_the_contract<handed_rig<memory_rig>>();
}
TEST_CASE("a spool before files keeps the contract") {
  keeps_the_contract<handed_rig<filesystem_rig>>();
}
TEST_CASE("a spool before a slow store keeps the contract") {
  keeps_the_contract<handed_rig<slow_rig>>();
}

TEST_CASE("threads before memory keep the contract") {
  keeps_the_contract<threaded_rig<memory_rig>>();
}
TEST_CASE("threads before files keep the contract") {
  keeps_the_contract<threaded_rig<filesystem_rig>>();
}
TEST_CASE("threads before a slow store keep the contract") {
  keeps_the_contract<threaded_rig<slow_rig>>();
}

TEST_CASE("a tee of memory and files keeps the contract") {
  keeps_the_contract<tee_rig<memory_rig, filesystem_rig>>();
}
TEST_CASE("a tee whose primary is slow keeps the contract") {
  keeps_the_contract<tee_rig<slow_rig, memory_rig>>();
}
TEST_CASE("a tee with a slow second keeps the contract") {
  keeps_the_contract<tee_rig<filesystem_rig, slow_rig>>();
}

TEST_CASE("a route to memory keeps the contract") { keeps_the_contract<routed_rig<memory_rig>>(); }
TEST_CASE("a route to files keeps the contract") {
  keeps_the_contract<routed_rig<filesystem_rig>>();
}
TEST_CASE("a route to a slow store keeps the contract") {
  keeps_the_contract<routed_rig<slow_rig>>();
}

TEST_CASE("all of them in a row keep the contract") {
  keeps_the_contract<threaded_rig<routed_rig<tee_rig<handed_rig<slow_rig>, memory_rig>>>>();
}
