#include "upstow/store/memory_store.hpp"

#include "support/catch.hpp"
#include "support/storing.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::op;

TEST_CASE("a memory store is full at its cap and not before") {
  upstow::memory_store s{{.max_bytes = 1000}};
  const std::string k = *store_one(s, pattern(600));
  REQUIRE(store_one(s, pattern(400)));
  CHECK(store_one(s, "x").error().code == errc::storage_full);
  // What failed holds nothing; what is removed comes back.
  REQUIRE(s.remove(k));
  CHECK(store_one(s, pattern(601)).error().code == errc::storage_full);
  CHECK(store_one(s, pattern(600)));
}

TEST_CASE("bytes that are being written count against the cap") {
  upstow::memory_store s{{.max_bytes = 1000}};
  auto a = upstow_test::open(s);
  REQUIRE(put(*begin(*a), pattern(800)));
  CHECK(store_one(s, pattern(300)).error().code == errc::storage_full);
  a->abort();
  CHECK(store_one(s, pattern(300)));
}

TEST_CASE("an error of a memory sink is final") {
  upstow::memory_store s{{.max_bytes = 10}};
  const auto t = upstow_test::open(s);
  upstow::sink* const to = begin(*t);
  CHECK(to->write(upstow::as_bytes(pattern(11))).error.code == errc::storage_full);
  CHECK(to->write(upstow::as_bytes("x")).error.code == errc::storage_full);
  CHECK(t->prepare(std::vector<upstow::publish_as>(1)) == op::error);
  CHECK(t->error().code == errc::storage_full);
  CHECK(t->commit() == op::error);
}

TEST_CASE("objects of one request appear together in a memory store") {
  upstow::memory_store s;
  CHECK(s.caps().multi_object_atomic);
  const auto t = upstow_test::open(s);
  REQUIRE(put(*begin(*t), "a"));
  REQUIRE(put(*begin(*t), "b"));
  REQUIRE(t->prepare(std::vector<upstow::publish_as>{{.key = key("a")}, {.key = key("b")}}) ==
          op::ok);
  REQUIRE(store_one(s, "taken meanwhile", {.key = key("b")}));
  CHECK(t->commit() == op::error);
  CHECK(keys(s) == std::vector<std::string>{"b"});
}
