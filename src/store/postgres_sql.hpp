// src/store/postgres_sql.hpp - the tables, and every statement that touches them.
//
// state of an object: 0 being written, 1 prepared, 2 stored (the only one that readers see),
// 3 being removed. It only grows. Bytes of an object are in chunks of any size, found by the
// offset of their first byte.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postgres_link.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace postgres_detail {

/// A later version of the tables has a higher number; this code reads and writes this one only.
inline constexpr std::int64_t schema_version = 1;

/// [a-z_][a-z0-9_]*, at most 63 bytes (NAMEDATALEN) and not of PostgreSQL's own pg_.
bool valid_identifier(std::string_view name) noexcept;

struct statements {
  explicit statements(const std::string& schema);

  // What a file goes through. $1 is its id.
  std::string add_object;  // owner
  std::string add_chunk;   // first, data
  std::string prepare;  // key, size, filename, type, digests: whether the key is taken, or no row
  std::string lock;     // : state, stored_at
  std::string publish;  // : stored_at
  // In a transaction: no long wait for a row or a key that another one has.
  std::string impatient;
  // Removal, a piece at a time.
  std::string doom;
  std::string erase_chunks;
  std::string erase_object;
  std::string is_left;

  // By key.
  std::string find;           // key: columns of info_of()
  std::string list;           // cursor, limit: the same
  std::string remove;         // key, owner: id
  std::string lock_doubtful;  // key
  std::string lend;           // key, owner

  std::string read;    // id, offset, count: bytes that begin at the offset
  std::string owners;  // seconds, own number: who has unpublished rows that old
  std::string dead;    // owner, seconds: ids of some
  std::string version;
  std::vector<std::string> create;
};

/// One row of `find` or `list`; `id`, if it is wanted.
object_info info_of(const rows& from, std::size_t row, object_id* id = nullptr);

std::string write_digests(const std::vector<digest_value>& digests);
std::vector<digest_value> read_digests(std::string_view text);

/// From timestamptz in its binary form: microseconds since 2000.
std::chrono::system_clock::time_point time_of(std::int64_t microseconds) noexcept;

std::string hex(const object_id& id);

}  // namespace postgres_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
