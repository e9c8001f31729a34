// What is special about tee_store; that it is a store at all stands in decorators_test.cpp.
#include "upstow/store/tee_store.hpp"

#include "contract.hpp"
#include "support/keyed_store.hpp"
#include "support/slow_store.hpp"
#include "upstow/store/memory_store.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::object_state;
using upstow::op;
using upstow::tee_need;

namespace {

struct noted : upstow::tee_watcher {
  struct one {
    std::size_t child;
    upstow::failure why;
    std::vector<upstow::object_info> objects;
  };
  void failed(const upstow::tee_failure& f) noexcept override {
    all.push_back({f.child, f.why, {f.objects.begin(), f.objects.end()}});
  }
  std::vector<one> all;
};

/// A store whose remove() fails.
struct stubborn_store final : through_store {
  using through_store::through_store;
  upstow::result<void> remove(std::string_view) noexcept override { return errc::storage_failed; }
};

}  // namespace

TEST_CASE("all stores of a tee get the same bytes under the primary's keys") {
  upstow::memory_store a, b, c;
  keyed_store keyed{c};
  upstow::tee_store s{a, {{.to = b}, {.to = keyed, .need = tee_need::best_effort}}};
  CHECK(s.caps().late_key);
  const auto t = open(s);
  REQUIRE(put(*begin(*t), pattern(5000, 1)));
  REQUIRE(put(*begin(*t), pattern(10, 2)));
  REQUIRE(prepare(*t, {{}, {.key = key("given")}}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  CHECK(keys(a) == keys(b));
  CHECK(content(b, t->objects()[0].key) == pattern(5000, 1));
  CHECK(content(b, "given") == pattern(10, 2));
  REQUIRE(s.remove("given"));
  CHECK(keys(b).size() == 1);
  CHECK(s.remove("given").error().code == errc::object_not_found);
}

TEST_CASE("a store that needs its key early makes the tee need it, if it is required") {
  upstow::memory_store a, b;
  keyed_store keyed{b};
  upstow::tee_store s{a, {{.to = keyed}}};
  CHECK_FALSE(s.caps().late_key);
  const auto t = open(s);
  upstow::failure why;
  REQUIRE(put(*t->begin({.key = "early"}, why), "data"));
  REQUIRE(prepare(*t, {{.key = key("early")}}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  CHECK(content(a, "early") == "data");
  CHECK(content(b, "early") == "data");
}

TEST_CASE(
    "who lags behind the primary gets what it missed, and holds it back when the window is full") {
  upstow::memory_store a, b;
  slow_store slow{b, {.window = 1000}};
  upstow::tee_store s{a, {{.to = slow}}, {.window = 3000}};
  const auto t = open(s);
  upstow::sink* const to = begin(*t);
  const std::string data = pattern(20000);
  const std::size_t n = to->write(upstow::as_bytes(data)).n;
  CHECK(n == 4000);  // its own window, and the tee's
  CHECK(to->write(upstow::as_bytes(data).subspan(n)).n == 0);
  std::binary_semaphore woken{0};
  REQUIRE(to->on_ready(
      {[](void* w) noexcept { static_cast<std::binary_semaphore*>(w)->release(); }, &woken}));
  slow.grant(upstow::unlimited);
  woken.acquire();
  to->disarm();
  REQUIRE(put(*to, data.substr(n)));
  REQUIRE(prepare(*t, {{}}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  CHECK(content(a, t->objects()[0].key) == data);
  CHECK(content(b, t->objects()[0].key) == data);
}

TEST_CASE("what was taken is what is stored, also if the rest never comes") {
  upstow::memory_store a, b;
  slow_store slow{a, {.window = 1000}};
  upstow::tee_store s{slow, {{.to = b}}};
  const auto t = open(s);
  CHECK(begin(*t)->write(upstow::as_bytes(pattern(5000))).n == 1000);
  slow.grant(upstow::unlimited);
  REQUIRE(prepare(*t, {{}}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  CHECK(content(a, t->objects()[0].key) == pattern(5000).substr(0, 1000));
  CHECK(content(b, t->objects()[0].key) == pattern(5000).substr(0, 1000));
}

TEST_CASE("one of best effort that fails at any step drops out and is reported") {
  for (const stage at : {stage::open, stage::begin, stage::write, stage::prepare, stage::commit}) {
    upstow::memory_store a, b;
    slow_store bad{b, {.fail_at = at}};
    bad.grant(upstow::unlimited);
    noted heard;
    upstow::tee_store s{a, {{.to = bad, .need = tee_need::best_effort}}, {.watcher = &heard}};
    const auto t = open(s);
    REQUIRE(t != nullptr);
    upstow::sink* const to = begin(*t);
    REQUIRE(to != nullptr);
    REQUIRE(put(*to, pattern(5000)));
    REQUIRE(prepare(*t, {{}}) == op::ok);
    REQUIRE(commit(*t) == op::ok);
    CHECK(content(a, t->objects()[0].key) == pattern(5000));
    REQUIRE(heard.all.size() == 1);
    CHECK(heard.all[0].child == 1);
    CHECK(heard.all[0].why.cause == 5);
    for (const auto& o : heard.all[0].objects) CHECK(o.state == object_state::absent);
    CHECK(bad.drain(long_enough));
    CHECK(keys(b).empty());
  }
}

TEST_CASE("one of best effort that lags more than the window drops out") {
  upstow::memory_store a, b;
  slow_store stuck{b, {.window = 1000, .hang_at = stage::write}};
  noted heard;
  upstow::tee_store s{
      a, {{.to = stuck, .need = tee_need::best_effort}}, {.window = 3000, .watcher = &heard}};
  const std::string k = *store_one(s, pattern(20000));
  CHECK(content(a, k) == pattern(20000));
  REQUIRE(heard.all.size() == 1);
  CHECK(heard.all[0].why.code == errc::too_slow);
}

TEST_CASE("a required one that fails at any step fails the request everywhere") {
  for (const stage at : {stage::open, stage::begin, stage::write, stage::prepare, stage::commit}) {
    upstow::memory_store a, b, c;
    slow_store bad{b, {.fail_at = at}};
    bad.grant(upstow::unlimited);
    upstow::tee_store s{a, {{.to = bad}, {.to = c}}};
    if (at == stage::open) CHECK(open(s) == nullptr);
    if (at != stage::open) CHECK(store_one(s, pattern(5000)).error().cause == 5);
    CHECK(nothing_in(s));
    CHECK(bad.drain(long_enough));
    CHECK(keys(b).empty());
    CHECK(keys(c).empty());
  }
}

TEST_CASE("what cannot be undone in a store of a tee is told") {
  upstow::memory_store a, b;
  stubborn_store primary{a};
  slow_store bad{b, {.fail_at = stage::commit}};
  bad.grant(upstow::unlimited);
  noted heard;
  upstow::tee_store s{primary, {{.to = bad}}, {.watcher = &heard}};
  const auto t = open(s);
  REQUIRE(put(*begin(*t), "data"));
  REQUIRE(prepare(*t, {{}}) == op::ok);
  CHECK(commit(*t) == op::error);
  CHECK(t->objects()[0].state == object_state::stored);
  REQUIRE(heard.all.size() == 2);
  CHECK(heard.all[0].child == 1);
  CHECK(heard.all[1].child == 0);
  CHECK(heard.all[1].objects.at(0).state == object_state::stored);
  CHECK(keys(a).size() == 1);
}

TEST_CASE("an unknown end of the primary is unknown, of another one it is a failure") {
  for (const bool primary : {true, false}) {
    upstow::memory_store a, b;
    slow_store silent{a, {.commit_unknown = true, .unknown_commits = true}};
    silent.grant(upstow::unlimited);
    noted heard;
    upstow::store& first = primary ? static_cast<upstow::store&>(silent) : b;
    upstow::store& second = primary ? static_cast<upstow::store&>(b) : silent;
    upstow::tee_store s{first, {{.to = second}}, {.watcher = &heard}};
    const auto t = open(s);
    REQUIRE(put(*begin(*t), "data"));
    REQUIRE(prepare(*t, {{}}) == op::ok);
    CHECK(commit(*t) == (primary ? op::unknown : op::error));
    CHECK(t->error().code == errc::commit_unknown);
    CHECK(t->objects()[0].state == (primary ? object_state::unknown : object_state::absent));
    REQUIRE(heard.all.size() == 1);
    CHECK(heard.all[0].objects.at(0).state == object_state::unknown);
    CHECK(keys(b).empty());
  }
}
