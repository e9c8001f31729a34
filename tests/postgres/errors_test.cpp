// What goes wrong between a store and its server is told clearly, and never with a password.
#include "postgres/real_postgres.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::postgres_store;

namespace {

void check_refused(const upstow::postgres_options& options, errc code, const std::string& state) {
  const auto made = postgres_store::open(options);
  REQUIRE_FALSE(made);
  CHECK(describe(made.error().code).name == describe(code).name);
  CHECK(upstow::sqlstate_of(made.error()) == state);
  const std::string words = upstow::postgres_reason(made.error());
  CHECK((words.rfind(state + ": ", 0) == 0 || state.empty()));
  CHECK(words.find("secret") == std::string::npos);
}

/// Every chunk that is inserted raises `state`.
void refuse_chunks(const sql_session& sql, const std::string& state) {
  REQUIRE(sql("CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
              "RAISE EXCEPTION 'no' USING ERRCODE = '" +
              state + "'; END $$")
              .empty());
  REQUIRE(sql("DROP TRIGGER IF EXISTS refuse ON chunk").empty());
  REQUIRE(sql("CREATE TRIGGER refuse BEFORE INSERT ON chunk EXECUTE FUNCTION refuse()").empty());
}

}  // namespace

TEST_CASE("a PostgreSQL store that cannot open says why") {
  real_postgres& server = real_postgres::shared();
  const postgres_place place;
  auto options = place.options();
  SECTION("wrong password") {
    options.conninfo =
        "host=127.0.0.1 user=tester password=secret dbname=postgres port=" + server.port();
    check_refused(options, errc::storage_failed, "28P01");
  }
  SECTION("no such database") {
    options.conninfo = server.conninfo() + " dbname=secret";
    check_refused(options, errc::storage_failed, "3D000");
  }
  SECTION("no server there") {
    options.conninfo = "host=127.0.0.1 port=1 user=secret dbname=postgres";
    check_refused(options, errc::storage_unavailable, "08001");
  }
  SECTION("TLS that the server does not have") {
    options.conninfo = server.over_tcp(server.port()) + " sslmode=require";
    check_refused(options, errc::storage_unavailable, "08001");
  }
  SECTION("no schema") {
    options.schema = "never_made";
    check_refused(options, errc::schema_missing, "42P01");
  }
  SECTION("a schema that is empty") {
    REQUIRE(place.sql()("CREATE SCHEMA hollow").empty());
    options.schema = "hollow";
    check_refused(options, errc::schema_missing, "42P01");
  }
  SECTION("a schema of a later version") {
    REQUIRE(place.sql()("UPDATE version SET version = 7").empty());
    check_refused(options, errc::schema_mismatch, "");
    CHECK(postgres_store::open(options).error().cause == 7);
    CHECK(postgres_store::create_schema(options.conninfo, place.schema).error().code ==
          errc::schema_mismatch);
  }
  SECTION("what is no connection string") {
    options.conninfo = "host=a secret";
    check_refused(options, errc::misuse, "");
  }
}

TEST_CASE("the name of a PostgreSQL schema is an identifier or nothing") {
  const std::string conninfo = real_postgres::shared().conninfo();
  for (const std::string& bad :
       {std::string(), std::string("a\"b"), std::string("a.b"), std::string("A"), std::string("1a"),
        std::string("pg_x"), std::string("a b"), std::string("a;"), std::string(64, 'a')}) {
    INFO(bad);
    CHECK(postgres_store::create_schema(conninfo, bad).error().code == errc::misuse);
    CHECK(postgres_store::open({.conninfo = conninfo, .schema = bad}).error().code == errc::misuse);
  }
  CHECK(postgres_store::create_schema(conninfo, std::string(63, 'a')));
}

TEST_CASE("options of a PostgreSQL store have ranges") {
  const postgres_place place;
  const auto with = [&](auto change) {
    auto options = place.options();
    change(options);
    return postgres_store::open(options).error().code;
  };
  CHECK(with([](auto& o) { o.connections = 0; }) == errc::misuse);
  CHECK(with([](auto& o) { o.connections = 257; }) == errc::misuse);
  CHECK(with([](auto& o) { o.read_connections = 0; }) == errc::misuse);
  CHECK(with([](auto& o) { o.window_bytes = 256 * upstow::KiB - 1; }) == errc::misuse);
  CHECK(with([](auto& o) { o.window_bytes = upstow::unlimited; }) == errc::misuse);
  CHECK(with([](auto& o) { o.statement_timeout = {}; }) == errc::misuse);
  CHECK(with([](auto& o) { o.connect_timeout = std::chrono::hours(25); }) == errc::misuse);
  CHECK(with([](auto&) {}) == errc::ok);
}

TEST_CASE("a PostgreSQL schema is made once and by one who may") {
  const postgres_place place;
  const std::string conninfo = place.server.conninfo();
  CHECK(postgres_store::create_schema(conninfo, place.schema));  // again
  // A role that may use it and not make it: open() works, creating one does not.
  const sql_session sql = place.sql();
  const std::string role = "guest_of_" + place.schema;
  REQUIRE(sql("CREATE ROLE " + role + " LOGIN").empty());
  REQUIRE(sql("GRANT USAGE ON SCHEMA " + place.schema + " TO " + role).empty());
  REQUIRE(sql("GRANT ALL ON ALL TABLES IN SCHEMA " + place.schema + " TO " + role).empty());
  auto options = place.options();
  options.conninfo += " user=" + role;
  auto store = open_store(options);
  CHECK(store_one(store, "x"));
  CHECK(postgres_store::create_schema(options.conninfo, place.schema));  // is there: nothing to do
  const auto denied = postgres_store::create_schema(options.conninfo, place.schema + "_more");
  CHECK(upstow::sqlstate_of(denied.error()) == "42501");
}

TEST_CASE("what the PostgreSQL server refuses has its own code") {
  const postgres_place place;
  auto store = open_store(place.options());
  const sql_session sql = place.sql();
  struct expected {
    const char* state;
    errc code;
  };
  for (const auto& [state, code] : {expected{"53100", errc::storage_full},
                                    {"53200", errc::storage_unavailable},
                                    {"57014", errc::storage_unavailable},
                                    {"25006", errc::storage_unavailable},
                                    {"42501", errc::storage_failed},
                                    {"XX000", errc::storage_failed}}) {
    INFO(state);
    refuse_chunks(sql, state);
    const auto t = upstow_test::open(store);
    upstow::sink* const to = begin(*t);
    REQUIRE(to != nullptr);
    CHECK_FALSE((put(*to, pattern(3'000'000)) && prepare(*t, {{}}) == upstow::op::ok));
    CHECK(to->error().code == code);
    CHECK(t->error().code == code);
    CHECK(upstow::sqlstate_of(t->error()) == state);
    CHECK(to->write(upstow::as_bytes("more")).error.code == code);  // for good
    CHECK(commit(*t) == upstow::op::error);
  }
  REQUIRE(sql("DROP TRIGGER refuse ON chunk").empty());
  CHECK(store.drain(std::chrono::seconds(60)));
  CHECK(place.rows() == "0");
  CHECK(store_one(store, "now it goes"));
}

TEST_CASE("a PostgreSQL server without a free connection is not available") {
  const postgres_place place;
  const sql_session sql = place.sql();
  REQUIRE(sql("CREATE ROLE crowd_" + place.schema + " LOGIN CONNECTION LIMIT 0").empty());
  auto options = place.options();
  options.conninfo += " user=crowd_" + place.schema;
  check_refused(options, errc::storage_unavailable, "53300");
}
