// The S3 store keeps the contract that every store keeps, over servers that were written by others.
// Long: they take seconds to start, and milliseconds for each call.
#include "store/contract.hpp"

#include "s3/connected.hpp"
#include "s3/real_servers.hpp"
#include "upstow/store/s3_store.hpp"

namespace {

upstow::s3::profile profile_of(const upstow_test::real_moto&) {
  upstow::s3::profile service = upstow::s3::generic;
  service.put_create_only = service.complete_create_only = true;
  return service;
}
upstow::s3::profile profile_of(const upstow_test::real_ceph&) { return upstow::s3::ceph; }
upstow::s3::profile profile_of(const upstow_test::real_swift&) { return upstow::s3::generic; }

/// One server for all checks; each has a prefix of its own.
template <class Server>
struct place {
  upstow_test::connected<Server> to;
  std::unique_ptr<upstow::s3::client> client = to.client(profile_of(to.server));
  int used = 0;

  std::string prefix() const { return "check" + std::to_string(used) + '/'; }
  upstow::s3_store open(upstow::s3_store_options options) {
    ++used;
    options.prefix = prefix();
    auto made = upstow::s3_store::open(options, *client);
    REQUIRE(made);
    return *std::move(made);
  }
  static place& shared() {
    static place one;
    return one;
  }
};

template <class Server>
struct rig {
  upstow::s3_store made = place<Server>::shared().open({});
  upstow::store& store() { return made; }
};

template <class Server>
void many_parts() {
  auto made = place<Server>::shared().open({.part_bytes = 5 * upstow::MiB, .connections = 4});
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
  const auto& at = place<Server>::shared();
  CHECK(at.client->objects(at.prefix())->entries.size() == 2);  // one, and its record
}

}  // namespace

TEST_CASE("the S3 store keeps the contract over moto", "[s3][.moto]") {
  upstow_test::store_contract<rig<upstow_test::real_moto>>();
  many_parts<upstow_test::real_moto>();
}

TEST_CASE("the S3 store keeps the contract over Ceph", "[s3][.ceph]") {
  upstow_test::store_contract<rig<upstow_test::real_ceph>>();
  many_parts<upstow_test::real_ceph>();
}

TEST_CASE("the S3 store keeps the contract over Swift", "[s3][.swift]") {
  upstow_test::store_contract<rig<upstow_test::real_swift>>();
  many_parts<upstow_test::real_swift>();
}
