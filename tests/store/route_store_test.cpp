// What is special about route_store; that it is a store at all stands in decorators_test.cpp.
#include "upstow/store/route_store.hpp"

#include "contract.hpp"
#include "support/keyed_store.hpp"
#include "support/slow_store.hpp"
#include "upstow/store/memory_store.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::object_state;
using upstow::op;

namespace {

/// By the name of the field: "a", "b" or anything else.
struct by_field : upstow::route_selector {
  by_field(upstow::store& x, upstow::store& y) : a(x), b(y) {}
  upstow::store& select(const upstow::part_meta& p) noexcept override {
    return p.field == "a" ? a : p.field == "b" ? b : stranger;
  }
  upstow::store& a;
  upstow::store& b;
  upstow::memory_store stranger;
};

struct two_stores {
  upstow::memory_store a, b;
  by_field selector{a, b};
  upstow::route_store made =
      *upstow::route_store::open(selector, {{.to = a}, {.to = b, .prefix = "b/x"}});
};

upstow::sink* begin_field(upstow::transaction& t, std::string_view field) {
  upstow::failure why;
  return t.begin({.field = field}, why);
}

}  // namespace

TEST_CASE("each file goes to its own store, and its key says where it is") {
  two_stores s;
  const auto t = open(s.made);
  REQUIRE(put(*begin_field(*t, "b"), "1"));
  REQUIRE(put(*begin_field(*t, "a"), "2"));
  upstow::sink* const gone = begin_field(*t, "b");
  REQUIRE(put(*gone, "3"));
  gone->discard();
  REQUIRE(put(*begin_field(*t, "b"), "4"));
  REQUIRE(prepare(*t, {{}, {.key = key("given")}, {.key = key("b/x/given")}}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  REQUIRE(t->objects().size() == 3);
  const std::string random = t->objects()[0].key;
  CHECK(random.starts_with("b/x/"));
  CHECK(t->objects()[1].key == "given");
  CHECK(t->objects()[2].key == "b/x/given");
  CHECK(content(s.made, random) == "1");
  CHECK(content(s.made, "given") == "2");
  CHECK(content(s.made, "b/x/given") == "4");
  CHECK(content(s.a, "given") == "2");
  CHECK(content(s.b, "given") == "4");
  CHECK(s.made.stat("b/x/given")->key == "b/x/given");
  upstow::failure why;
  CHECK(s.made.read("b/x/given", {}, why)->info().key == "b/x/given");
  CHECK(s.made.resolve("b/x/given", why) == op::ok);
  std::vector<std::string> sorted{random, "b/x/given", "given"};
  std::sort(sorted.begin(), sorted.end());
  for (const std::size_t page : {1U, 2U, 3U, 10U}) CHECK(keys(s.made, page) == sorted);
  REQUIRE(s.made.remove("b/x/given"));
  CHECK(keys(s.b).size() == 1);
}

TEST_CASE("pages of several stores are in one order") {
  two_stores s;
  std::vector<std::string> all{"a", "b", "b-c", "b/w", "b/x-y", "b/x/a", "b/x/z/9", "b/x.y", "c"};
  for (const auto& k : all) {
    const auto t = open(s.made);
    REQUIRE(put(*begin_field(*t, k.starts_with("b/x/") ? "b" : "a"), k));
    REQUIRE(prepare(*t, {{.key = key(k)}}) == op::ok);
    REQUIRE(commit(*t) == op::ok);
  }
  std::sort(all.begin(), all.end());
  for (std::size_t page = 1; page < 11; ++page) CHECK(keys(s.made, page) == all);
}

TEST_CASE("a key for another store than the one selected is refused") {
  two_stores s;
  for (const auto* k : {"given", "b/x/given"}) {
    const auto t = open(s.made);
    REQUIRE(put(*begin_field(*t, std::string_view(k) == "given" ? "b" : "a"), "x"));
    CHECK(prepare(*t, {{.key = key(k)}}) == op::error);
    CHECK(t->error().code == errc::key_invalid);
  }
  CHECK(nothing_in(s.made));
}

TEST_CASE("a store that needs its key early gets it without the prefix") {
  upstow::memory_store a, b;
  keyed_store early{b};
  by_field selector{a, early};
  auto s = *upstow::route_store::open(selector, {{.to = a}, {.to = early, .prefix = "b"}});
  CHECK_FALSE(s.caps().late_key);
  const auto t = open(s);
  upstow::failure why;
  CHECK(t->begin({.field = "b", .key = "other"}, why) == nullptr);
  CHECK(why.code == errc::key_invalid);
  REQUIRE(put(*t->begin({.field = "b", .key = "b/k"}, why), "x"));
  CHECK(early.begun.at(0).key == "k");
  REQUIRE(prepare(*t, {{.key = key("b/k")}}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  CHECK(content(s, "b/k") == "x");
}

TEST_CASE("stores and prefixes that do not fit are misuse") {
  upstow::memory_store a, b;
  by_field selector{a, b};
  const auto code = [&](std::vector<upstow::route_child> children) {
    return upstow::route_store::open(selector, std::move(children)).error().code;
  };
  CHECK(code({}) == errc::misuse);
  CHECK(code({{.to = a, .prefix = "/x"}}) == errc::misuse);
  CHECK(code({{.to = a, .prefix = "x/"}}) == errc::misuse);
  CHECK(code({{.to = a}, {.to = b}}) == errc::misuse);
  CHECK(code({{.to = a, .prefix = "x"}, {.to = b, .prefix = "x"}}) == errc::misuse);
  CHECK(code({{.to = a, .prefix = "x/y"}, {.to = b, .prefix = "x"}}) == errc::misuse);
  CHECK(code({{.to = a, .prefix = "x"}, {.to = b, .prefix = "xy"}}) == errc::ok);
  two_stores s;
  const auto t = open(s.made);
  upstow::failure why;
  CHECK(t->begin({.field = "neither"}, why) == nullptr);
  CHECK(why.code == errc::misuse);
}

TEST_CASE("a key that no store has is not found") {
  upstow::memory_store a, b;
  by_field selector{a, b};
  auto s =
      *upstow::route_store::open(selector, {{.to = a, .prefix = "a"}, {.to = b, .prefix = "b"}});
  CHECK(s.stat("c/x").error().code == errc::object_not_found);
  CHECK(s.remove("a").error().code == errc::object_not_found);
  CHECK(content(s, "c/x") == "!object-not-found");
}

TEST_CASE("a store that fails at any step fails the files of all of them") {
  for (const stage at : {stage::open, stage::begin, stage::write, stage::prepare, stage::commit}) {
    upstow::memory_store a, b;
    slow_store bad{b, {.fail_at = at}};
    bad.grant(upstow::unlimited);
    by_field selector{a, bad};
    auto s = *upstow::route_store::open(selector, {{.to = a}, {.to = bad, .prefix = "b"}});
    const auto t = open(s);
    REQUIRE(put(*begin_field(*t, "a"), "x"));
    upstow::failure why;
    upstow::sink* const to = t->begin({.field = "b"}, why);
    if (to == nullptr) CHECK(why.cause == 5);
    if (to != nullptr) {
      static_cast<void>(put(*to, "y"));
      const bool prepared = prepare(*t, {{}, {}}) == op::ok;
      CHECK(prepared == (at == stage::commit));
      if (prepared) CHECK(commit(*t) == op::error);
      CHECK(t->error().cause == 5);
      for (const auto& o : t->objects()) CHECK(o.state == object_state::absent);
    }
    t->abort();
    CHECK(nothing_in(s));
  }
}

TEST_CASE("an unknown end is told for the files of that store alone") {
  upstow::memory_store a, b;
  slow_store silent{b, {.commit_unknown = true, .unknown_commits = true}};
  silent.grant(upstow::unlimited);
  by_field selector{a, silent};
  auto s = *upstow::route_store::open(selector, {{.to = a}, {.to = silent, .prefix = "b"}});
  const auto t = open(s);
  REQUIRE(put(*begin_field(*t, "a"), "x"));
  REQUIRE(put(*begin_field(*t, "b"), "y"));
  REQUIRE(prepare(*t, {{}, {}}) == op::ok);
  CHECK(commit(*t) == op::unknown);
  CHECK(t->objects()[0].state == object_state::absent);
  CHECK(t->objects()[1].state == object_state::unknown);
  upstow::failure why;
  CHECK(s.resolve(t->objects()[1].key, why) == op::ok);
}
