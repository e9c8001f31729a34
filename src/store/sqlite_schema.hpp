// src/store/sqlite_schema.hpp - the tables, and what stands in a row.
//
// Changing a table means another version, and an upgrade in create_schema().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sqlite_connection.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

inline constexpr std::int64_t schema_version = 1;

/// 256 KiB: rows of 64 KiB cost a third more for each byte, rows of 1 MiB gain nothing.
inline constexpr std::size_t chunk_bytes = 256 * KiB;

/// A transaction of data, and one of clean-up. 4 MiB: large enough that its fixed cost vanishes,
/// and it holds the lock for some 50 ms on a slow disk.
inline constexpr std::size_t batch_bytes = 4 * MiB;
inline constexpr std::size_t batch_chunks = batch_bytes / chunk_bytes;

/// Chunk k of object n is the row n * 2^24 + k: the chunks of an object lie together, and need no
/// index. 2^24 chunks are 4 TiB; 2^39 objects are one every millisecond for 17 years.
inline constexpr std::int64_t most_chunks = std::int64_t{1} << 24U;
inline constexpr std::int64_t most_objects = std::int64_t{1} << 39U;
constexpr std::int64_t chunk_row(std::int64_t object, std::int64_t chunk) noexcept {
  return object * most_chunks + chunk;
}

failure create_schema(const std::string& path);
/// errc::ok, schema_missing or schema_mismatch.
failure check_schema(connection& db);

std::vector<std::byte> write_digests(const std::vector<digest_value>& digests);
/// False where they are damaged. Digests of a later version are left out.
bool read_digests(bytes stored, std::vector<digest_value>& into);

std::int64_t nanoseconds_of(std::chrono::system_clock::time_point at) noexcept;
std::chrono::system_clock::time_point time_of(std::int64_t nanoseconds) noexcept;
std::int64_t seconds_now() noexcept;

/// What info_of() and the reader read, in this order.
#define UPSTOW_SQLITE_COLUMNS \
  "id, key, size, chunk_bytes, stored_at, filename, declared_type, digests"
object_info info_of(const statement& row);

}  // namespace sqlite_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
