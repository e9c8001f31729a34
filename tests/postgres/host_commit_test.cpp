// Objects that become visible in the host's own transaction, or not at all.
#include "postgres/real_postgres.hpp"
#include "support/form.hpp"
#include "upstow/intake/session.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::op;
using upstow::state;

namespace {

const upstow::policy anything{};

/// The state of a session that has to be waited for.
state settle(upstow::session& s) {
  while (s.st() == state::paused) {
    std::binary_semaphore woken{0};
    const upstow::waker wake{
        [](void* x) noexcept { static_cast<std::binary_semaphore*>(x)->release(); }, &woken};
    if (s.on_ready(wake)) woken.acquire();
    (void)s.resume();
  }
  return s.st();
}

/// A request of one raw body that is prepared, and its key.
struct prepared_upload {
  prepared_upload(upstow::postgres_store& store, const std::string& body)
      : session(store, anything, {.kind = upstow::body_kind::raw},
                {.commit = upstow::commit_mode::host}) {
    std::string_view rest = body;
    while (!rest.empty()) {
      const upstow::step took = session.feed(upstow::as_bytes(rest));
      rest.remove_prefix(took.consumed);
      (void)settle(session);
    }
    (void)session.finish();
    REQUIRE(settle(session) == state::prepared);
    keys.push_back(session.result().files.at(0).key);
  }
  state commit() {
    (void)session.commit();
    return settle(session);
  }
  std::vector<std::string_view> views() const { return {keys.begin(), keys.end()}; }
  upstow::session session;
  std::vector<std::string> keys;
};

std::vector<upstow::publish_as> named(const std::string& text) {
  std::vector<upstow::publish_as> as(1);
  as[0].key = key(text);
  return as;
}

}  // namespace

TEST_CASE("files and the host's rows become visible together") {
  const postgres_place place;
  auto store = open_store(place.options());
  const sql_session host = place.sql();
  REQUIRE(host("CREATE TABLE invoice (file text)").empty());
  const std::string body = pattern(700'000);
  prepared_upload upload(store, body);
  REQUIRE(host("BEGIN").empty());
  REQUIRE(host("INSERT INTO invoice VALUES ('" + upload.keys[0] + "')").empty());
  REQUIRE(store.publish_on(host.raw(), upload.views()));
  CHECK(keys(store).empty());  // the host has not committed yet
  REQUIRE(host("COMMIT").empty());
  CHECK(keys(store) == upload.keys);
  CHECK(upload.commit() == state::done);
  CHECK(upload.session.result().ok());
  CHECK(content(store, upload.keys[0]) == body);
  CHECK(place.sql()("SELECT file FROM invoice") == upload.keys[0]);
}

TEST_CASE("a host that rolls back leaves nothing") {
  const postgres_place place;
  auto store = open_store(place.options());
  const sql_session host = place.sql();
  {
    prepared_upload upload(store, "never");
    REQUIRE(host("BEGIN").empty());
    REQUIRE(store.publish_on(host.raw(), upload.views()));
    REQUIRE(host("ROLLBACK").empty());
    upload.session.cancel();
  }
  CHECK(store.drain(std::chrono::seconds(60)));
  CHECK(place.rows() == "0");
}

TEST_CASE("a session that ends after the host's commit takes nothing back") {
  const postgres_place place;
  auto store = open_store(place.options());
  const sql_session host = place.sql();
  std::vector<std::string> stored;
  {
    prepared_upload upload(store, "kept");
    REQUIRE(host("BEGIN").empty());
    REQUIRE(store.publish_on(host.raw(), upload.views()));
    REQUIRE(host("COMMIT").empty());
    stored = upload.keys;
  }
  CHECK(store.drain(std::chrono::seconds(60)));
  CHECK(content(store, stored[0]) == "kept");
}

TEST_CASE("a host may leave the commit to the session") {
  const postgres_place place;
  auto store = open_store(place.options());
  prepared_upload upload(store, "by itself");
  CHECK(keys(store).empty());
  CHECK(upload.commit() == state::done);
  CHECK(content(store, upload.keys[0]) == "by itself");
}

TEST_CASE("a lent connection is as it was when nothing could be published") {
  const postgres_place place;
  auto store = open_store(place.options());
  auto other = open_store(place.options());
  const sql_session host = place.sql();
  prepared_upload upload(store, "x");
  CHECK(store.publish_on(nullptr, upload.views()).error().code == errc::misuse);
  CHECK(store.publish_on(host.raw(), upload.views()).error().code == errc::misuse);  // no BEGIN

  REQUIRE(host("BEGIN").empty());
  REQUIRE(host("SET LOCAL lock_timeout = '17s'").empty());
  CHECK(store.publish_on(host.raw(), std::vector<std::string_view>{"../etc"}).error().code ==
        errc::key_invalid);
  CHECK(store.publish_on(host.raw(), std::vector<std::string_view>{"no/such"}).error().code ==
        errc::object_not_found);
  CHECK(other.publish_on(host.raw(), upload.views()).error().code == errc::object_not_found);
  // All or none, also where the first of two was good.
  CHECK(store.publish_on(host.raw(), std::vector<std::string_view>{upload.keys[0], "zz"})
            .error()
            .code == errc::object_not_found);
  CHECK(host("SHOW lock_timeout") == "17s");
  CHECK(store.publish_on(host.raw(), upload.views()));
  CHECK(host("SHOW lock_timeout") == "17s");
  REQUIRE(host("COMMIT").empty());
  CHECK(keys(store) == upload.keys);
  CHECK(upload.commit() == state::done);
}

TEST_CASE("a key that is taken cannot be lent, and the host goes on") {
  const postgres_place place;
  auto store = open_store(place.options());
  const sql_session host = place.sql();
  const auto t = upstow_test::open(store);
  REQUIRE(put(*begin(*t), "second"));
  REQUIRE(prepare(*t, named("k")) == op::ok);
  REQUIRE(store_one(store, "first", {.key = key("k")}));
  REQUIRE(host("BEGIN").empty());
  const std::vector<std::string_view> lent{"k"};
  CHECK(store.publish_on(host.raw(), lent).error().code == errc::key_exists);
  CHECK(host("SELECT 1") == "1");
  REQUIRE(host("COMMIT").empty());
  CHECK(commit(*t) == op::error);
  CHECK(t->error().code == errc::key_exists);
  CHECK(content(store, "k") == "first");
}

TEST_CASE("a commit does not wait for a host that holds the key") {
  const postgres_place place;
  auto store = open_store(place.options());
  const sql_session host = place.sql();
  const auto lent = upstow_test::open(store);
  REQUIRE(put(*begin(*lent), "lent"));
  REQUIRE(prepare(*lent, named("k")) == op::ok);
  REQUIRE(host("BEGIN").empty());
  const std::vector<std::string_view> all{"k"};
  REQUIRE(store.publish_on(host.raw(), all));
  // Another store: this one has an upload of its own under the same key.
  auto other = open_store(place.options());
  CHECK(store_one(other, "other", {.key = key("k")}).error().code == errc::key_exists);
  REQUIRE(host("COMMIT").empty());
  CHECK(commit(*lent) == op::ok);
  CHECK(content(store, "k") == "lent");
}
