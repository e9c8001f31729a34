// tests/sqlite/sqlite_rig.hpp - a database of its own for each test, and looks behind the store.
#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <string>

#include "support/catch.hpp"
#include "support/scratch.hpp"
#include "support/storing.hpp"
#include "upstow/store/sqlite_store.hpp"

namespace upstow_test {

/// A path to a database with the tables: a copy of one that is made once, since making one waits
/// for the disk several times. Ends the program on failure.
inline std::string with_schema(const std::string& path) {
  static const scratch made_once;
  static const bool made = upstow::sqlite_store::create_schema(made_once.root()).has_value();
  if (!made) std::terminate();
  std::filesystem::copy_file(made_once.root(), path);
  return path;
}

/// Far over what any clean-up takes, so that only a hang fails.
inline constexpr std::chrono::minutes long_patience{2};

struct sqlite_rig {
  scratch where;
  std::string path = with_schema(where.root());
  upstow::sqlite_store made;

  explicit sqlite_rig(
      upstow::sqlite_options options = {.synchronous = upstow::sqlite_synchronous::normal})
      : made(opened(options)) {}
  upstow::store& store() { return made; }

 private:
  upstow::sqlite_store opened(upstow::sqlite_options& options) {
    options.path = path;
    return *upstow::sqlite_store::open(options);
  }
};

/// Somebody else's connection: the host's, or another program's.
class other_connection {
 public:
  explicit other_connection(const std::string& path, int patience_ms = 10000) {
    if (sqlite3_open(path.c_str(), &db_) != SQLITE_OK) std::terminate();
    sqlite3_busy_timeout(db_, patience_ms);
  }
  other_connection(const other_connection&) = delete;
  other_connection& operator=(const other_connection&) = delete;
  ~other_connection() { sqlite3_close(db_); }

  sqlite3* get() const { return db_; }
  int run(const char* sql) { return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr); }
  /// The first column of the first row; -1 if there is none.
  long long ask(const char* sql) {
    sqlite3_stmt* s = nullptr;
    long long answer = -1;
    if (sqlite3_prepare_v2(db_, sql, -1, &s, nullptr) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
      answer = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return answer;
  }
  std::string text(const char* sql) {
    sqlite3_stmt* s = nullptr;
    std::string answer;
    if (sqlite3_prepare_v2(db_, sql, -1, &s, nullptr) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
      answer = reinterpret_cast<const char*>(sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    return answer;
  }

 private:
  sqlite3* db_ = nullptr;
};

/// Rows that no published object accounts for.
inline long long stray_rows(const std::string& path) {
  other_connection db(path);
  return db.ask(
      "SELECT (SELECT count(*) FROM upstow_object WHERE published IS NULL)"
      " + (SELECT count(*) FROM upstow_chunk WHERE (id >> 24) NOT IN"
      "     (SELECT id FROM upstow_object WHERE published = 1))");
}

inline bool sound(const std::string& path) {
  return other_connection(path).text("PRAGMA integrity_check") == "ok";
}

}  // namespace upstow_test
