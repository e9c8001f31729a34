// The S3 store keeps the contract that every store keeps, over a server that was written by others.
// Long: moto takes seconds to start, and milliseconds for each call.
#include "store/contract.hpp"

#include "s3/connected.hpp"
#include "s3/real_moto.hpp"
#include "upstow/store/s3_store.hpp"

namespace {

/// One server for all checks; each has a prefix of its own.
struct moto_place {
  upstow_test::connected<upstow_test::real_moto> to;
  std::unique_ptr<upstow::s3::client> client = [this] {
    upstow::s3::profile service = upstow::s3::generic;
    service.put_create_only = service.complete_create_only = true;
    return to.client(service);
  }();
  int used = 0;

  std::string prefix() const { return "check" + std::to_string(used) + '/'; }
  upstow::s3_store open(upstow::s3_store_options options) {
    ++used;
    options.prefix = prefix();
    auto made = upstow::s3_store::open(options, *client);
    REQUIRE(made);
    return *std::move(made);
  }
  static moto_place& shared() {
    static moto_place one;
    return one;
  }
};

struct moto_rig {
  upstow::s3_store made = moto_place::shared().open({});
  upstow::store& store() { return made; }
};

}  // namespace

TEST_CASE("the S3 store keeps the contract", "[s3][.long]") {
  upstow_test::store_contract<moto_rig>();
}

TEST_CASE("the S3 store with files of many parts", "[s3][.long]") {
  auto made = moto_place::shared().open({.part_bytes = 5 * upstow::MiB, .connections = 4});
  const auto t = upstow_test::open(made);
  for (const unsigned seed : {1U, 2U}) {
    upstow::sink* const to = upstow_test::begin(*t);
    REQUIRE(to != nullptr);
    REQUIRE(upstow_test::put(*to, upstow_test::pattern(12 * upstow::MiB + seed, seed)));
  }
  const upstow::object_metadata named{.filename = "a \xC3\xBC.bin"};
  REQUIRE(upstow_test::prepare(*t, {{}, {.metadata = named}}) == upstow::op::ok);
  CHECK(upstow_test::keys(made).empty());
  REQUIRE(upstow_test::commit(*t) == upstow::op::ok);
  for (const unsigned seed : {1U, 2U}) {
    const std::string key = t->objects()[seed - 1].key;
    CHECK(upstow_test::content(made, key, {}, 100'000) ==
          upstow_test::pattern(12 * upstow::MiB + seed, seed));
  }
  CHECK(made.stat(t->objects()[1].key)->metadata == named);
  CHECK(made.remove(t->objects()[1].key));
  const moto_place& place = moto_place::shared();
  CHECK(place.client->objects(place.prefix())->entries.size() == 2);  // one, and its record
}
