// src/store/postgres_link.hpp - one connection to PostgreSQL, and what can go wrong with it.
//
// libpq in pipeline mode: statements are sent one after the other, then one sync() has the answers
// of all. Between two syncs they are one transaction, unless they say BEGIN themselves. Every wait
// has a deadline and ends when the store does.
#pragma once

#include <libpq-fe.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "upstow/bytes.hpp"
#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace postgres_detail {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;

/// A version 4 UUID: made here, so that a row's number is known before the row is.
using object_id = std::array<std::byte, 16>;

constexpr std::int32_t sqlstate(std::string_view five) noexcept {
  std::int32_t packed = 0;
  for (std::size_t i = 5; i-- > 0;) packed = packed * 64 + ((five[i] - '0') & 63);
  return packed;
}
inline constexpr std::int32_t no_connection = sqlstate("08001");
inline constexpr std::int32_t connection_broke = sqlstate("08006");
inline constexpr std::int32_t unique_violation = sqlstate("23505");
inline constexpr std::int32_t lock_not_available = sqlstate("55P03");

/// What a SQLSTATE of the server means for an upload.
failure failure_of(std::int32_t state) noexcept;

/// As the server reads and writes numbers.
std::array<char, 8> big_endian(std::int64_t value) noexcept;

/// Ends all waiting at once and for good: a pipe with a byte in it that nobody reads.
class stop_signal {
 public:
  stop_signal() = default;
  stop_signal(const stop_signal&) = delete;
  stop_signal& operator=(const stop_signal&) = delete;
  ~stop_signal();
  /// 0 or errno.
  int open() noexcept;
  void set() noexcept;
  bool is_set() const noexcept { return set_; }
  int fd() const noexcept { return read_; }
  /// True after `how_long`, false if the signal came first.
  bool sleep(std::chrono::milliseconds how_long) const noexcept;

 private:
  int read_ = -1;
  int write_ = -1;
  std::atomic<bool> set_{false};
};

/// The parameters of a statement, all binary. Views must live until it is sent.
class params {
 public:
  params() = default;
  params(const params&) = delete;
  params& operator=(const params&) = delete;

  params& id(const object_id& value) noexcept { return raw(value.data(), value.size()); }
  params& text(std::string_view value) noexcept { return raw(value.data(), value.size()); }
  params& data(bytes value) noexcept { return raw(value.data(), value.size()); }
  params& number(std::int64_t value) noexcept;

 private:
  friend class link;
  static constexpr std::size_t most = 8;

  params& raw(const void* at, std::size_t size) noexcept;

  std::size_t count_ = 0;
  std::array<const char*, most> values_{};
  std::array<int, most> lengths_{};
  std::array<std::array<char, 8>, most> numbers_{};
};

/// The answer to one statement. Columns are binary.
class rows {
 public:
  explicit rows(PGresult* of) noexcept : of_(of) {}

  std::size_t count() const noexcept { return static_cast<std::size_t>(PQntuples(of_.get())); }
  /// How many rows a command changed.
  std::uint64_t changed() const noexcept;
  /// Valid as long as this.
  bytes data(std::size_t row, int column) const noexcept;
  std::string_view text(std::size_t row, int column) const noexcept {
    return as_text(data(row, column));
  }
  std::int64_t number(std::size_t row, int column) const noexcept;  // int2, int4, int8
  bool flag(std::size_t row, int column) const noexcept { return number(row, column) != 0; }
  object_id id(std::size_t row, int column) const noexcept;
  const PGresult* raw() const noexcept { return of_.get(); }

 private:
  struct clear {
    void operator()(PGresult* r) const noexcept { PQclear(r); }
  };
  std::unique_ptr<PGresult, clear> of_;
};

/// The answers of one sync().
struct answer {
  bool lost = false;  // the connection broke or the deadline passed: nobody knows what was done
  failure error{};    // what the server refused
  std::size_t refused = 0;   // the index of that statement
  std::vector<rows> done{};  // of the statements before it
  bool ok() const noexcept { return !lost && !error; }
};

/// What a connection is made of.
struct settings {
  std::vector<std::pair<std::string, std::string>> keywords;  // of conninfo, parsed
  std::string schema;
  std::chrono::milliseconds connect_timeout;
  std::chrono::milliseconds statement_timeout;
  std::int64_t owner = 0;  // its lock is held; 0: none
};

/// False if it is not well-formed.
bool parse_conninfo(const std::string& conninfo, settings& into);

class link {
 public:
  link(const settings& how, const stop_signal& stop) noexcept : how_(how), stop_(stop) {}
  link(const link&) = delete;
  link& operator=(const link&) = delete;
  ~link() { drop(); }

  bool connected() const noexcept { return connection_ != nullptr; }
  /// Connects where there is no connection.
  failure connect();
  void drop() noexcept;

  /// Sends a statement. What fails shows in sync().
  void send(const char* sql, const params& with = params());
  /// Waits for the answers of all that was sent. After `lost` there is no connection any more.
  answer sync();

 private:
  failure open_connection(time_point until);
  failure set_up();
  std::int32_t refusal() const noexcept;
  bool wait(short events, time_point until) const noexcept;
  bool flush(time_point until) noexcept;
  PGresult* next(time_point until) noexcept;
  bool take(PGresult* got, answer& into);

  const settings& how_;
  const stop_signal& stop_;
  PGconn* connection_ = nullptr;
  std::size_t sent_ = 0;
  bool broken_ = false;  // a send failed
};

}  // namespace postgres_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
