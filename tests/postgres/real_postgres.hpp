// A PostgreSQL of our own, started once for a test program.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/service_script.hpp"
#include "support/storing.hpp"
#include "upstow/store/postgres_store.hpp"

namespace upstow_test {

class real_postgres {
 public:
  /// The one that all tests share: it does not flush to disk.
  static real_postgres& shared() {
    static real_postgres one{false};
    return one;
  }

  explicit real_postgres(bool durable)
      : script_(durable ? std::vector<std::string>{UPSTOW_START_POSTGRES, "--durable"}
                        : std::vector<std::string>{UPSTOW_START_POSTGRES},
                3, "no postgres (Debian: postgresql)") {}

  std::string conninfo() const { return script_.fact("POSTGRES_CONNINFO"); }
  std::string port() const { return script_.fact("POSTGRES_PORT"); }
  /// Over TCP, with the password.
  std::string over_tcp(const std::string& at_port) const {
    return "host=127.0.0.1 port=" + at_port + " user=tester password=testing dbname=postgres";
  }
  /// SIGKILL to all its processes; and again with what it had.
  void kill() { script_.order("kill"); }
  void start() { script_.order("start"); }

 private:
  service_script script_;
};

/// A connection of the test's own, for what only SQL can see or do.
class sql_session {
 public:
  explicit sql_session(const std::string& conninfo)
      : connection_(PQconnectdb(conninfo.c_str()), &PQfinish) {
    PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
  }
  PGconn* raw() const { return connection_.get(); }
  /// The first column of the first row; "!" and the SQLSTATE if it fails.
  std::string operator()(const std::string& sql) const {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> got(PQexec(connection_.get(), sql.c_str()),
                                                             &PQclear);
    const ExecStatusType status = PQresultStatus(got.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
      const char* const state = PQresultErrorField(got.get(), PG_DIAG_SQLSTATE);
      return "!" + std::string(state == nullptr ? "" : state);
    }
    return PQntuples(got.get()) == 0 ? "" : PQgetvalue(got.get(), 0, 0);
  }

 private:
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

/// A schema of its own in the shared server, so that tests do not meet.
struct postgres_place {
  explicit postgres_place(real_postgres& at = real_postgres::shared()) : server(at) {
    static int count = 0;
    schema = "t" + std::to_string(++count);
    REQUIRE(upstow::postgres_store::create_schema(server.conninfo(), schema));
  }
  upstow::postgres_options options() const {
    return {.conninfo = server.conninfo(), .schema = schema};
  }
  sql_session sql() const {
    sql_session made(server.conninfo());
    (void)made("SET search_path TO " + schema);
    return made;
  }
  /// Rows of any kind: of objects that readers cannot see, too.
  std::string rows() const {
    return sql()("SELECT (SELECT count(*) FROM object) + (SELECT count(*) FROM chunk)");
  }

  real_postgres& server;
  std::string schema;
};

inline upstow::postgres_store open_store(const upstow::postgres_options& options) {
  auto made = upstow::postgres_store::open(options);
  INFO(upstow::postgres_reason(made.error()));
  REQUIRE(made);
  return *std::move(made);
}

}  // namespace upstow_test
