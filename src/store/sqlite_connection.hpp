// src/store/sqlite_connection.hpp - SQLite's C interface with owners, and its errors as failures.
//
// Used by one thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "upstow/bytes.hpp"
#include "upstow/error.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

/// What the last call on `db` answered, which was `code`. `cause` is SQLite's extended code.
failure failure_of(sqlite3* db, int code) noexcept;

/// A compiled statement. Binding keeps views: they outlive the next reset().
class statement {
 public:
  statement() = default;
  statement(const statement&) = delete;
  statement& operator=(const statement&) = delete;
  ~statement() { sqlite3_finalize(made_); }

  failure prepare(sqlite3* db, std::string_view sql) noexcept;
  void close() noexcept;

  // The first parameter is 1. A failure to bind shows in step().
  statement& bind(int at, std::int64_t value) noexcept;
  statement& bind_text(int at, std::string_view value) noexcept;
  statement& bind_blob(int at, bytes value) noexcept;

  /// SQLITE_ROW, SQLITE_DONE, or an error.
  int step() noexcept;
  void reset() noexcept;
  /// Runs what gives no row, and resets.
  failure run() noexcept;

  // The first column is 0. Views are valid until the next step() or reset().
  std::int64_t integer(int at) const noexcept { return sqlite3_column_int64(made_, at); }
  std::string_view text(int at) const noexcept;
  bytes blob(int at) const noexcept;
  failure error() const noexcept;

 private:
  sqlite3_stmt* made_ = nullptr;
  int bound_ = SQLITE_OK;
};

/// Resets a statement when it goes, so that no read transaction stays open.
class running {
 public:
  explicit running(statement& what) noexcept : what_(what) {}
  running(const running&) = delete;
  running& operator=(const running&) = delete;
  ~running() { what_.reset(); }

 private:
  statement& what_;
};

class connection {
 public:
  connection() = default;
  connection(connection&& from) noexcept : db_(std::exchange(from.db_, nullptr)) {}
  connection& operator=(connection&& from) noexcept {
    std::swap(db_, from.db_);
    return *this;
  }
  ~connection() { close(); }

  /// `flags` as for sqlite3_open_v2().
  failure open(const std::string& path, int flags) noexcept;
  /// REQUIRES: its statements are closed.
  void close() noexcept;
  sqlite3* get() const noexcept { return db_; }

  failure run(const char* sql) noexcept;
  /// The first column of the first row, 0 if there is none.
  failure ask(const char* sql, std::int64_t& answer) noexcept;
  failure ask(const char* sql, std::string& answer);
  int changes() const noexcept { return sqlite3_changes(db_); }
  /// Ends a transaction that is open, if SQLite has not done so itself.
  void roll_back() noexcept;

 private:
  sqlite3* db_ = nullptr;
};

}  // namespace sqlite_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
