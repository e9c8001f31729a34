// A PostgreSQL of our own, started by tests/services/start_postgres, once for a test program, and
// ended with it. Where there is none the program ends with 77, which ctest calls skipped.
#pragma once

#include <fcntl.h>
#include <libpq-fe.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/storing.hpp"
#include "upstow/store/postgres_store.hpp"

extern char** environ;

namespace upstow_test {

class real_postgres {
 public:
  /// The one that all tests share: it does not flush to disk.
  static real_postgres& shared() {
    static real_postgres one{false};
    return one;
  }

  explicit real_postgres(bool durable) {
    std::array<int, 2> in{}, out{};
    REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::string program = UPSTOW_START_POSTGRES;
    std::string how = "--durable";
    std::array<char*, 3> argv{program.data(), durable ? how.data() : nullptr, nullptr};
    const int error =
        ::posix_spawn(&script_, program.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    orders_ = in[1];
    INFO(program);
    REQUIRE(error == 0);
    lines_ = ::fdopen(out[0], "r");
    read_facts();
  }
  real_postgres(const real_postgres&) = delete;
  real_postgres& operator=(const real_postgres&) = delete;
  ~real_postgres() {
    (void)end_script();
    std::fclose(lines_);
  }

  std::string conninfo() const { return facts_.at("POSTGRES_CONNINFO"); }
  std::string port() const { return facts_.at("POSTGRES_PORT"); }
  /// Over TCP, with the password.
  std::string over_tcp(const std::string& at_port) const {
    return "host=127.0.0.1 port=" + at_port + " user=tester password=testing dbname=postgres";
  }
  /// SIGKILL to all its processes; and again with what it had.
  void kill() { order("kill"); }
  void start() { order("start"); }

 private:
  std::string line() {
    std::array<char, 500> text{};
    if (std::fgets(text.data(), text.size(), lines_) == nullptr) return {};
    const std::string all(text.data());
    return all.substr(0, all.find('\n'));
  }
  void read_facts() {
    while (facts_.size() < 3) {
      const std::string text = line();
      if (text.empty()) return end_without();
      const std::size_t equals = text.find('=');
      facts_[text.substr(0, equals)] = text.substr(equals + 1);
    }
  }
  void order(const std::string& what) {
    const std::string text = what + '\n';
    if (::write(orders_, text.data(), text.size()) < 0 || line() != what) std::abort();
  }
  int end_script() {
    ::close(orders_);
    int status = 0;
    (void)::waitpid(script_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void end_without() {
    const int code = end_script();
    INFO("start_postgres ended with " << code);
    REQUIRE(code == 77);
    std::puts("skipped: no postgres (Debian: postgresql)");
    std::exit(77);
  }

  pid_t script_ = -1;
  int orders_ = -1;
  std::FILE* lines_ = nullptr;
  std::map<std::string, std::string> facts_;
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
