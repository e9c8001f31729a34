// The server goes away, the connection is cut at the worst moment, writers are killed.
#include "postgres/cutting_proxy.hpp"
#include "postgres/real_postgres.hpp"
#include "support/killed_writer.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::object_state;
using upstow::op;
using cut = cutting_proxy::cut;

namespace {

constexpr std::chrono::seconds a_minute{60};  // only a hang takes as long

/// A store behind a proxy, and a request of two objects that is prepared.
struct cut_at_commit {
  explicit cut_at_commit(std::chrono::milliseconds patience) {
    auto options = place.options();
    options.conninfo = place.server.over_tcp(proxy.port()) + " sslmode=disable";
    options.patience = patience;
    store = std::make_unique<upstow::postgres_store>(open_store(options));
    request = upstow_test::open(*store);
    REQUIRE(put(*begin(*request), first));
    REQUIRE(put(*begin(*request), "second"));
    REQUIRE(prepare(*request, {{}, {}}) == op::ok);
  }
  std::string key(std::size_t i) const { return request->objects()[i].key; }
  bool all_stored() {
    for (const auto& o : request->objects())
      if (o.state != object_state::stored) return false;
    return keys(*store).size() == 2 && content(*store, key(0)) == first &&
           content(*store, key(1)) == "second";
  }

  postgres_place place;
  cutting_proxy proxy{place.server.port()};
  const std::string first = pattern(600'000);
  std::unique_ptr<upstow::postgres_store> store;
  std::unique_ptr<upstow::transaction> request;
};

/// Waits for the server's processes of those that died or closed: until then they may still write.
void wait_for_strangers(const sql_session& sql) {
  REQUIRE(sql("DO $$ BEGIN"
              " WHILE EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'upstow') LOOP"
              "  PERFORM pg_sleep(0.005); PERFORM pg_stat_clear_snapshot();"
              " END LOOP; END $$")
              .empty());
}

kill_report kill_them(int kills) {
  const postgres_place place;
  const auto got = kill_writers(
      {.kills = kills, .largest_object = 700'000},
      [&] {
        wait_for_strangers(place.sql());
        return std::make_unique<upstow::postgres_store>(open_store(place.options()));
      },
      [&](upstow::store&) {
        return place.sql()(
            "SELECT 'object ' || id FROM object WHERE state <> 2 UNION ALL"
            " SELECT 'chunk of ' || object FROM chunk WHERE object NOT IN (SELECT id FROM object)");
      });
  CHECK(got.fault == "");
  CHECK(got.kills == static_cast<std::size_t>(kills));
  CHECK(got.reported > 0);
  return got;
}

}  // namespace

TEST_CASE("a COMMIT that is lost on its way is made again") {
  cut_at_commit c{a_minute};
  c.proxy.cut_next(cut::before, false);
  CHECK(commit(*c.request) == op::ok);
  CHECK(c.proxy.cuts() == 1);
  CHECK(c.all_stored());
}

TEST_CASE("a COMMIT whose answer is lost is found done") {
  cut_at_commit c{a_minute};
  c.proxy.cut_next(cut::after, false);
  CHECK(commit(*c.request) == op::ok);
  CHECK(c.proxy.cuts() == 1);
  CHECK(c.all_stored());
}

TEST_CASE("a COMMIT that nobody can tell of is unknown, and resolved later") {
  for (const cut how : {cut::before, cut::after}) {
    const bool reached = how == cut::after;
    INFO("reached the server: " << reached);
    cut_at_commit c{std::chrono::seconds(3)};  // far over what an answer takes
    c.proxy.cut_next(how, true);
    CHECK(commit(*c.request) == op::unknown);
    CHECK(commit(*c.request) == op::unknown);
    CHECK(c.request->error().code == errc::commit_unknown);
    CHECK(c.request->objects()[0].state == object_state::unknown);
    upstow::failure why;
    CHECK(c.store->resolve(c.key(0), why) == op::unknown);
    CHECK(why.code == errc::storage_unavailable);
    c.proxy.allow();
    CHECK(c.store->resolve(c.key(0), why) == (reached ? op::ok : op::error));
    CHECK(c.store->resolve(c.key(1), why) == (reached ? op::ok : op::error));
    if (!reached) CHECK(why.code == errc::object_not_found);
    CHECK(c.store->drain(a_minute));
    CHECK(keys(*c.store).size() == (reached ? 2U : 0U));
    if (!reached) CHECK(c.place.rows() == "0");
  }
}

TEST_CASE("an upload survives a server that is killed and comes back, or fails whole") {
  const postgres_place place;
  auto options = place.options();
  options.patience = a_minute;
  auto store = open_store(options);
  const std::string data = pattern(3'000'000);
  const std::string before = *store_one(store, data);

  const auto prepared = upstow_test::open(store);
  REQUIRE(put(*begin(*prepared), data));
  REQUIRE(prepare(*prepared, {{}}) == op::ok);
  const auto half = upstow_test::open(store);
  upstow::sink* const to = begin(*half);
  REQUIRE(put(*to, data.substr(0, 1'500'000)));
  place.server.kill();
  place.server.start();

  // What was prepared is safe.
  CHECK(commit(*prepared) == op::ok);
  CHECK(content(store, prepared->objects()[0].key) == data);
  CHECK(content(store, before) == data);
  // What was on its way is whole or nothing: the crash may have taken its last batches.
  const bool stored =
      put(*to, data.substr(1'500'000)) && prepare(*half, {{}}) == op::ok && commit(*half) == op::ok;
  if (stored) {
    CHECK(content(store, half->objects()[0].key) == data);
  } else {
    CHECK(half->error().code == errc::storage_unavailable);
    CHECK(store.drain(a_minute));
    CHECK(place.sql()("SELECT count(*) FROM object WHERE state <> 2") == "0");
  }
  CHECK(keys(store).size() == (stored ? 3U : 2U));
  CHECK(content(store, *store_one(store, data)) == data);
}

TEST_CASE("a server that stays away is not available, and then it is") {
  const postgres_place place;
  auto options = place.options();
  options.patience = std::chrono::milliseconds(100);
  auto store = open_store(options);
  const auto t = upstow_test::open(store);
  upstow::sink* const to = begin(*t);
  REQUIRE(put(*to, pattern(300'000)));
  place.server.kill();
  const bool taken = put(*to, pattern(3'000'000)) && prepare(*t, {{}}) == op::ok;
  CHECK_FALSE(taken);
  CHECK(t->error().code == errc::storage_unavailable);
  CHECK(store.stat("k").error().code == errc::storage_unavailable);
  CHECK(store.list({}, 1).error().code == errc::storage_unavailable);
  CHECK(store.sweep({}).error.code == errc::storage_unavailable);
  place.server.start();
  CHECK(store.drain(a_minute));
  CHECK(place.rows() == "0");
  // Its patience is short for a machine that stalls, but not each time.
  bool again = false;
  for (int i = 0; i < 100 && !again; ++i) again = store_one(store, "again").has_value();
  CHECK(again);
}

TEST_CASE("bytes that the server lost are missed") {
  const postgres_place place;
  auto store = open_store(place.options());
  const auto t = upstow_test::open(store);
  upstow::sink* const to = begin(*t);
  REQUIRE(put(*to, pattern(2'000'000)));
  // As a crash would that took a batch.
  const sql_session sql = place.sql();
  while (sql("DELETE FROM chunk WHERE first = 0 RETURNING first") != "0") {
  }
  CHECK(prepare(*t, {{}}) == op::error);
  CHECK(t->error().code == errc::storage_unavailable);
  CHECK(store.drain(a_minute));
  CHECK(place.rows() == "0");
}

TEST_CASE("writers that are killed leave whole objects, and nothing after a sweep") {
  (void)kill_them(5);
}

TEST_CASE("writers that are killed at 200 points", "[.long]") {
  const kill_report got = kill_them(200);
  WARN(got.reported << " objects reported, " << got.visible_unreported << " visible without, "
                    << got.swept << " swept");
}
