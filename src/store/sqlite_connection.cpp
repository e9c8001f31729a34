#include "sqlite_connection.hpp"

#include <cerrno>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

failure failure_of(sqlite3* db, int code) noexcept {
  const int extended = db != nullptr ? sqlite3_extended_errcode(db) : code;
  failure why{.code = errc::storage_failed,
              .cause = (extended & 255) == (code & 255) ? extended : code};
  switch (code & 255) {
    case SQLITE_FULL: why.code = errc::storage_full; break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: why.code = errc::storage_unavailable; break;
    case SQLITE_NOMEM: why.code = errc::no_memory; break;
    case SQLITE_IOERR: {
      // A disk quota, and a log or its index that could not grow, come as errors of the device.
      const int system = db != nullptr ? sqlite3_system_errno(db) : 0;
      if (system == ENOSPC || system == EDQUOT) why.code = errc::storage_full;
      break;
    }
    default: break;  // SQLite's codes are no enum
  }
  return why;
}

failure statement::prepare(sqlite3* db, std::string_view sql) noexcept {
  close();
  const int code = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &made_, nullptr);
  return code == SQLITE_OK ? failure{} : failure_of(db, code);
}

void statement::close() noexcept {
  sqlite3_finalize(std::exchange(made_, nullptr));
  bound_ = SQLITE_OK;
}

statement& statement::bind(int at, std::int64_t value) noexcept {
  if (bound_ == SQLITE_OK) bound_ = sqlite3_bind_int64(made_, at, value);
  return *this;
}

statement& statement::bind_text(int at, std::string_view value) noexcept {
  if (value.data() == nullptr) value = "";  // null would be bound as NULL
  if (bound_ == SQLITE_OK)
    bound_ = sqlite3_bind_text64(made_, at, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

statement& statement::bind_blob(int at, bytes value) noexcept {
  // As above: no bytes are a value.
  const void* const data = value.empty() ? static_cast<const void*>("") : value.data();
  if (bound_ == SQLITE_OK)
    bound_ = sqlite3_bind_blob64(made_, at, data, value.size(), SQLITE_STATIC);
  return *this;
}

int statement::step() noexcept {
  if (bound_ != SQLITE_OK) return bound_;
  return sqlite3_step(made_);
}

void statement::reset() noexcept {
  sqlite3_reset(made_);
  bound_ = SQLITE_OK;
}

failure statement::run() noexcept {
  const int code = step();
  failure why;
  if (code != SQLITE_DONE && code != SQLITE_ROW) why = failure_of(sqlite3_db_handle(made_), code);
  reset();
  return why;
}

std::string_view statement::text(int at) const noexcept {
  const auto* const data = reinterpret_cast<const char*>(sqlite3_column_text(made_, at));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(made_, at))};
}

bytes statement::blob(int at) const noexcept {
  const void* const data = sqlite3_column_blob(made_, at);
  if (data == nullptr) return {};
  return as_bytes(data, static_cast<std::size_t>(sqlite3_column_bytes(made_, at)));
}

failure statement::error() const noexcept {
  sqlite3* const db = sqlite3_db_handle(made_);
  const int code = bound_ != SQLITE_OK ? bound_ : sqlite3_errcode(db);
  return failure_of(db, code);
}

failure connection::open(const std::string& path, int flags) noexcept {
  close();
  const int code = sqlite3_open_v2(path.c_str(), &db_, flags | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code == SQLITE_OK) return {};
  const failure why = failure_of(db_, code);
  close();
  return why;
}

void connection::close() noexcept { sqlite3_close_v2(std::exchange(db_, nullptr)); }

failure connection::run(const char* sql) noexcept {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? failure{} : failure_of(db_, code);
}

failure connection::ask(const char* sql, std::int64_t& answer) noexcept {
  statement question;
  if (const failure why = question.prepare(db_, sql)) return why;
  const int code = question.step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return question.error();
  answer = code == SQLITE_ROW ? question.integer(0) : 0;
  return {};
}

failure connection::ask(const char* sql, std::string& answer) {
  statement question;
  if (const failure why = question.prepare(db_, sql)) return why;
  const int code = question.step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return question.error();
  answer = code == SQLITE_ROW ? question.text(0) : std::string_view{};
  return {};
}

void connection::roll_back() noexcept {
  if (db_ != nullptr && sqlite3_get_autocommit(db_) == 0)
    static_cast<void>(sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr));
}

}  // namespace sqlite_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
