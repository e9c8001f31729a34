#include "sqlite_schema.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

namespace {

// AUTOINCREMENT: a number is never used again, so nobody reads the chunks of another object.
// published is 1 or NULL, and NULLs differ from each other: many may prepare a key, one has it.
// Publishing changes no size of a row or an index entry, so it needs no new page.
constexpr const char* tables = R"sql(
CREATE TABLE upstow_schema(version INTEGER NOT NULL);
CREATE TABLE upstow_object(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner INTEGER NOT NULL,        -- the number of the store that writes or wrote it
  begun_at INTEGER NOT NULL,     -- seconds since 1970
  published INTEGER,             -- 1, or NULL: not there yet, or not any more
  key TEXT,                      -- NULL until it is prepared
  size INTEGER NOT NULL,
  chunk_bytes INTEGER NOT NULL,  -- of each chunk but the last
  stored_at INTEGER NOT NULL,    -- nanoseconds since 1970
  filename BLOB, declared_type BLOB, digests BLOB,
  UNIQUE(key, published));
CREATE INDEX upstow_unpublished ON upstow_object(owner, begun_at) WHERE published IS NULL;
CREATE TABLE upstow_chunk(
  id INTEGER PRIMARY KEY,        -- object * 2^24 + number of the chunk
  data BLOB NOT NULL);
INSERT INTO upstow_schema VALUES(1);
)sql";

failure make_tables(connection& db) {
  if (const failure why = db.run("BEGIN IMMEDIATE")) return why;
  failure why = check_schema(db);  // somebody may have been faster
  if (why.code == errc::schema_missing) {
    why = db.run(tables);
    if (!why) why = db.run("COMMIT");
  }
  db.roll_back();
  return why;
}

}  // namespace

failure create_schema(const std::string& path) {
  if (path.empty() || path.front() == ':') return {.code = errc::misuse};
  // SQLite would make it as the umask says.
  const int made = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0 && errno != EEXIST) return {.code = errc::storage_failed, .cause = errno};
  if (made >= 0) ::close(made);
  connection db;
  if (const failure why = db.open(path, SQLITE_OPEN_READWRITE)) return why;
  sqlite3_busy_timeout(db.get(), 5000);  // as sqlite_options::busy_timeout
  const failure found = check_schema(db);
  if (found.code != errc::schema_missing) return found;
  // Has an effect only on a database without tables.
  if (const failure why = db.run("PRAGMA auto_vacuum = INCREMENTAL")) return why;
  std::string mode;
  if (const failure why = db.ask("PRAGMA journal_mode = WAL", mode)) return why;
  if (mode != "wal") return {.code = errc::storage_failed, .cause = SQLITE_CANTOPEN};
  return make_tables(db);
}

failure check_schema(connection& db) {
  std::int64_t there = 0;
  if (const failure why =
          db.ask("SELECT count(*) FROM sqlite_schema WHERE name = 'upstow_schema'", there))
    return why;
  if (there == 0) return {.code = errc::schema_missing};
  std::int64_t version = 0;
  if (const failure why = db.ask("SELECT version FROM upstow_schema", version)) return why;
  if (version == schema_version) return {};
  return {.code = errc::schema_mismatch, .cause = static_cast<std::int32_t>(version)};
}

// Each digest: the size of its name, its name, its own size, itself.
std::vector<std::byte> write_digests(const std::vector<digest_value>& digests) {
  std::vector<std::byte> out;
  const auto put = [&out](bytes some) {
    out.push_back(static_cast<std::byte>(some.size()));
    out.insert(out.end(), some.begin(), some.end());
  };
  for (const digest_value& d : digests) {
    put(as_bytes(algorithm_name(d.algorithm)));
    put(d.view());
  }
  return out;
}

bool read_digests(bytes stored, std::vector<digest_value>& into) {
  const auto cut = [&stored](bytes& some) {
    if (stored.empty()) return false;
    const auto size = std::to_integer<std::size_t>(stored[0]);
    if (stored.size() - 1 < size) return false;
    some = stored.subspan(1, size);
    stored = stored.subspan(1 + size);
    return true;
  };
  while (!stored.empty()) {
    bytes name, value;
    if (!cut(name) || !cut(value)) return false;
    const std::optional<digest_algorithm> algorithm = algorithm_called(as_text(name));
    if (!algorithm) continue;
    if (value.size() != digest_size(*algorithm)) return false;
    digest_value d{.algorithm = *algorithm, .size = static_cast<std::uint8_t>(value.size())};
    std::copy(value.begin(), value.end(), d.value.begin());
    into.push_back(d);
  }
  return true;
}

std::int64_t nanoseconds_of(std::chrono::system_clock::time_point at) noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}

std::chrono::system_clock::time_point time_of(std::int64_t nanoseconds) noexcept {
  using clock = std::chrono::system_clock;
  return clock::time_point(
      std::chrono::duration_cast<clock::duration>(std::chrono::nanoseconds(nanoseconds)));
}

std::int64_t seconds_now() noexcept {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

object_info info_of(const statement& row) {
  object_info info;
  info.key = row.text(1);
  info.size = static_cast<std::uint64_t>(row.integer(2));
  info.state = object_state::stored;
  info.stored_at = time_of(row.integer(4));
  info.metadata.filename = as_text(row.blob(5));
  info.metadata.declared_type = as_text(row.blob(6));
  // Somebody's hand was at the row: the object is there, its digests are not.
  if (!read_digests(row.blob(7), info.metadata.digests)) info.metadata.digests.clear();
  return info;
}

}  // namespace sqlite_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
